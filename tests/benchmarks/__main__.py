"""Start the benchmarks: ``python tests/benchmarks``, or ``-m tests.benchmarks`` from the root."""

import sys
from pathlib import Path

if __package__:
    from .cli import main
else:  # run as a folder: no parent package yet, and one peer ships a top-level "tests" of its own
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from benchmarks.cli import main  # type: ignore[no-redef]

    del sys.path[0]

if __name__ == "__main__":
    sys.exit(main())
