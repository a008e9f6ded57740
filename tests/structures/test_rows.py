"""Rows and forms: what each structure answers is what its rows in full answer."""

from __future__ import annotations

import numpy as np
import pytest

from infoq.backends import ops_for
from infoq.likelihoods import Softmax
from infoq.structures import forms
from infoq.structures.curved_rows import CurvedKroneckerRows, CurvedRows
from infoq.structures.diagonal import DiagonalRows
from infoq.structures.kronecker_rows import KroneckerRows
from infoq.structures.rows import DenseRows
from infoq.structures.unit import UnitRows
from tests.structures import cases
from tests.structures.cases import C, D, N, P, spread
from tests.structures.own import OwnRows

RNG = np.random.default_rng(7)
VECTORS = RNG.normal(size=(3, P))
STACK = RNG.normal(size=(3, 2, P))
WEIGHTS = RNG.random(P)
MATRIX = spread(P, 0)
LEFT, RIGHT = spread(C, 1), spread(D, 2)
SCALE = RNG.normal(size=N)
CLOSE = {"rtol": 1e-12, "atol": 1e-13}

# Each with the numbers that its maps are made of: [n, S, R], or one for each row.
STRUCTURES = {
    "dense": (lambda a: DenseRows(a(cases.ROWS)), RNG.normal(size=(N, 3, 2))),
    "of one's own": (lambda a: OwnRows(a(cases.ROWS)), RNG.normal(size=(N, 3, 2))),
    "kronecker": (
        lambda a: KroneckerRows(a(cases.PHI), a(cases.MIXED[:, :, :2])),
        RNG.normal(size=(N, 3, 2)),
    ),
    "kronecker of a likelihood": (
        lambda a: CurvedKroneckerRows(
            ops_for(a(cases.PHI)), a(cases.PHI), Softmax(logits=a(cases.Z)), C
        ),
        RNG.normal(size=(N, 3, 2)),
    ),
    "jacobian of a likelihood": (
        lambda a: CurvedRows(ops_for(a(cases.PHI)), a(cases.JACOBIAN), Softmax(logits=a(cases.Z))),
        RNG.normal(size=(N, 3, 2)),
    ),
    "unit": (
        lambda a: UnitRows(a(SCALE), a(np.array([0, 5, 5, 2])), P),
        RNG.normal(size=(N, 1, 1)),
    ),
}
each = pytest.mark.parametrize("name", STRUCTURES)


class Memory:
    """Arrays of the library that computes: for Dask, of what holds its chunks."""

    def __init__(self, backend):
        self.array = lambda x: backend.ops.fetch(backend.array(x))
        self.ops = ops_for(self.array(np.zeros(1)))

    def same(self, actual, expected):
        np.testing.assert_allclose(np.array(self.ops.to_host(actual)), expected, **CLOSE)


@pytest.fixture
def memory(backend):
    return Memory(backend)


def both(memory, name):
    """The rows of a structure, and the same in full: [N, R, P]."""
    rows = STRUCTURES[name][0](memory.array)
    return rows, np.array(memory.ops.to_host(rows.dense(memory.ops)))


def test_rows_in_full(memory):
    _, full = both(memory, "kronecker")
    expected = np.einsum("ncr,nd->nrcd", cases.MIXED[:, :, :2], cases.PHI).reshape(N, 2, P)
    np.testing.assert_allclose(full, expected, **CLOSE)
    _, unit = both(memory, "unit")
    np.testing.assert_array_equal(unit[:, 0], np.eye(P)[[0, 5, 5, 2]] * SCALE[:, None])
    roots = memory.array(np.sqrt(cases.DIAGONAL))
    memory.same(DiagonalRows(roots).dense(memory.ops), cases.diagonals(np.sqrt(cases.DIAGONAL)))


@each
def test_products_with_vectors(memory, name):
    rows, full = both(memory, name)
    ops = memory.ops
    memory.same(rows.dot(ops, memory.array(VECTORS)), full @ VECTORS.T)
    memory.same(rows.pairs(ops, memory.array(STACK)), np.einsum("nrp,msp->rsmn", full, STACK))
    apply = forms.DenseForm(memory.array(MATRIX)).apply
    memory.same(rows.solved(ops, apply), full @ MATRIX)


@each
def test_quadratic_forms(memory, name):
    rows, full = both(memory, name)
    ops, turned = memory.ops, full.swapaxes(1, 2)
    memory.same(rows.quadratic(ops, memory.array(MATRIX)), full @ MATRIX @ turned)
    memory.same(rows.weighed(ops, memory.array(WEIGHTS)), full @ np.diag(WEIGHTS) @ turned)
    memory.same(rows.weighed(ops, memory.array(WEIGHTS[:1])), WEIGHTS[0] * full @ turned)
    weighed = full * WEIGHTS
    memory.same(
        rows.sandwiched(ops, *map(memory.array, (WEIGHTS, LEFT, RIGHT))),
        weighed @ np.kron(LEFT, RIGHT) @ weighed.swapaxes(1, 2),
    )


