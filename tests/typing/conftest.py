"""Nothing here is run: `nox -s types` has mypy read it."""

collect_ignore_glob = ["*.py"]
