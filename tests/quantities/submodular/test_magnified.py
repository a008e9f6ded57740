"""eta and nu: magnified queries and private sets, by definition and as published."""

from __future__ import annotations

import math

import numpy as np
import pytest

import infoq
from infoq import methods
from infoq.quantities.submodular import (
    FacilityLocation,
    GraphCut,
    LogDet,
    Neighbours,
    conditional,
    mutual,
)
from tests.quantities.submodular import cases
from tests.quantities.submodular.test_combinators import Masked

# Of nine points, queries and a private set.
N, Q, P = 6, (6, 7), (8,)
POINTS = np.random.default_rng(3).normal(size=(9, 4))
KERNEL = POINTS @ POINTS.T / 6
ETA, NU, RIDGE = 1.3, 1.6, 2.0


def magnified(kernel, eta, nu, rows=N):
    """A kernel whose blocks of candidates with queries and private points are magnified."""
    kernel = kernel.copy()
    for members, factor in ((Q, eta), (P, nu)):
        kernel[np.ix_(range(rows), members)] *= factor
        kernel[np.ix_(members, range(N))] *= factor
    return kernel


def definitions(value, eta, nu):
    """MI, CG and CMI of a value that takes a kernel's factors."""
    both = value(eta, nu)
    return {
        "mi": cases.mutual(value(eta, 1.0), Q),
        "cg": cases.conditional(value(1.0, nu), P),
        "cmi": cases.mutual(cases.conditional(both, P), Q),
    }


def functions(f, eta, nu):
    return {
        "mi": mutual(f, Q, eta=eta),
        "cg": conditional(f, P, nu=nu),
        "cmi": mutual(conditional(f, P, nu=nu), Q, eta=eta),
    }


def lists(backend, kernel):
    every = np.tile(np.arange(9), (9, 1))
    return Neighbours(backend.array(every), backend.array(kernel))


def check(backend, f, eta, nu, value):
    expected = definitions(value, eta, nu)
    for name, found in functions(f, eta, nu).items():
        cases.check(backend, Masked(found, Q + P), expected[name], picks=(2, 5, 0))


@pytest.mark.parametrize(("eta", "nu"), [(ETA, NU), (1.0, NU), (ETA, 1.0), (0.5, 0.0)])
@pytest.mark.parametrize("made_of", ["points", "kernel", "lists"])
def test_log_determinants(backend, made_of, eta, nu):
    pools = {
        "points": lambda: LogDet(backend.array(POINTS / math.sqrt(6)), ridge=RIDGE),
        "kernel": lambda: LogDet(kernel=backend.array(KERNEL), ridge=RIDGE),
        "lists": lambda: LogDet(kernel=lists(backend, KERNEL), ridge=RIDGE),
    }

    def value(eta, nu):
        return cases.log_det(magnified(KERNEL, eta, nu), RIDGE)

    check(backend, pools[made_of](), eta, nu, value)


@pytest.mark.parametrize("made_of", ["points", "kernel", "lists"])
def test_graph_cuts(backend, made_of):
    everybody = np.arange(9) < N
    pools = {
        "points": lambda: GraphCut(
            backend.array(POINTS / math.sqrt(6)),
            represented=backend.array(POINTS[:N] / math.sqrt(6)),
            trade_off=1.5,
        ),
        "kernel": lambda: GraphCut(
            kernel=backend.array(KERNEL), represented=backend.array(everybody), trade_off=1.5
        ),
        "lists": lambda: GraphCut(
            kernel=lists(backend, KERNEL), represented=range(N), trade_off=1.5
        ),
    }

    def value(eta, nu):
        # What is represented is not magnified, for its sum is of candidates alone.
        inside = magnified(KERNEL, eta, nu)

        def of(batch):
            batch = list(batch)
            return 1.5 * KERNEL[:N, batch].sum() - inside[np.ix_(batch, batch)].sum()

        return of

    check(backend, pools[made_of](), ETA, NU, value)


