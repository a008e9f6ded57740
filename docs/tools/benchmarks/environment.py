"""The state of the process before anything is measured, and the machine in words."""

import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterable, MutableMapping
from pathlib import Path

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
FIXED = dict.fromkeys(THREADS, "1") | {"JAX_PLATFORMS": "cpu", "TQDM_DISABLE": "1"}
# Overrides of the kernel that a BLAS chooses for this processor, and of its blocking.
OVERRIDES = (
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
    "MKL_DEBUG_CPU_TYPE",
    "MKL_ENABLE_INSTRUCTIONS",
    "MKL_CBWR",
    "BLIS_ARCH_TYPE",
    "ATEN_CPU_CAPABILITY",
    "NPY_DISABLE_CPU_FEATURES",
)


def clean(environ: MutableMapping[str, str]) -> bool:
    """Fix one thread and remove kernel overrides; tell whether anything changed."""
    before = dict(environ)
    environ.update(FIXED)
    for name in OVERRIDES:
        environ.pop(name, None)
    return dict(environ) != before


def restart_clean(arguments: list[str]) -> None:
    """Replace this process by one whose libraries see the clean environment from their start."""
    if clean(os.environ):
        folder = str(Path(__file__).resolve().parent)
        os.execv(sys.executable, [sys.executable, folder, *arguments])


def pin() -> None:
    """Keep the process on one core: the one limit that every thread pool respects, XLA's too."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def processor() -> str:
    """Name the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def version(distribution: str) -> str:
    """Give the installed version of a distribution, or say that there is none."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "from its source" if distribution in sys.modules else "not installed"


def blas() -> str:
    """Name the BLAS libraries loaded now, with the kernels that they chose."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return "unknown (threadpoolctl is not installed)"
    kernels = {
        f"{info['internal_api']} {info['version']} ({info.get('architecture', 'unknown kernel')}, "
        f"{info['num_threads']} thread)"
        for info in threadpool_info()
        if info["user_api"] == "blas"
    }
    return "; ".join(sorted(kernels)) or "none seen by threadpoolctl"


def describe(distributions: Iterable[str]) -> dict[str, str]:
    """Describe the machine and the versions, as label to text."""
    facts = {
        "processor": f"{processor()}, {os.cpu_count()} cores, one of them used",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "BLAS": blas(),
    }
    if "torch" in sys.modules:
        facts["torch's own kernels"] = sys.modules["torch"].backends.cpu.get_cpu_capability()
    if hasattr(os, "getloadavg"):
        facts["load average of the machine at the end"] = f"{os.getloadavg()[0]:.2f}"
    return facts | {name: version(name) for name in sorted(set(distributions))}
