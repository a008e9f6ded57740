"""Libraries and tables that infoq can't compute with, refused by name: `nox -s strangers`."""

from __future__ import annotations

import importlib
import importlib.util

import numpy as np
import pytest

import infoq
from infoq import methods
from infoq.backends import Ops, ops_for, register

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mlx") is None, reason="nox -s strangers installs them"
)

PROBS = np.random.default_rng(0).dirichlet(np.ones(3), (6, 4))
POINTS = np.random.default_rng(1).standard_normal((6, 3))

DOORS = {
    "eig": (infoq.eig, PROBS),
    "entropy": (infoq.entropy, PROBS),
    "Gaussian": (lambda x: infoq.Gaussian(x, 1.0), POINTS),
    "FacilityLocation": (infoq.FacilityLocation, POINTS),
    "kmeans_plusplus": (lambda x: infoq.kmeans_plusplus(x, 2), POINTS),
    "top_k": (lambda x: infoq.top_k(x, 2), POINTS[:, 0]),
    "kernel": (lambda x: infoq.LogDet(kernel=x), POINTS @ POINTS.T),
    "gcmi": (lambda x: methods.gcmi(x, x, 2), POINTS),
}


def mlx(x):
    return importlib.import_module("mlx.core").array(x)


def sparse(x):
    return importlib.import_module("sparse").COO.from_numpy(x)


def cubed(x):
    return importlib.import_module("cubed").from_array(x)


def table(x):
    pandas = importlib.import_module("pandas")
    return pandas.Series(x) if x.ndim == 1 else pandas.DataFrame(x.reshape(len(x), -1))


@pytest.mark.parametrize(("door", "values"), DOORS.values(), ids=DOORS)
@pytest.mark.parametrize(
    ("made", "found"),
    [
        (mlx, r"got an array of MLX; pass numpy.asarray\(x\); infoq.backends.register adds"),
        (sparse, r"got a sparse array; pass x.todense\(\), or infoq.Neighbours"),
        (cubed, r"got a lazy array of Cubed; pass x.compute\(\), or a Dask array"),
        (table, r"got a (DataFrame|Series) of pandas; pass x.to_numpy\(\)"),
    ],
    ids=["mlx", "sparse", "cubed", "pandas"],
)
def test_a_sentence_says_what_to_pass(door, values, made, found):
    with pytest.raises(TypeError, match=found):
        door(made(values))


def test_what_is_said_works():
    for made, back in ((mlx, np.asarray), (sparse, lambda x: x.todense())):
        np.testing.assert_allclose(infoq.eig(back(made(PROBS))), infoq.eig(PROBS), rtol=1e-5)


def test_whoever_registers_code_is_let_in(fresh_registry):
    class SparseOps(Ops):
        """What a third party writes."""

    register("sparse", SparseOps)
    assert type(ops_for(x=sparse(PROBS))) is SparseOps
