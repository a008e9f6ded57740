"""``python -m infoq``, the same as the console script ``infoq``."""

from infoq.cli import main

if __name__ == "__main__":
    main()
