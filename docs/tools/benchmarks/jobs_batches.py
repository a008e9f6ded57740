"""The comparisons of batches: BAIT, BADGE, k-DPP and batches drawn by score."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from . import oracles_batches, peers_batches, peers_similarity
from .contenders import infoq_on_each, infoq_picks
from .job import Job, Size, Target, softmax
from .jobs_similarity import POOL, clustered, rectified
from .jobs_weight_space import last_layer
from .laws import Drawn, law_differences, picks_of, several
from .oracles import Inputs
from .oracles_similarity import batch_differences
from .oracles_weight_space import posterior

LAW = (
    "The distribution is compared by a mean over S draws: its difference from the mean of as "
    "many draws of a plain sampler in float64, in standard errors."
)
_indices = partial(picks_of, picks=lambda batch: batch.indices)

# --- BAIT -------------------------------------------------------------------------------------


def _with_posterior(size: Size, rng: np.random.Generator) -> Inputs:
    inputs = last_layer(size, rng, labelled="L", pool="N")
    precision = posterior(inputs, bias=False).astype(np.float32)
    return {**inputs, "posterior": precision, "B": np.asarray(size["B"])}


def _bait(infoq: Any, x: Mapping[str, Any]) -> Any:
    likelihood = infoq.likelihoods.Softmax(x["pool probs"])
    embedding = infoq.LastLayerEmbedding(x["pool"], likelihood)
    pool = infoq.Gaussian(embedding, infoq.DensePrecision(x["posterior"]))
    objective = infoq.EPIG(pool, embedding, approximation="trace")
    return infoq.forward_backward(objective, int(x["B"]))


BAIT = Job(
    name="bait",
    title="BAIT",
    about=(
        "A softmax last layer without a bias, P = C D, given the precision of its posterior "
        "after L labelled points. `forward_backward` on `EPIG` with the trace, where the "
        "targets are the pool itself: 2 B forward, B back. At each step the published formula "
        "takes a trace per candidate, by the Woodbury identity with a dense P x P inverse, N C "
        "P^2. Its embeddings and the mean Fisher matrix are made before the timing. The value "
        "is half of the decrease of the objective by the batch."
    ),
    size={"N": 2_000, "L": 500, "D": 64, "C": 10, "B": 5},
    small={"N": 12, "L": 20, "D": 4, "C": 3, "B": 2},
    make=_with_posterior,
    contenders=(*infoq_on_each(_bait, infoq_picks), *peers_batches.BAIT_PEERS),
    oracle=oracles_batches.bait,
    compare=batch_differences(oracles_batches.bait_value),
    tolerance={"below the oracle's (share)": 1e-2},
    own_tolerance={"picks that the oracle lacks": 0, "claimed minus true (share)": 1e-4},
    targets=(
        Target("infoq on NumPy", "time", 30.0),
        Target("infoq on torch", "time", 30.0, library="torch"),
    ),
    rounds=5,
    seconds=20.0,
    slow=True,
)

LARGE_BAIT = Job(
    name="bait-large",
    title="BAIT of 50,000 candidates",
    about=(
        "As above, infoq on NumPy alone, timed once. P = 5,120, and the embeddings in full "
        "would have 10 GB. The value that it reports for its batch is compared with the value "
        "by explicit inverses of P x P matrices in float64."
    ),
    size={"N": 50_000, "L": 1_000, "D": 512, "C": 10, "B": 100},
    small=BAIT.small,
    make=_with_posterior,
    contenders=infoq_on_each(_bait, infoq_picks)[:1],
    oracle=lambda _: None,
    compare=oracles_batches.claimed_differences,
    tolerance={"claimed minus true (share)": 1e-3},
    targets=(Target("infoq on NumPy", "megabytes", 6_000.0),),
    rounds=1,
    slow=True,
)

# --- BADGE ------------------------------------------------------------------------------------


def _classified(size: Size, rng: np.random.Generator) -> Inputs:
    centres = rng.standard_normal((2 * size["C"], size["D"]), dtype=np.float32)
    pool = clustered(rng, centres, size["N"])
    weights = 6.0 * rng.standard_normal((size["D"], size["C"]))
    return {
        "pool": pool,
        "pool probs": softmax(pool.astype(np.float64) @ weights),
        "B": np.asarray(size["B"]),
        "draws": np.asarray(size["S"]),
    }


def _badge(infoq: Any, x: Mapping[str, Any]) -> Drawn:
    def draw(seed: int) -> Any:
        likelihood = infoq.likelihoods.Softmax(x["pool probs"])
        gradients = infoq.gradient_embedding(x["pool"], likelihood)
        return infoq.kmeans_plusplus(gradients, int(x["B"]), seed=seed, first="norm")

    return Drawn(draw(0), several(draw, x))


BADGE = Job(
    name="badge",
    title="BADGE",
    about=(
        "`kmeans_plusplus` on `gradient_embedding`, from the largest gradient. The published "
        "formula makes a pass over all points for each centre, with distances by the factors p "
        "- e_y and features. In full the gradients would have 10 GB. Features are like those of "
        f"rectified units, around 2 C centres. {LAW} The mean is of the mean squared distance of "
        "the pool to its nearest pick, which this distribution makes small."
    ),
    size={"N": 50_000, "D": 512, "C": 100, "B": 200, "S": 4},
    small={"N": 60, "D": 6, "C": 3, "B": 6, "S": 40},
    make=_classified,
    contenders=(*infoq_on_each(_badge, _indices), *peers_batches.BADGE_PEERS),
    oracle=oracles_batches.badge,
    compare=law_differences("mean squared distance", oracles_batches.mean_distance),
    tolerance={"off the oracle's (standard errors)": 5.0},
    targets=(
        Target("infoq on NumPy", "time", 8.0),
        Target("infoq on torch", "time", 8.0, library="torch"),
    ),
    rounds=5,
    seconds=15.0,
    slow=True,
)

# --- k-DPP ------------------------------------------------------------------------------------


def _kdpp(infoq: Any, x: Mapping[str, Any]) -> Drawn:
    def draw(seed: int) -> Any:
        return infoq.kdpp(x["pool"], int(x["B"]), seed=seed)

    return Drawn(draw(0), several(draw, x))


KDPP = Job(
    name="kdpp",
    title="k-DPP",
    about=(
        "infoq takes one exact sample from features; DPPy takes its dual form, from features "
        f"too. {POOL} {LAW} The mean is of the log-determinant of the picks' inner products."
    ),
    size={"N": 3_000, "D": 256, "B": 50, "S": 30},
    small={"N": 40, "D": 6, "B": 4, "S": 30},
    make=rectified,
    contenders=(
        *infoq_on_each(_kdpp, _indices),
        *peers_similarity.KDPP_PEERS,
    ),
    oracle=oracles_batches.kdpp,
    compare=law_differences("mean log-det", oracles_batches.log_volume),
    tolerance={"off the oracle's (standard errors)": 5.0},
    targets=(Target("infoq on NumPy", "time", 1.0),),
)

# --- batches by score -------------------------------------------------------------------------


def _scores(size: Size, rng: np.random.Generator) -> Inputs:
    return {
        "scores": rng.gamma(2.0, 0.2, size["N"]).astype(np.float32),
        "B": np.asarray(size["B"]),
        "draws": np.asarray(size["S"]),
    }


def _stochastic(method: str) -> Job:
    def compute(infoq: Any, x: Mapping[str, Any]) -> Drawn:
        def draw(seed: int) -> Any:
            return infoq.sample(x["scores"], int(x["B"]), method=method, seed=seed)

        return Drawn(draw(0), several(draw, x))

    return Job(
        name=f"stochastic-{method}",
        title=f"Stochastic batches, {method}",
        about=(
            f"`sample(scores, B, method={method!r})`, with scores drawn from a gamma "
            f"distribution. {LAW}"
        ),
        size={"N": 1_000_000, "B": 1_000, "S": 20},
        small={"N": 50, "B": 5, "S": 100},
        make=_scores,
        contenders=(*infoq_on_each(compute, _indices), *peers_batches.baal(method)),
        oracle=partial(oracles_batches.stochastic, method=method),
        compare=law_differences("mean score", oracles_batches.mean_score),
        tolerance={"off the oracle's (standard errors)": 5.0},
    )


BATCH_JOBS = (BAIT, LARGE_BAIT, BADGE, KDPP, *map(_stochastic, ("power", "softmax", "softrank")))
