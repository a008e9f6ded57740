"""``python -m infoq``, the same as the console script ``infoq``."""

import sys

if __name__ == "__main__":
    try:
        from infoq.cli import main

        main()
    except KeyboardInterrupt:  # before the command line could say so itself
        sys.exit(128 + 2)
