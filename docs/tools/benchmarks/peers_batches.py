"""What infoq is compared with on batches: BAIT's and BADGE's formulas as published, and baal."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .contenders import Contender, torch_one_thread
from .laws import Drawn, picks_of, several
from .measure import Call
from .oracles import Batch, Inputs
from .oracles_weight_space import curvatures, features, fisher

# --- BAIT -------------------------------------------------------------------------------------


def _bait(inputs: Inputs) -> Call:
    """Embeddings `sqrt(p_c) (e_c - p) (x) phi` and the mean Fisher matrix are made before."""
    torch = torch_one_thread()
    phi, probs = (torch.from_numpy(inputs[key].copy()) for key in ("pool", "pool probs"))
    residual = torch.eye(probs.shape[1]) - probs[:, None, :]
    factor = probs.sqrt()[:, :, None] * residual
    embedding = (factor[:, :, :, None] * phi[:, None, None, :]).flatten(start_dim=2)
    mean = fisher(features(inputs, "pool", False), curvatures(inputs, "pool")) / len(phi)
    mean = torch.from_numpy(mean.astype(np.float32))
    posterior = torch.from_numpy(inputs["posterior"].copy())
    batch = int(inputs["B"])
    return lambda: _forward_backward(torch, embedding, mean, torch.inverse(posterior), batch)


def _forward_backward(torch: Any, embedding: Any, mean: Any, inverse: Any, batch: int) -> Batch:
    """A trace of every candidate a step, twice as many steps as picks, and then back."""
    eye = torch.eye(embedding.shape[1])

    def inner(x: Any, sign: float) -> Any:
        return torch.inverse(sign * eye + x @ inverse @ x.transpose(1, 2))

    def traces(x: Any, sign: float) -> Any:
        product = x @ inverse @ mean @ inverse @ x.transpose(1, 2) @ inner(x, sign)
        return torch.diagonal(product, dim1=-2, dim2=-1).sum(-1)

    def woodbury(index: int, sign: float) -> Any:
        x = embedding[index][None]
        return inverse - (inverse @ x.transpose(1, 2) @ inner(x, sign) @ x @ inverse)[0]

    picks: list[int] = []
    value = 0.0
    for _ in range(min(2 * batch, len(embedding))):
        scores = traces(embedding, 1.0)
        scores[picks] = -torch.inf
        picks.append(int(scores.argmax()))
        value += float(scores[picks[-1]]) / 2
        inverse = woodbury(picks[-1], 1.0)
    while len(picks) > batch:
        scores = traces(embedding[picks], -1.0)
        place = int(scores.argmax())
        value += float(scores[place]) / 2
        inverse = woodbury(picks.pop(place), -1.0)
    return Batch(np.asarray(picks), value)


BAIT_PEERS = (
    Contender(
        "the published formula, Woodbury per candidate",
        "torch",
        "torch",
        _bait,
        lambda batch: batch,
        ("torch",),
    ),
)

# --- BADGE ------------------------------------------------------------------------------------


def _badge(inputs: Inputs) -> Call:
    """`p - e_y` is made before; a pass over all points for each centre, and one draw."""
    torch = torch_one_thread()
    phi, probs = (torch.from_numpy(inputs[key].copy()) for key in ("pool", "pool probs"))
    hard = torch.nn.functional.one_hot(probs.argmax(dim=1), probs.shape[1])
    residual = probs - hard
    batch = int(inputs["B"])

    def draw(seed: int) -> Any:
        generator = torch.Generator().manual_seed(seed)
        norms = (residual**2).sum(dim=1) * (phi**2).sum(dim=1)
        picks = [int(norms.argmax())]
        nearest = torch.full_like(norms, torch.inf)
        while len(picks) < batch:
            latest = picks[-1]
            across = (residual @ residual[latest]) * (phi @ phi[latest])
            distances = (norms + norms[latest] - 2.0 * across).clamp(min=0.0)
            nearest = torch.minimum(nearest, distances)
            nearest[picks] = 0.0
            picks.append(int(torch.multinomial(nearest, 1, generator=generator)))
        return picks

    return lambda: Drawn(draw(0), several(draw, inputs))


BADGE_PEERS = (
    Contender(
        "the published formula, one pass per centre",
        "torch",
        "torch",
        _badge,
        lambda drawn: picks_of(drawn, np.asarray),
        ("torch",),
    ),
)

# --- baal's stochastic batches ----------------------------------------------------------------

BAAL = {"power": "PowerSampling", "softmax": "GibbsSampling", "softrank": "RankBasedSampling"}


def _baal(method: str) -> Callable[[Inputs], Call]:
    def bind(inputs: Inputs) -> Call:
        torch_one_thread()
        from baal.active.heuristics import Precomputed, stochastics

        heuristic = getattr(stochastics, BAAL[method])(Precomputed(), int(inputs["B"]))
        scores = inputs["scores"].copy()  # divided in place by the call

        def draw(seed: int) -> Any:
            np.random.seed(seed)  # noqa: NPY002 - what it draws from
            return heuristic.get_ranks(scores)[0]

        return lambda: Drawn(draw(0), several(draw, inputs))

    return bind


def baal(method: str) -> tuple[Contender, ...]:
    """Its heuristic of one of infoq's names."""
    return (
        Contender(
            f"baal {BAAL[method]}",
            "baal",
            "NumPy",
            _baal(method),
            lambda drawn: picks_of(drawn, np.asarray),
            ("baal", "torch"),
        ),
    )
