"""The conformance kit: every library passes it, and an `Ops` that is wrong does not."""

import numpy as np
import pytest

from infoq.backends import check, register

CHECKS = {
    "xlogx",
    "kl_term",
    "digamma",
    "logsumexp",
    "softmax",
    "cumulative_sum",
    "mix",
    "cholesky",
    "solve_triangular",
    "top_k",
    "take_along_axis",
    "uniform",
    "to_host",
    "fetch_and_adopt",
    "over_chunks",
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_library_passes(backend, dtype):
    assert set(check(backend.module, dtype=dtype)) >= CHECKS


def test_a_library_may_be_named(backend):
    # By the namespace, and as the registry knows it.
    assert check(backend.module.__name__) == check(backend.name) == check(backend.module)


def off_by_a_little(self, x):
    return self.inherited.xlogx(self, x) * (1 + 1e-6)


def nan_at_zero(self, x):
    return x * self.xp.log(x)


def cancels(self, r):
    # Right for large r, and noise for small.
    one = self.scalar(1.0, r)
    safe = self.xp.where(r > -1, r, self.scalar(-1 + 1e-15, r))
    return (one + r) * self.xp.log1p(safe) - r


def one_column_short(self, x, axis=-1):
    return self.inherited.softmax(self, x, axis)[..., 1:]


def along_the_last(self, x, axis=-1):
    return self.inherited.cumulative_sum(self, x)


def upper(self, a):
    return self.xp.matrix_transpose(self.inherited.cholesky(self, a))


def narrower(self, weights, x):
    return self.xp.astype(self.inherited.mix(self, weights, x), self.xp.float32)


def reads_both_triangles(self, a, b, *, lower=True):
    return self.fetch(b) * 0 + self.inherited.solve_triangular(self, a + a * 0.5, b, lower=lower)


def raises(self, x, k):
    raise NotImplementedError("top_k is not possible")


def last_tie_first(self, x, k):
    values, indices = self.inherited.top_k(self, self.xp.flip(x), k)
    return values, x.shape[0] - 1 - indices


def forgets_its_seed(self, shape, seed, like):
    return self.inherited.uniform(self, shape, (seed[0],), like)


def never_the_same(self, shape, seed, like):
    return self.inherited.uniform(self, shape, (np.random.default_rng().integers(2**62),), like)


def above_one(self, shape, seed, like):
    return self.inherited.uniform(self, shape, seed, like) * 2


def a_list(self, x):
    return self.inherited.to_host(self, x).tolist()


def zeros(self, run, rows, shared):
    return 0 * self.inherited.over_chunks(self, run, rows, shared)


BROKEN = [
    ("xlogx", off_by_a_little, "xlogx: AssertionError: expected"),
    ("xlogx", nan_at_zero, "xlogx: AssertionError: expected"),
    ("kl_term", cancels, "kl_term: AssertionError: expected"),
    ("softmax", one_column_short, "softmax: AssertionError: shape: expected"),
    ("cumulative_sum", along_the_last, "cumulative_sum: AssertionError: expected"),
    ("cholesky", upper, "cholesky: AssertionError: expected"),
    ("mix", narrower, "mix: AssertionError: dtype: expected"),
    ("solve_triangular", reads_both_triangles, "solve_triangular: AssertionError: expected"),
    ("top_k", raises, "top_k: NotImplementedError: top_k is not possible"),
    ("top_k", last_tie_first, "top_k: AssertionError: indices: expected"),
    ("uniform", forgets_its_seed, "uniform: AssertionError: other seed, other numbers"),
    ("uniform", never_the_same, "uniform: AssertionError: same seed, same numbers"),
    ("uniform", above_one, "uniform: AssertionError: within"),
    ("to_host", a_list, "to_host: AssertionError: type: expected"),
    ("over_chunks", zeros, "over_chunks: AssertionError: expected"),
]


@pytest.mark.parametrize(
    ("method", "override", "message"), BROKEN, ids=[override.__name__ for _, override, _ in BROKEN]
)
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value):RuntimeWarning")
def test_a_broken_ops_is_told_what_is_wrong(backend, fresh_registry, method, override, message):
    inherited = type(backend.ops)
    broken = type("BrokenOps", (inherited,), {method: override, "inherited": inherited})
    register(backend.name, broken)
    with pytest.raises(AssertionError) as error:
        check(backend.module)
    title, *failures = [line for line in str(error.value).splitlines() if line[:1].isalpha()]
    assert title == f"BrokenOps('{backend.name}') in float64 fails:"
    # cholesky_logdet is checked with cholesky; nothing else is wrong.
    assert [line.partition(":")[0] for line in failures if ":" in line] == [method]
    assert any(line.startswith(message) for line in failures)


def test_all_failures_are_listed_at_once(backend, fresh_registry):
    inherited = type(backend.ops)
    overrides = {"top_k": raises, "to_host": a_list, "inherited": inherited}
    register(backend.name, type("BrokenOps", (inherited,), overrides))
    with pytest.raises(AssertionError, match=r"top_k: NotImplementedError[^\0]*to_host: Assertion"):
        check(backend.module)
