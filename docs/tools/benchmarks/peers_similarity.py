"""What infoq is compared with on similarities: submodlib, apricot, DPPy and activeft."""

import contextlib
import importlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np

from .contenders import Contender, torch_one_thread
from .laws import Drawn, picks_of, several
from .measure import Call
from .oracles import Batch, Inputs

# --- submodlib: kernels in, as lists of lists -------------------------------------------------


Arguments = Callable[[Inputs], dict[str, Any]]


def _submodlib_batch(pairs: Any) -> Batch:
    return Batch(np.asarray([index for index, _ in pairs]), sum(gain for _, gain in pairs))


def submodlib(
    file: str, name: str, arguments: Arguments, how: str = "LazyGreedy"
) -> tuple[Contender, ...]:
    """Its function, from features to batch, and its greedy alone with the function made before."""

    def maker(inputs: Inputs) -> Callable[[], Any]:
        function = getattr(importlib.import_module(f"submodlib.functions.{file}"), name)
        return lambda: function(n=len(inputs["pool"]), **arguments(inputs))

    def maximise(function: Any, inputs: Inputs) -> Any:
        return function.maximize(int(inputs["B"]), optimizer=how, show_progress=False)

    def whole(inputs: Inputs) -> Call:
        make = maker(inputs)
        return lambda: maximise(make(), inputs)

    def alone(inputs: Inputs) -> Call:
        function = maker(inputs)()
        return lambda: maximise(function, inputs)

    return tuple(
        Contender(
            f"submodlib {how}{which}",
            "submodlib-py",
            "C++",
            bind,
            _submodlib_batch,
            ("submodlib", "numba", "pandas", "sklearn"),
        )
        for which, bind in (("", whole), (", its greedy alone", alone))
    )


def _square(inputs: Inputs) -> dict[str, Any]:
    return {"mode": "dense", "lambdaVal": 1.0, "sijs": inputs["pool"] @ inputs["pool"].T}


def _covered(inputs: Inputs) -> dict[str, Any]:
    kernel = inputs["pool"] @ inputs["pool"].T
    return {"mode": "dense", "separate_rep": False, "sijs": kernel}


def _beside(inputs: Inputs) -> dict[str, Any]:
    pool, queries = inputs["pool"], inputs["queries"]
    return {"num_queries": len(queries), "query_sijs": pool @ queries.T}


def _all(inputs: Inputs) -> dict[str, Any]:
    return {**_beside(inputs), "data_sijs": inputs["pool"] @ inputs["pool"].T}


def _volumes(inputs: Inputs) -> dict[str, Any]:
    queries = inputs["queries"] @ inputs["queries"].T
    return {**_all(inputs), "query_query_sijs": queries, "lambdaVal": 1.0}


LOGDET_PEERS = submodlib("logDeterminant", "LogDeterminantFunction", _square)
LOGDET_MI_PEERS = submodlib(
    "logDeterminantMutualInformation",
    "LogDeterminantMutualInformationFunction",
    _volumes,
    "NaiveGreedy",
)
FACILITY_PEERS = submodlib("facilityLocation", "FacilityLocationFunction", _covered)
FLVMI_PEERS = submodlib(
    "facilityLocationMutualInformation", "FacilityLocationMutualInformationFunction", _all
)
FLQMI_PEERS = submodlib(
    "facilityLocationVariantMutualInformation",
    "FacilityLocationVariantMutualInformationFunction",
    _beside,
)
GCMI_PEERS = submodlib("graphCutMutualInformation", "GraphCutMutualInformationFunction", _beside)

# --- apricot ----------------------------------------------------------------------------------


def _apricot(inputs: Inputs) -> Call:
    from apricot import FacilityLocationSelection

    pool, batch = inputs["pool"], int(inputs["B"])

    def call() -> Any:
        kernel = (pool @ pool.T).astype(np.float64)  # its compiled loops take nothing else
        return FacilityLocationSelection(batch, metric="precomputed", optimizer="lazy").fit(kernel)

    return call


def _apricot_batch(selector: Any) -> Batch:
    return Batch(np.asarray(selector.ranking), float(np.sum(selector.gains)))


APRICOT = (
    Contender(
        "apricot FacilityLocationSelection, lazy",
        "apricot-select",
        "NumPy and numba",
        _apricot,
        _apricot_batch,
        ("apricot", "numba", "sklearn"),
    ),
)

# --- DPPy -------------------------------------------------------------------------------------


def _dppy(inputs: Inputs) -> Call:
    from dppy.finite_dpps import FiniteDPP

    factor, size = inputs["pool"].T, int(inputs["B"])

    def draw(seed: int) -> Any:
        with contextlib.redirect_stdout(io.StringIO()):  # it says what it computes
            process = FiniteDPP("likelihood", L_gram_factor=factor)
            return process.sample_exact_k_dpp(size, random_state=seed)

    return lambda: Drawn(draw(0), several(draw, inputs))


KDPP_PEERS = (
    Contender(
        "DPPy FiniteDPP, dual",
        "dppy",
        "NumPy and SciPy",
        _dppy,
        lambda drawn: picks_of(drawn, np.asarray),
        ("dppy", "matplotlib"),
    ),
)

# --- activeft ---------------------------------------------------------------------------------


def _activeft(name: str) -> Callable[[Inputs], Call]:
    def bind(inputs: Inputs) -> Call:
        torch = torch_one_thread()
        from activeft import ActiveDataLoader, acquisition_functions

        chosen = importlib.import_module(f"{acquisition_functions.__name__}.{name.lower()}")
        pool, targets = (torch.from_numpy(inputs[key].copy()) for key in ("pool", "queries"))
        batch = int(inputs["B"])

        def call() -> Any:
            quantity = getattr(chosen, name)(targets, noise_std=1.0, mini_batch_size=len(pool))
            return ActiveDataLoader(pool, batch, quantity).next()

        return call

    return bind


def activeft(name: str) -> tuple[Contender, ...]:
    """Its acquisition function of a name, on all of the pool at once."""
    return (
        Contender(
            f"activeft {name}",
            "activeft",
            "torch",
            _activeft(name),
            lambda result: Batch(result[0].numpy(), float("nan")),
            ("activeft", "faiss", "torch"),
        ),
    )
