"""Start the mutation testing: ``python docs/tools/mutation`` from the root."""

import sys
from pathlib import Path

# Run as a folder, which has no parent package: the one above it is where it is imported from.
sys.path[0] = str(Path(__file__).resolve().parents[1])
from mutation.run import main  # noqa: E402

del sys.path[0]

if __name__ == "__main__":
    sys.exit(main())