@pytest.mark.parametrize("made_of", ["points", "kernel", "lists"])
def test_facility_locations(backend, made_of):
    pools = {
        "points": lambda: FacilityLocation(
            backend.array(POINTS / math.sqrt(6)),
            represented=backend.array(POINTS[:N] / math.sqrt(6)),
        ),
        "kernel": lambda: FacilityLocation(kernel=backend.array(KERNEL[:N])),
        "lists": lambda: FacilityLocation(
            kernel=Neighbours(
                backend.array(np.tile(np.arange(N), (9, 1))),
                backend.array(KERNEL[:, :N]),
                size=N,
            )
        ),
    }

    def value(eta, nu):
        kernel = KERNEL[:N].copy()
        kernel[:, Q] *= eta
        kernel[:, P] *= nu
        return cases.facility_location(kernel)

    check(backend, pools[made_of](), ETA, NU, value)


def test_the_plain_functions(backend):
    kernel, batch = magnified(KERNEL, ETA, NU), (0, 2, 4)

    def block(rows, columns):
        return backend.array(KERNEL[np.ix_(rows, columns)])

    def plain(some):
        return cases.log_det(kernel, RIDGE)(some)

    a, aq, q = block(batch, batch), block(batch, Q), block(Q, Q)
    ap, p, qp = block(batch, P), block(P, P), block(Q, P)
    shared = plain(batch) + plain(Q) - plain((*batch, *Q))
    found = infoq.logdet_mi(a, aq, q, ridge=RIDGE, eta=ETA)
    assert float(found) == pytest.approx(shared, rel=1e-10)
    more = plain((*batch, *P)) - plain(P)
    assert float(infoq.logdet_cg(a, ap, p, ridge=RIDGE, nu=NU)) == pytest.approx(more, rel=1e-10)
    beyond = more + plain((*Q, *P)) - plain((*batch, *Q, *P))
    found = infoq.logdet_cmi(a, aq, q, ap, qp, p, ridge=RIDGE, eta=ETA, nu=NU)
    assert float(found) == pytest.approx(beyond, rel=1e-10)
    for name in ("eta", "nu"):
        with pytest.raises(ValueError, match=f"{name}: expected a finite number of at least 0"):
            infoq.logdet_cmi(a, aq, q, ap, qp, p, **{name: -1.0})


def test_the_methods(backend):
    x = [backend.array(part) for part in (POINTS[:N], POINTS[list(Q)], POINTS[list(P)])]
    kernel = magnified(POINTS @ POINTS.T, ETA, NU)
    ridge = 1.2 * max(1.0, -float(np.linalg.eigvalsh(kernel).min()))
    rows = POINTS @ POINTS.T
    whole = rows[:N].copy()
    whole[:, Q] *= ETA
    whole[:, P] *= NU
    log_det, cover = cases.log_det(kernel, ridge), cases.facility_location(whole)

    def cut(batch):
        batch = list(batch)
        return 2 * rows[:N, batch].sum() - kernel[np.ix_(batch, batch)].sum()

    points, queries, private = x
    both = {"eta": ETA, "nu": NU}
    found = [
        (methods.logdet_mi(points, queries, 2, ridge=ridge, eta=ETA), cases.mutual(log_det, Q)),
        (methods.logdet_cg(points, private, 2, ridge=ridge, nu=NU), cases.conditional(log_det, P)),
        (
            methods.logdet_cmi(points, queries, private, 2, ridge=ridge, **both),
            cases.mutual(cases.conditional(log_det, P), Q),
        ),
        (methods.flvmi(points, queries, 2, eta=ETA), cases.mutual(cover, Q)),
        (methods.flcg(points, private, 2, nu=NU), cases.conditional(cover, P)),
        (
            methods.flcmi(points, queries, private, 2, **both),
            cases.mutual(cases.conditional(cover, P), Q),
        ),
        (methods.gcmi(points, queries, 2, eta=ETA), cases.mutual(cut, Q)),
        (methods.gccg(points, private, 2, nu=NU), cases.conditional(cut, P)),
    ]
    for batch, value in found:
        picked = tuple(int(i) for i in backend.numpy(batch.indices))
        first = max(range(N), key=lambda i: value((i,)))
        assert picked[0] == first
        assert float(batch.value) == pytest.approx(value(picked), rel=1e-7)


