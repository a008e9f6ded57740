"""``infoq demo``: active learning on scikit-learn's digits, as one HTML report."""

from __future__ import annotations

from infoq.cli.demo.experiment import Settings
from infoq.cli.demo.report import run_demo

__all__ = ["Settings", "run_demo"]