@each
def test_other_rows(memory, name):
    rows, full = both(memory, name)
    ops, maps = memory.ops, STRUCTURES[name][1]
    memory.same(rows.transformed(ops, memory.array(maps)).dense(ops), maps @ full)
    memory.same(rows.scaled(ops, memory.array(SCALE)).dense(ops), full * SCALE[:, None, None])
    turned = rows.rotated(ops, memory.array(LEFT), memory.array(RIGHT))
    memory.same(turned.dense(ops), full @ np.kron(LEFT, RIGHT))


def test_several_rows_from_a_unit_vector(memory):
    rows, full = both(memory, "unit")
    maps = RNG.normal(size=(N, 2, 1))
    memory.same(rows.transformed(memory.ops, memory.array(maps)).dense(memory.ops), maps @ full)


def test_factors_of_other_sizes_than_the_rows(memory):
    rows, full = both(memory, "kronecker")  # C = 3 and D = 2, turned by factors of 2 and 3
    turned = rows.rotated(memory.ops, memory.array(RIGHT), memory.array(LEFT))
    memory.same(turned.dense(memory.ops), full @ np.kron(RIGHT, LEFT))


@each
def test_fisher_information(memory, name):
    rows, full = both(memory, name)
    total = np.einsum("nrp,nrq->pq", full, full)
    memory.same(rows.fisher(memory.ops), total)
    memory.same(rows.fisher_diagonal(memory.ops), np.diag(total))


@each
def test_factors_of_inner_products(memory, name):
    rows, full = both(memory, name)
    inner = np.ones((N, N))
    for factor in rows.factors(memory.ops):
        here = np.array(memory.ops.to_host(factor))
        inner = inner * (here @ here.T)
    np.testing.assert_allclose(inner, np.einsum("nrp,mrp->nm", full, full), **CLOSE)


def test_diagonal_rows_are_groups_of_one(memory):
    ops, roots = memory.ops, np.sqrt(cases.DIAGONAL)
    rows = DiagonalRows(memory.array(roots))
    groups = cases.DIAGONAL[:, :, None, None]
    memory.same(rows.weighed(ops, memory.array(WEIGHTS)), groups * WEIGHTS[:, None, None])
    memory.same(rows.weighed(ops, memory.array(WEIGHTS[:1])), groups * WEIGHTS[0])
    memory.same(rows.dot(ops, memory.array(VECTORS)), cases.diagonals(roots) @ VECTORS.T)
    pairs = STACK[:, :1].swapaxes(0, 2)[:, 0, :, None] * roots.T[:, None, :]
    memory.same(rows.pairs(ops, memory.array(STACK[:, :1])), pairs[None, None])
    memory.same(rows.transformed(ops, memory.array(groups)).roots, roots * cases.DIAGONAL)
    memory.same(rows.scaled(ops, memory.array(SCALE)).roots, roots * SCALE[:, None])
    memory.same(rows.fisher(ops), np.diag(cases.DIAGONAL.sum(0)))
    (factor,) = rows.factors(ops)
    memory.same(factor, roots)


def make_forms(memory):
    """Every form, with its matrix."""
    a = memory.array
    basis_a, basis_b = np.linalg.eigh(LEFT)[1], np.linalg.eigh(RIGHT)[1]
    basis = np.kron(basis_a, basis_b)
    dense = forms.DenseForm(a(MATRIX))
    rotated = forms.RotatedForm(a(basis_a), a(basis_b), a(WEIGHTS))
    outer = basis @ np.diag(WEIGHTS) @ basis.T
    little = VECTORS / 10
    turned = basis @ np.kron(LEFT, RIGHT) @ basis.T
    return {
        "diagonal": (forms.DiagonalForm(a(WEIGHTS)), np.diag(WEIGHTS)),
        "number": (forms.DiagonalForm(a(WEIGHTS[:1])), WEIGHTS[0] * np.eye(P)),
        "dense": (dense, MATRIX),
        "root": (forms.RootForm(a(VECTORS)), VECTORS.T @ VECTORS),
        "rotated": (rotated, outer),
        "sandwich": (forms.SandwichForm(rotated, a(LEFT), a(RIGHT)), outer @ turned @ outer),
        "reduced": (forms.ReducedForm(dense, a(little)), MATRIX - little.T @ little),
        "enlarged": (forms.EnlargedForm(dense, a(VECTORS)), MATRIX + VECTORS.T @ VECTORS),
    }


@each
def test_forms_of_rows(memory, name):
    rows, full = both(memory, name)
    for form, matrix in make_forms(memory).values():
        expected = full @ matrix @ full.swapaxes(1, 2)
        memory.same(form.of(memory.ops, rows), expected)
        memory.same(form.trace(memory.ops, rows), np.trace(expected, axis1=1, axis2=2))


def test_traces_of_diagonal_rows(memory):
    ops, rows = memory.ops, DiagonalRows(memory.array(np.sqrt(cases.DIAGONAL)))
    for name in ("diagonal", "number", "dense", "root", "rotated"):
        form, matrix = make_forms(memory)[name]
        memory.same(form.trace(ops, rows), cases.DIAGONAL @ np.diag(matrix))


def test_forms_of_vectors(memory):
    for form, matrix in make_forms(memory).values():
        memory.same(form.apply(memory.ops, memory.array(VECTORS)), VECTORS @ matrix)
        memory.same(form.apply(memory.ops, memory.array(STACK)), STACK @ matrix)
        memory.same(form.apply(memory.ops, memory.array(VECTORS[0])), VECTORS[0] @ matrix)
