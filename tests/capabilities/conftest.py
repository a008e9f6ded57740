"""Libraries whose transformations are tested, one at a time."""

from __future__ import annotations

import pytest


def _only(backend, *names):
    if backend.name not in names:
        pytest.skip(f"of {' and '.join(names)}")
    return backend


@pytest.fixture
def jax(backend):
    """The backend where it is JAX."""
    return _only(backend, "jax")


@pytest.fixture
def torch(backend):
    """The backend where it is PyTorch."""
    return _only(backend, "torch")


@pytest.fixture
def dask(backend):
    """The backend where it is Dask."""
    return _only(backend, "dask")


@pytest.fixture
def strict(backend):
    """The backend where it is array-api-strict."""
    return _only(backend, "array_api_strict")


@pytest.fixture
def differentiable(backend):
    """The backend where it has derivatives and maps."""
    return _only(backend, "torch", "jax")


@pytest.fixture
def narrow(backend):
    """The backend where it has half precisions."""
    return _only(backend, "numpy", "torch", "jax")
