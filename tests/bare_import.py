"""Run where nothing but infoq is installed: it imports quickly, and no array library with it."""

import subprocess
import sys

LIBRARIES = {"numpy", "torch", "jax", "dask", "cupy", "scipy", "array_api_strict"}

CODE = """
import sys, time
start = time.perf_counter()
import infoq
seconds = time.perf_counter() - start
print(seconds, *sorted(set(sys.modules) & {libraries!r}))
"""


def imported(runs: int = 5) -> tuple[float, set[str]]:
    """The shortest time that `import infoq` took, and the array libraries that it imported."""
    best, loaded = float("inf"), set()
    for _ in range(runs):
        done = subprocess.run(
            [sys.executable, "-c", CODE.format(libraries=LIBRARIES)],
            capture_output=True,
            text=True,
            check=True,
        )
        seconds, *names = done.stdout.split()
        best, loaded = min(best, float(seconds)), loaded | set(names)
    return best, loaded


if __name__ == "__main__":
    seconds, libraries = imported()
    print(f"import infoq: {1000 * seconds:.0f} ms, array libraries: {sorted(libraries)}")
    assert seconds < 0.05, seconds
    assert not libraries, libraries