# The points of submodlib's tutorial "Modelling Capabilities of CMI Functions" (commit d8d2329), and
# what it printed: similarities are exp(-d / 2) of Euclidean distances d.
GROUND = [(3, 12.5), *((x, 13.5) for x in (5, 5.5, 14.5, 15, 15.5))]
for y in (13, 12.5, 7.5, 7):
    GROUND += [(x, y) for x in (4.5, 5, 5.5, 14.5, 15, 15.5)]
GROUND += [(4.5, 6.5), (5, 6.5), (5.5, 6.5), (14.5, 6.5), (15, 6.5), (7.5, 10), (12.5, 10)]
GROUND += [(10, 12.5), (10, 7.5), (8, 12.5), (8, 7.5), (14, 12.5), (14, 7.5), (4.5, 15.5)]
GROUND += [(5, 9.5), (5, 10.5)]
ASKED, HIDDEN = [(4.5, 13.5), (15.5, 11)], [(15.5, 6.5)]
FLCMI = {
    (1, 1): [(7, 6.666), (41, 3.266), (43, 0.088), (0, 0.049)],
    (1, 2): [(7, 6.545), (41, 2.77), (43, 0.088), (0, 0.049)],
    (2, 1): [(7, 8.122), (16, 6.468), (13, 0.689), (43, 0.456), (0, 0.444), (8, 0.376)],
    (2, 2): [(7, 7.988), (16, 6.001), (13, 0.687), (43, 0.456), (0, 0.444), (8, 0.376)],
    (2, 3): [(7, 7.875), (16, 5.605), (13, 0.678), (43, 0.456), (0, 0.444), (8, 0.376)],
    (3, 1): [(7, 8.122), (10, 7.142), (45, 1.38), (43, 0.721), (41, 0.65), (0, 0.643)],
    (3, 2): [(7, 7.988), (10, 6.704), (45, 1.378), (43, 0.721), (0, 0.643), (41, 0.592)],
    (3, 3): [(7, 7.875), (10, 6.308), (45, 1.355), (43, 0.721), (0, 0.643), (41, 0.559)],
}
LOGDETCMI = {
    (1, 1): [(1, 0.164), (6, 0.09), (17, 0.057), (7, 0.027), (16, 0.023), (2, 0.012)],
    (1, 2): [(1, 0.164), (6, 0.09), (17, 0.056), (7, 0.027), (16, 0.023), (2, 0.012)],
    (1, 3): [
        *[(1, 0.164), (6, 0.09), (17, 0.056), (7, 0.027), (16, 0.022), (23, 0.015)],
        *[(42, 0.735), (36, 0.75), (15, 0.211), (40, 0.157)],
    ],
    (2, 1): [
        *[(1, 0.933), (6, 1.349), (7, 1.659), (14, 1.05), (17, 0.253), (45, 0.241)],
        *[(16, 0.118), (39, 0.104), (15, 0.057), (44, 0.031)],
    ],
    (2, 2): [
        *[(1, 0.933), (6, 1.349), (7, 1.659), (14, 1.05), (17, 0.252), (45, 0.241)],
        *[(16, 0.118), (39, 0.105), (15, 0.057), (23, 0.046)],
    ],
    (2, 3): [
        *[(1, 0.933), (6, 1.349), (7, 1.66), (14, 1.051), (17, 0.252), (45, 0.241)],
        *[(23, 0.177), (16, 0.157), (39, 0.11), (36, 0.088)],
    ],
    # And then there is nobody left whose determinants are positive.
    (3, 3): [(2, 1.759), (43, 3.488), (17, 0.717), (23, 1.208), (10, 1.373), (38, 1.483)],
}


