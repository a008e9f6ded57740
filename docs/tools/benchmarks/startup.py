"""What `import infoq` takes, beside the start of a bare interpreter, each in a fresh process."""

import subprocess
import sys
import time
from collections.abc import Mapping

from .measure import Call, Clock, Times, interleave

BARE = "a bare interpreter"
# Without the site's packages, of which some are imported at every start.
CODES = {
    BARE: "pass",
    "import infoq": "import infoq",
    "import typing": "import typing",
    "import numpy": "import numpy",
}


def _start(code: str) -> Call:
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}"]
    return lambda: subprocess.run(command, check=True)


def start(rounds: int = 25, clock: Clock = time.perf_counter) -> dict[str, Times]:
    """Time fresh processes in turn; each has run once before, so that its files are at hand."""
    calls = {name: _start(code) for name, code in CODES.items()}
    for call in calls.values():
        call()
    return interleave(calls, rounds, seconds=30.0, clock=clock)


def beyond(times: Mapping[str, Times], name: str) -> Times:
    """What a process takes more than the bare interpreter of the same round."""
    bare = times[BARE].seconds
    pairs = zip(times[name].seconds, bare, strict=False)
    return Times(tuple(one - other for one, other in pairs))
