"""The comparisons. A job is one entry of JOBS; nothing else has to know of it."""

from collections.abc import Mapping

import numpy as np

from . import contenders, limits, oracles, peers
from .job import Job, Size, Target, softmax
from .jobs_batches import BATCH_JOBS
from .jobs_similarity import SIMILARITY_JOBS
from .jobs_weight_space import WEIGHT_SPACE_JOBS
from .oracles import Inputs


def _pool(size: Size, rng: np.random.Generator) -> Inputs:
    return {"probs": softmax(rng.standard_normal((size["N"], size["K"], size["C"])))}


def _confident_pool(size: Size, rng: np.random.Generator) -> Inputs:
    shared = 5.0 * rng.standard_normal((size["N"], 1, size["C"]))
    return {"probs": softmax(shared + 0.2 * rng.standard_normal((size["N"], size["K"], size["C"])))}


def _pool_and_targets(size: Size, rng: np.random.Generator) -> Inputs:
    return {
        "pool": softmax(rng.standard_normal((size["N"], size["K"], size["C"]))),
        "targets": softmax(rng.standard_normal((size["M"], size["K"], size["C"]))),
    }


BALD = Job(
    name="bald",
    title="BALD",
    about="Class probabilities are the softmax of standard normal logits.",
    size={"N": 20_000, "K": 50, "C": 10},
    small={"N": 40, "K": 8, "C": 4},
    make=_pool,
    contenders=(*contenders.infoq_everywhere("bald", "probs"), *peers.BALD_PEERS),
    oracle=oracles.bald,
    compare=oracles.score_differences,
    tolerance={"max difference": 1e-4},
    own_tolerance={"max difference": 2e-6, "median relative difference": 1e-5},
    targets=(
        Target("infoq on NumPy", "time", 3.0),
        Target("infoq on torch", "time", 3.0),
        Target("infoq on torch", "time", 3.0, library="torch"),
    ),
    limits=limits.BALD_LIMITS,
)

BALD_CONFIDENT = Job(
    name="bald-confident",
    title="BALD, a confident pool",
    about=(
        "Logits are five times a standard normal that all draws of a candidate share, plus 0.2 "
        "times one of each draw's own: the draws agree, three candidates in four score below 0.01 "
        "nats, and a difference of two entropies cancels."
    ),
    size=BALD.size,
    small=BALD.small,
    make=_confident_pool,
    contenders=BALD.contenders,
    oracle=oracles.bald,
    compare=oracles.score_differences,
    tolerance=BALD.tolerance,
    own_tolerance={"max difference": 2e-6, "median relative difference": 1e-4},
    targets=BALD.targets,
    limits=limits.BALD_LIMITS,
)

EPIG = Job(
    name="epig",
    title="EPIG",
    about="Class probabilities of pool and targets are the softmax of standard normal logits.",
    size={"N": 2_000, "M": 500, "K": 50, "C": 10},
    small={"N": 12, "M": 5, "K": 8, "C": 4},
    make=_pool_and_targets,
    contenders=(*contenders.infoq_everywhere("epig", "pool", "targets"), *peers.EPIG_PEERS),
    oracle=oracles.epig,
    compare=oracles.score_differences,
    tolerance={"max difference": 1e-4},
    own_tolerance={"max difference": 2e-6, "median relative difference": 1e-4},
    targets=(
        Target("infoq on NumPy", "time", 5.0),
        Target("infoq on torch", "time", 4.0),
        Target("infoq on NumPy", "memory", 20.0),
        Target("infoq on torch", "memory", 20.0),
    ),
    limits=limits.EPIG_LIMITS,
    rounds=9,
)

BATCH_BALD = Job(
    name="batch-bald",
    title="BatchBALD",
    about=(
        "A batch of 10 by 10,000 sampled outcomes. Samplers differ, and so do picks. So the "
        "value of every batch is its joint information, estimated in the same way for all, "
        "in float64 by 200,000 outcomes. It is compared with the value of a plain greedy in "
        "float64, and with the value that the contender itself reports."
    ),
    size={"N": 500, "K": 20, "C": 10},
    small={"N": 30, "K": 20, "C": 4},
    make=_pool,
    contenders=(*contenders.INFOQ_BATCH, *peers.BATCH_PEERS),
    oracle=oracles.greedy_batch,
    compare=oracles.batch_differences,
    tolerance={"below the oracle's (share)": 0.03},
    own_tolerance={"claimed minus true (nats)": 0.03},
    rounds=5,
    seconds=10.0,
    slow=True,
)

PREDICTION_SPACE_JOBS = (BALD, BALD_CONFIDENT, EPIG, BATCH_BALD)
JOBS: Mapping[str, Job] = {
    job.name: job
    for job in (*PREDICTION_SPACE_JOBS, *WEIGHT_SPACE_JOBS, *BATCH_JOBS, *SIMILARITY_JOBS)
}
