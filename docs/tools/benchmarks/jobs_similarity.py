"""The comparisons on similarities of features: set functions, and transductive batches."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from . import oracles_similarity, peers_similarity
from .contenders import Compute, Contender, infoq_on_each, infoq_picks
from .job import Job, Size, Target
from .oracles import Batch, Inputs
from .oracles_similarity import Value, batch_differences


def clustered(rng: np.random.Generator, centres: Any, count: int) -> Any:
    """Features as of a layer of rectified units: around centres, nowhere negative."""
    width = centres.shape[1]
    near = centres[rng.integers(0, len(centres), count)]
    features = np.maximum(near + rng.standard_normal((count, width), dtype=np.float32), 0.0)
    return features * np.float32(width**-0.5)


def rectified(size: Size, rng: np.random.Generator) -> Inputs:
    """A pool, and queries that lie around some of its centres."""
    centres = rng.standard_normal((50, size["D"]), dtype=np.float32)
    inputs = {"pool": clustered(rng, centres, size["N"]), "B": np.asarray(size["B"])}
    if "Q" in size:
        inputs["queries"] = clustered(rng, centres[:10], size["Q"])
        inputs["all"] = np.concatenate([inputs["pool"], inputs["queries"]])
        inputs["candidates"] = np.arange(size["N"] + size["Q"]) < size["N"]
        inputs["places"] = np.arange(size["N"], size["N"] + size["Q"])
    if "S" in size:
        inputs["draws"] = np.asarray(size["S"])
    return inputs


POOL = (
    "Features are like those of rectified units: around 50 centres, nowhere negative and of "
    "different lengths. Similarities are inner products."
)
QUERIES = f"{POOL} The queries lie around 10 of the centres."
SUBMODLIB = (
    "submodlib takes kernels, so it has two rows. One is timed from the features, with the "
    "kernels made by NumPy and its function object made from them; the other is its greedy "
    "alone, with all that done before."
)
WORTH = (
    "The value of a batch is computed in float64 from its picks, and compared with that of "
    "a plain greedy."
)

BELOW = "below the oracle's (share)"

SMALL = {"N": 40, "D": 6, "B": 4}
SMALL_QUERIES = {**SMALL, "Q": 5}


def _job(
    name: str,
    title: str,
    about: str,
    size: Size,
    contenders: tuple[Contender, ...],
    oracle: Callable[[Inputs], Batch],
    value: Value,
    **others: Any,
) -> Job:
    return Job(
        name=name,
        title=title,
        about=f"{about} {WORTH}",
        size=size,
        small={key: (SMALL_QUERIES if "Q" in size else SMALL)[key] for key in size},
        make=rectified,
        contenders=contenders,
        oracle=oracle,
        compare=batch_differences(value),
        own_tolerance={BELOW: 1e-4, "claimed minus true (share)": 1e-4},
        **{"tolerance": {BELOW: 0.03}, "rounds": 7, "seconds": 10.0, **others},
    )


def _against(peer: str, factor: float) -> tuple[Target, ...]:
    return (Target("infoq on NumPy", "time", factor, peer=peer),)


def _greedy(compute: Compute, how: str = "") -> tuple[Contender, ...]:
    return infoq_on_each(compute, infoq_picks, how)


# --- log-determinants -------------------------------------------------------------------------


def _logdet(infoq: Any, x: Mapping[str, Any]) -> Any:
    return infoq.greedy(infoq.LogDet(x["pool"], ridge=1.0), int(x["B"]))


def _logdet_mi(infoq: Any, x: Mapping[str, Any]) -> Any:
    f = infoq.mutual(infoq.LogDet(x["all"], ridge=1.0), x["places"])
    return infoq.greedy(f, int(x["B"]), candidates=x["candidates"])


LOGDET = _job(
    "logdet",
    "LogDet",
    f"`greedy` on `LogDet(points, ridge=1)`, with no N x N kernel. {POOL} {SUBMODLIB} bmdal_reg's "
    "MaxDet does not run with NumPy 2.",
    {"N": 3_000, "D": 256, "B": 200},
    (*_greedy(_logdet), *peers_similarity.LOGDET_PEERS),
    oracles_similarity.logdet,
    oracles_similarity.logdet_value,
    targets=_against("submodlib LazyGreedy", 15.0),
)

LARGE_LOGDET = _job(
    "logdet-large",
    "LogDet of a million",
    f"As above, where a kernel would have 4 TB. {POOL}",
    {"N": 1_000_000, "D": 64, "B": 100},
    _greedy(_logdet),
    oracles_similarity.logdet,
    oracles_similarity.logdet_value,
    targets=(
        Target("infoq on NumPy", "megabytes", 100.0),
        Target("infoq on torch", "megabytes", 100.0),
    ),
    rounds=3,
    slow=True,
)

LOGDET_MI = _job(
    "logdet-mi",
    "LogDetMI",
    f"`greedy` on `mutual(LogDet(points, ridge=1), queries)`. {QUERIES} {SUBMODLIB} LogDetMI is "
    "not submodular, so it takes submodlib's naive greedy to pick the largest gains.",
    {"N": 3_000, "D": 256, "Q": 200, "B": 100},
    (*_greedy(_logdet_mi), *peers_similarity.LOGDET_MI_PEERS),
    oracles_similarity.logdet_mi,
    oracles_similarity.logdet_mi_value,
    targets=_against("submodlib NaiveGreedy", 12.0),
    rounds=5,
)

# --- representation ---------------------------------------------------------------------------


def _facility(infoq: Any, x: Mapping[str, Any]) -> Any:
    return infoq.lazy_greedy(infoq.FacilityLocation(x["pool"]), int(x["B"]))


def _facility_kernel(infoq: Any, x: Mapping[str, Any]) -> Any:
    kernel = x["pool"] @ x["pool"].T
    return infoq.lazy_greedy(infoq.FacilityLocation(kernel=kernel), int(x["B"]))


def _flvmi(infoq: Any, x: Mapping[str, Any]) -> Any:
    f = infoq.FacilityLocation(x["all"], represented=x["pool"])
    f = infoq.mutual(f, x["places"])
    return infoq.lazy_greedy(f, int(x["B"]), candidates=x["candidates"])


def _flqmi(infoq: Any, x: Mapping[str, Any]) -> Any:
    return infoq.lazy_greedy(infoq.FacilityLocationQuery(x["pool"], x["queries"]), int(x["B"]))


def _gcmi(infoq: Any, x: Mapping[str, Any]) -> Any:
    f = infoq.mutual(infoq.GraphCut(x["all"]), x["places"])
    return infoq.lazy_greedy(f, int(x["B"]), candidates=x["candidates"])


FACILITY = _job(
    "facility-location",
    "Facility location",
    "`lazy_greedy` on `FacilityLocation(points)`, with no N x N kernel, and on a kernel that "
    "the call makes. apricot's call makes its kernel, too. It compiles its loops anew every "
    f"time, which is most of its time. {POOL} {SUBMODLIB}",
    {"N": 3_000, "D": 256, "B": 100},
    (
        *_greedy(_facility),
        *_greedy(_facility_kernel, ", by a kernel"),
        *peers_similarity.APRICOT,
        *peers_similarity.FACILITY_PEERS,
    ),
    oracles_similarity.facility,
    oracles_similarity.facility_value,
    targets=(
        Target("infoq on NumPy", "time", 3.0, peer=peers_similarity.APRICOT[0].name),
        Target("infoq on NumPy, by a kernel", "time", 3.0, peer=peers_similarity.APRICOT[0].name),
    ),
)

FLVMI = _job(
    "flvmi",
    "FLVMI",
    "`lazy_greedy` on `mutual(FacilityLocation(points, represented=pool), queries)`. "
    f"{QUERIES} {SUBMODLIB}",
    {"N": 3_000, "D": 256, "Q": 200, "B": 100},
    (*_greedy(_flvmi), *peers_similarity.FLVMI_PEERS),
    oracles_similarity.flvmi,
    oracles_similarity.flvmi_value,
)

FLQMI = _job(
    "flqmi",
    "FLQMI",
    f"`lazy_greedy` on `FacilityLocationQuery(points, queries)`. {QUERIES} {SUBMODLIB}",
    {"N": 50_000, "D": 256, "Q": 200, "B": 100},
    (*_greedy(_flqmi), *peers_similarity.FLQMI_PEERS),
    oracles_similarity.flqmi,
    oracles_similarity.flqmi_value,
)

GCMI = _job(
    "gcmi",
    "GCMI",
    "`lazy_greedy` on `mutual(GraphCut(points), queries)`, which is modular. submodlib claims half "
    f"the value: it leaves out a factor of 2. {QUERIES} {SUBMODLIB}",
    {"N": 50_000, "D": 256, "Q": 200, "B": 100},
    (*_greedy(_gcmi), *peers_similarity.GCMI_PEERS),
    oracles_similarity.gcmi,
    oracles_similarity.gcmi_value,
)

# --- transductive batches ---------------------------------------------------------------------


def _itl(infoq: Any, x: Mapping[str, Any]) -> Any:
    pool, targets = infoq.Gaussian(x["pool"], 1.0), infoq.DenseEmbedding(x["queries"])
    return infoq.greedy(infoq.JEPIG(pool, targets), int(x["B"]))


def _vtl(infoq: Any, x: Mapping[str, Any]) -> Any:
    pool, targets = infoq.Gaussian(x["pool"], 1.0), infoq.DenseEmbedding(x["queries"])
    return infoq.greedy(infoq.EPIG(pool, targets, approximation="trace"), int(x["B"]))


TRANSDUCTIVE = {"N": 4_000, "D": 256, "Q": 200, "B": 20}

ITL = _job(
    "itl",
    "ITL",
    "`greedy` on `JEPIG` of a linear model with prior precision 1 and noise variance 1: the "
    "information of noisy outcomes of the batch about those of Q targets. activeft uses the "
    f"variance of a candidate without its noise, which favours others. {QUERIES}",
    TRANSDUCTIVE,
    (*_greedy(_itl), *peers_similarity.activeft("ITL")),
    oracles_similarity.itl,
    oracles_similarity.itl_value,
    tolerance={BELOW: 0.1},
    rounds=5,
    slow=True,
)

VTL = _job(
    "vtl",
    "VTL",
    "`greedy` on `EPIG` with the trace, of the same model: the decrease of half the mean "
    f"variance of Q targets by the batch. {QUERIES}",
    TRANSDUCTIVE,
    (*_greedy(_vtl), *peers_similarity.activeft("VTL")),
    oracles_similarity.vtl,
    oracles_similarity.vtl_value,
    rounds=5,
    slow=True,
)

SIMILARITY_JOBS = (
    LOGDET,
    LARGE_LOGDET,
    LOGDET_MI,
    FACILITY,
    FLVMI,
    FLQMI,
    GCMI,
    ITL,
    VTL,
)
