"""A set function of one's own, three methods and a number: in every selection, on every library."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import infoq
from infoq import SetFunction, conditional, mutual
from tests.selection.cases import ByValue

COUNT = 9
THINGS = np.random.default_rng(5).integers(0, 40, (COUNT, 5)) / 8.0  # exact on every library
COSTS = np.random.default_rng(6).integers(1, 5, COUNT) / 2.0


class Cover(SetFunction):
    """How much a batch has of each of some things: by the most of any member."""

    def __init__(self, xp, things):
        self.xp, self.things = xp, things

    @property
    def num_candidates(self):
        return int(self.things.shape[0])

    def start(self):
        return self.xp.zeros_like(self.things[0, :])

    def gains(self, state):
        return self.xp.sum(self.xp.maximum(self.things, state[None, :]) - state, axis=1)

    def add(self, state, index):
        spot = self.xp.reshape(self.xp.asarray(index), (1,))
        return self.xp.maximum(state, self.xp.take(self.things, spot, axis=0)[0, :])


class Unrelated:
    """The same, and nothing of infoq."""

    __init__, start, gains, add = Cover.__init__, Cover.start, Cover.gains, Cover.add

    def __len__(self):
        return int(self.things.shape[0])


class Counted:
    """The same, with the number of candidates by its name."""

    __init__, start, gains, add = Cover.__init__, Cover.start, Cover.gains, Cover.add
    num_candidates = COUNT


def made(kind, backend):
    return kind(backend.xp, backend.array(THINGS))


every_kind = pytest.mark.parametrize("kind", [Cover, Unrelated])


def value(batch):
    return float(np.max(THINGS[list(batch)], axis=0).sum()) if batch else 0.0


def grown(size, known=(), free=range(COUNT), cost=None, budget=np.inf, worth=value):
    """A greedy batch by plain lists."""
    batch = []
    while len(batch) < size:
        left = budget - sum(cost[i] for i in batch) if cost is not None else np.inf
        rest = [i for i in free if i not in batch and (cost is None or cost[i] <= left)]
        if not rest:
            break
        base = worth((*known, *batch))
        gains = {i: worth((*known, *batch, i)) - base for i in rest}
        by = {i: gain if cost is None else gain / cost[i] for i, gain in gains.items()}
        batch.append(max(rest, key=lambda i: (by[i], -i)))
    return batch


def pruned(batch, size, known=(), worth=value):
    """Who is left of a batch, by plain lists."""
    while len(batch) > size:
        without = {i: worth((*known, *(j for j in batch if j != i))) for i in batch}
        batch = [i for i in batch if i != max(batch, key=lambda i: (without[i], i))]
    return batch


def forward_backward(size, known=(), free=range(COUNT), worth=value):
    return pruned(grown(2 * size, known, free, worth=worth), size, known, worth)


def everybody(f, k, **words):
    """Stochastic greedy that looks at all candidates."""
    return infoq.stochastic_greedy(f, k, epsilon=1e-9, **words)


SELECTIONS = {
    "greedy": (infoq.greedy, grown),
    "lazy_greedy": (infoq.lazy_greedy, grown),
    "stochastic_greedy": (everybody, grown),
    "forward_backward": (infoq.forward_backward, forward_backward),
}
every_selection = pytest.mark.parametrize("name", SELECTIONS)


def picks(backend, batch):
    return backend.numpy(batch.indices).tolist()


@pytest.mark.parametrize("kind", [Cover, Unrelated, Counted])
@every_selection
def test_its_picks_are_those_of_plain_lists(backend, name, kind):
    select, reference = SELECTIONS[name]
    batch = select(made(kind, backend), 3)
    expected = reference(3)
    assert picks(backend, batch) == expected
    assert float(batch.value) == value(expected)
    steps = [value(expected[: i + 1]) - value(expected[:i]) for i in range(3)]
    assert backend.numpy(batch.gains).tolist() == steps
    assert (batch.reason, batch.informative) == ("size", None)


@every_kind
@every_selection
def test_candidates_and_who_is_given(backend, name, kind):
    select, reference = SELECTIONS[name]
    mask = np.arange(COUNT) % 3 > 0
    free = [i for i in range(COUNT) if mask[i] and i not in (2, 7)]
    expected = reference(3, (2, 7), free)
    f = made(kind, backend)
    assert picks(backend, select(f, 3, candidates=backend.array(mask), given=[2, 7])) == expected
    assert picks(backend, select(f, 3, candidates=np.flatnonzero(mask), given=[2, 7])) == expected
    assert sorted(picks(backend, select(f, 99, candidates=free))) == sorted(free)


@every_kind
@every_selection
def test_a_budget(backend, name, kind):
    select, _ = SELECTIONS[name]
    batch = select(made(kind, backend), COUNT, costs=backend.array(COSTS), budget=5.0)
    found = picks(backend, batch)
    assert batch.reason == "budget"
    assert sum(COSTS[found]) <= 5.0
    assert float(batch.value) == pytest.approx(value(found))
    if name != "forward_backward":
        assert found == grown(COUNT, cost=COSTS, budget=5.0)


@every_kind
@every_selection
def test_what_is_made_of_it(backend, name, kind):
    select, reference = SELECTIONS[name]
    rest = [i for i in range(COUNT) if i not in (0, 5)]

    def beyond(batch):
        return value((0, 5, *batch)) - value((0, 5))

    def common(batch):
        return value(batch) + value((0, 5)) - value((0, 5, *batch))

    found = select(conditional(made(kind, backend), [0, 5]), 3, candidates=rest)
    assert picks(backend, found) == reference(3, free=rest, worth=beyond)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of mutual information, lazily
        found = select(mutual(made(kind, backend), [0, 5]), 3, candidates=rest)
    if name != "lazy_greedy":
        assert picks(backend, found) == reference(3, free=rest, worth=common)
    assert float(found.value) == pytest.approx(common(picks(backend, found)))


@every_kind
def test_it_is_as_scores(backend, kind):
    f = made(kind, backend)
    order = sorted(range(COUNT), key=lambda i: (-THINGS[i].sum(), i))
    assert picks(backend, infoq.top_k(f.gains(f.start()), 3)) == order[:3]
    assert len({*picks(backend, infoq.sample(f.gains(f.start()), 3))}) == 3


class Back(Cover):
    """With a way back."""

    def start(self):
        return ()

    def _most(self, state):
        most = super().start()
        for index in state:
            most = super().add(most, index)
        return most

    def gains(self, state):
        return super().gains(self._most(state))

    def add(self, state, index):
        return (*state, int(index))

    def remove(self, state, index):
        return tuple(i for i in state if i != int(index))


class Few(Back):
    """And the gains of a few, and losses."""

    def gains_of(self, state, indices):
        return self.xp.take(self.gains(state), indices, axis=0)

    def losses_of(self, state, indices):
        some = []
        for spot in range(indices.shape[0]):
            rest = self.remove(state, int(indices[spot]))
            some.append(self.gains_of(rest, indices[spot : spot + 1]))
        return self.xp.concat(some)


@pytest.mark.parametrize("known", [(), (3, 8)], ids=["alone", "given"])
def test_without_a_way_back_all_others_are_added_again(backend, known):
    expected = forward_backward(3, known, [i for i in range(COUNT) if i not in known])
    for kind in (Cover, Unrelated, Back, Few):
        batch = infoq.forward_backward(made(kind, backend), 3, given=known)
        assert picks(backend, batch) == expected, kind
    costs = backend.array(COSTS)
    words = {"costs": costs, "budget": 6.0, "given": known}
    one, two = (infoq.forward_backward(made(kind, backend), **words) for kind in (Cover, Back))
    assert picks(backend, one) == picks(backend, two)
    assert backend.numpy(one.gains).tolist() == backend.numpy(two.gains).tolist()


# --- what is known of it ----------------------------------------------------------------------


@every_kind
@pytest.mark.parametrize("beyond", [False, True], ids=["itself", "conditional"])
@pytest.mark.parametrize("known", [None, True, False, "nothing said"])
def test_a_warning_where_it_is_known_not_to_be_submodular(backend, kind, known, beyond):
    f = made(kind, backend)
    if known != "nothing said":
        f.submodular = known
    whole = conditional(f, [0]) if beyond else f
    if known is False:
        with pytest.warns(UserWarning, match="lazy_greedy is a heuristic for"):
            infoq.lazy_greedy(whole, 2)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            infoq.lazy_greedy(whole, 2)


def test_the_warning_names_the_class_of_ones_own(backend):
    f = made(Unrelated, backend)
    f.submodular = False
    with pytest.warns(UserWarning, match="a heuristic for Unrelated, which"):
        infoq.lazy_greedy(f, 2)


def test_all_gains_a_step_where_a_few_take_as_long(backend):
    f = ByValue(backend, value, COUNT)
    infoq.lazy_greedy(conditional(f, [0]), 3)
    assert f.evaluated == 3 * COUNT


@every_kind
def test_what_it_lacks_is_refused_by_name(backend, kind):
    f = made(kind, backend)
    for combined in (mutual(f, [1]), conditional(f, [1])):
        state = combined.add(combined.start(), 0)
        for name, arguments in (("value", (state,)), ("remove", (state, 0))):
            assert not combined.has_own(name)
            with pytest.raises(TypeError, match=f"f: {kind.__name__} has no method {name}, which"):
                getattr(combined, name)(*arguments)
    with pytest.raises(TypeError, match=f"eta: {kind.__name__} has no similarities"):
        mutual(f, [1], eta=2.0)


@pytest.mark.parametrize("name", ["num_candidates", "start", "gains", "add"])
def test_four_are_to_be_written(name):
    members = {"num_candidates": 3, "start": len, "gains": len, "add": len}
    del members[name]
    with pytest.raises(TypeError, match=f"abstract.*{name}"):
        type("Mine", (SetFunction,), members)()
    if name != "num_candidates":
        with pytest.raises(TypeError, match=r"f: expected a set function .* got Mine"):
            infoq.greedy(type("Mine", (), members)(), 1)


def test_a_class_is_no_set_function():
    with pytest.raises(TypeError, match="got the class Cover; make an instance"):
        infoq.greedy(Cover, 1)


def test_its_library_and_what_is_not_known(backend):
    f = made(Cover, backend)
    assert f.ops is backend.ops
    assert len(f) == COUNT
    nothing = f.device, f.submodular, f.most(f.start()), f.noise(f.start(), None), f.pruned([0], 1)
    assert nothing == (None,) * 5
    assert not f.mutual_submodular
    assert not f.is_magnified
    assert [name for name in ("gains_of", "remove", "value") if f.has_own(name)] == []
    assert made(Few, backend).has_own("gains_of")
    f.gains_of = made(Few, backend).gains_of  # of an instance alone
    assert f.has_own("gains_of")


def test_defaults_by_the_others(backend):
    f, spots = made(Back, backend), np.array([4, 1, 8])
    state, more = f.add(f.start(), 4), (4, 1, 8)
    some = f.ops.fetch(backend.array(spots))
    gains = backend.numpy(f.gains(state))
    np.testing.assert_array_equal(backend.numpy(f.gains_of(state, some)), gains[spots])
    shared = gains - backend.numpy(f.gains(more))
    np.testing.assert_array_equal(backend.numpy(f.overlap(state, more)), shared)
    np.testing.assert_array_equal(backend.numpy(f.overlap_of(state, more, some)), shared[spots])
    losses = [value((4, 1, 8)) - value([j for j in (4, 1, 8) if j != i]) for i in spots]
    np.testing.assert_array_equal(backend.numpy(f.losses_of(more, some)), losses)


def test_all_of_infoq_inherit():
    square = np.eye(4)
    probs = np.full((4, 2, 2), 0.5)
    labels = np.zeros(4, dtype=int)
    own = [
        infoq.EIG(probs),
        infoq.EPIG(probs, probs),
        infoq.JEPIG(probs, probs),
        infoq.IG(probs, labels),
        infoq.PIG(probs, probs, labels, labels),
        infoq.JPIG(probs, probs, labels, labels),
        infoq.LogDet(square, ridge=1.0),
        infoq.FacilityLocation(square),
        infoq.FacilityLocationQuery(square, square),
        infoq.GraphCut(square),
        infoq.ConcaveOverModular(square, square),
    ]
    own += [make(f, [1]) for make in (mutual, conditional) for f in own]
    for f in own:
        assert isinstance(f, SetFunction), f
        assert f.num_candidates == len(f) == 4


# --- traced -----------------------------------------------------------------------------------


@pytest.mark.of_libraries("jax")
@every_kind
def test_inside_jit_and_vmap(backend, kind):
    import jax

    def run(things):
        f = kind(backend.xp, things)
        return infoq.greedy(f, 4).indices, infoq.greedy(conditional(f, [0, 5]), 2).gains

    things = backend.array(THINGS)
    picked, gains = jax.jit(run)(things)
    assert picked.tolist() == grown(4)
    np.testing.assert_array_equal(gains, run(things)[1])
    stacked, _ = jax.vmap(run)(things[None, :, :])
    assert stacked[0, :].tolist() == grown(4)


@pytest.mark.of_libraries("torch")
@every_kind
def test_compiled(backend, kind):
    def run(things):
        f = kind(backend.xp, things)
        return infoq.greedy(f, 4).indices, infoq.greedy(conditional(f, [0, 5]), 2).gains

    things = backend.array(THINGS)
    picked, gains = backend.module.compile(run, fullgraph=True, backend="eager")(things)
    assert picked.tolist() == grown(4)
    np.testing.assert_array_equal(gains, run(things)[1])