def similar(rows, columns):
    rows, columns = np.array(rows, float), np.array(columns, float)
    return np.exp(-np.linalg.norm(rows[:, None] - columns[None], axis=2) / 2)


def assert_published(backend, batch, published):
    indices, gains = zip(*published, strict=True)
    assert backend.numpy(batch.indices).tolist() == list(indices)
    np.testing.assert_allclose(backend.numpy(batch.gains), gains, atol=1.1e-3)


def tutorial(backend, make, factors):
    """CMI with queries and a private point, in the kernel of the tutorial in its precision."""
    everybody = [*GROUND, *ASKED, *HIDDEN]
    kernel = similar(everybody, everybody).astype("float32")
    eta, nu = factors
    beyond = conditional(make(kernel), [48], nu=nu)
    return mutual(beyond, [46, 47], eta=eta), backend.array(np.arange(49) < 46)


@pytest.mark.parametrize("factors", FLCMI)
def test_published_lists_of_facility_location(backend, factors):
    f, mask = tutorial(
        backend, lambda kernel: FacilityLocation(kernel=backend.array(kernel[:46])), factors
    )
    published = FLCMI[factors]
    assert_published(backend, infoq.greedy(f, len(published), candidates=mask), published)


@pytest.mark.parametrize("factors", LOGDETCMI)
def test_published_lists_of_log_determinants(backend, factors):
    f, mask = tutorial(
        backend, lambda kernel: LogDet(kernel=backend.array(kernel), ridge=1.0), factors
    )
    published = LOGDETCMI[factors]
    last = factors == (3, 3)
    batch = infoq.greedy(f, len(published) + last, candidates=mask)
    assert_published(backend, batch, published)
    assert batch.reason == ("rank" if last else "size")


@pytest.mark.parametrize("kind", ["indices", "mask", "list"])
def test_what_is_represented_of_a_kernel(backend, kind):
    chosen = {
        "indices": lambda: backend.array(np.array([4, 0, 2])),
        "mask": lambda: backend.array(np.isin(np.arange(9), [0, 2, 4])),
        "list": lambda: [0, 2, 4],
    }[kind]()

    def value(batch):
        batch = list(batch)
        return 2 * KERNEL[np.ix_([0, 2, 4], batch)].sum() - KERNEL[np.ix_(batch, batch)].sum()

    cut = GraphCut(kernel=backend.array(KERNEL), represented=chosen)
    cases.check(backend, cut, value)
    cases.check(backend, GraphCut(kernel=lists(backend, KERNEL), represented=chosen), value)


def test_what_is_refused(backend):
    kernel = backend.array(KERNEL)
    with pytest.raises(TypeError, match="eta: EIG has no similarities to multiply by 2"):
        mutual(infoq.EIG(infoq.Gaussian(backend.array(POINTS), 1.0)), Q, eta=2)
    with pytest.raises(ValueError, match="eta: expected a finite number of at least 0, got -1"):
        mutual(LogDet(kernel=kernel), Q, eta=-1)
    with pytest.raises(TypeError, match="nu: expected a real number, got 'hard'"):
        conditional(LogDet(kernel=kernel), P, nu="hard")
    with pytest.raises(ValueError, match="represented: expected different indices from 0 to 8"):
        GraphCut(kernel=kernel, represented=[9])
    with pytest.raises(TypeError, match="represented: needs points= for features"):
        GraphCut(kernel=kernel, represented=backend.array(POINTS))
    with pytest.raises(ValueError, match=r"represented: expected a mask \[N\] with N=9, got \(3"):
        GraphCut(kernel=kernel, represented=backend.array(np.ones(3, bool)))


@pytest.mark.of_libraries("jax")
def test_inside_jax_jit():
    jax = pytest.importorskip("jax")

    def batch(points):
        f = mutual(conditional(LogDet(points, ridge=RIDGE), P, nu=NU), Q, eta=ETA)
        return infoq.greedy(f, 3, candidates=range(N)).indices

    points = POINTS / math.sqrt(6)
    assert np.array(jax.jit(batch)(points)).tolist() == batch(points).tolist()
