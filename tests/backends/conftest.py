"""A registry to play with."""

import pytest

from infoq.backends import registry


@pytest.fixture
def fresh_registry(monkeypatch):
    """What is registered in a test is forgotten after it."""
    for name, value in list(vars(registry).items()):
        if isinstance(value, dict) and not name.startswith("__"):
            monkeypatch.setattr(registry, name, dict(value))
