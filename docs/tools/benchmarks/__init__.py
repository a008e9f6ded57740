"""infoq beside the packages people use today: same inputs, answers compared, then timed.

Run ``python docs/tools/benchmarks`` from the root of the repository: it writes the page
``docs/benchmarks.md``.
A new comparison is one more entry in ``jobs.py``. What has to be installed is in
``requirements.txt`` and ``peers.txt`` (the second with ``--no-deps``) beside this file.
"""
