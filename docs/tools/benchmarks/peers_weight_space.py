"""What infoq is compared with in weight space: the formulas as written, and laplace-torch."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .contenders import Contender, torch_one_thread
from .measure import Call
from .oracles import Inputs
from .oracles_weight_space import Scores, curvatures, features, fisher, posterior, spread

DENSE = 3  # candidates that the dense formula is timed on
LAPLACE = 10  # candidates that laplace-torch is timed on where there are many classes


def _dense_on_numpy(inputs: Inputs) -> Call:
    return _dense_formula(inputs, np, np.asarray)


def _dense_on_torch(inputs: Inputs) -> Call:
    torch = torch_one_thread()
    return _dense_formula(inputs, torch, torch.from_numpy)


def _dense_formula(inputs: Inputs, xp: Any, array: Callable[[Any], Any]) -> Call:
    """The posterior, the targets and all that no candidate changes are made before the timing."""
    some = spread(len(inputs["pool"]), DENSE)
    dtype = inputs["pool"].dtype
    phi = features(inputs, "pool", True)[some].astype(dtype)
    curvature = curvatures(inputs, "pool")[some].astype(dtype)
    precision = posterior(inputs)
    targets = fisher(features(inputs, "targets", True), curvatures(inputs, "targets"))
    covariance = np.linalg.inv(precision)
    mean = targets / len(inputs["targets"])
    before = np.linalg.slogdet(precision)[1], np.linalg.slogdet(precision + targets)[1]
    objective = float(np.vdot(mean, covariance))
    precision, targets, covariance, mean = (
        array(x.astype(dtype)) for x in (precision, targets, covariance, mean)
    )
    phi, curvature = array(phi), array(curvature)

    def call() -> Scores:
        scores = np.empty((4, len(some)))
        for i in range(len(some)):
            own = xp.kron(curvature[i], xp.outer(phi[i], phi[i]))
            after = precision + own
            scores[0, i] = float(xp.linalg.slogdet(after)[1]) - before[0]
            scores[1, i] = float((own * covariance).sum())
            both = float(xp.linalg.slogdet(after + targets)[1])
            scores[2, i] = scores[0, i] - (both - before[1])
            scores[3, i] = objective - float(xp.trace(xp.linalg.solve(after, mean)))
        names = ("EIG log-det", "EIG trace", "JEPIG", "EPIG trace")
        return Scores(some, dict(zip(names, scores / 2, strict=True)))

    return call


def _model(torch: Any, inputs: Inputs) -> tuple[Any, Any]:
    classes, size = inputs["weights"].shape
    layer = torch.nn.Linear(size, classes, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(inputs["weights"]))
    labels = torch.from_numpy(inputs["labelled probs"].argmax(axis=1))
    data = torch.utils.data.TensorDataset(torch.from_numpy(inputs["labelled"].copy()), labels)
    loader = torch.utils.data.DataLoader(data, batch_size=len(labels))
    return torch.nn.Sequential(torch.nn.Identity(), layer), loader


def _fitted(model: Any, loader: Any, structure: str) -> Any:
    from laplace import Laplace

    la = Laplace(
        model,
        "classification",
        subset_of_weights="last_layer",
        hessian_structure=structure,
        prior_precision=1.0,
    )
    la.fit(loader)
    return la


def _laplace_torch(structure: str) -> Callable[[Inputs], Call]:
    def bind(inputs: Inputs) -> Call:
        torch = torch_one_thread()
        import laplace  # noqa: F401

        model, loader = _model(torch, inputs)
        points = torch.from_numpy(inputs["points"].copy())

        def call() -> Any:
            la = _fitted(model, loader, structure)
            return la.functional_variance(la.backend.last_layer_jacobians(points)[0])

        return call

    return bind


def _laplace_torch_eig(inputs: Inputs) -> Call:
    """Fitted before the timing, and the log-det of what its functional variance says."""
    torch = torch_one_thread()
    import laplace  # noqa: F401

    la = _fitted(*_model(torch, inputs), "kron")
    some = spread(len(inputs["pool"]), LAPLACE)
    points = torch.from_numpy(inputs["pool"][some])
    probs = torch.from_numpy(inputs["pool probs"][some])

    def call() -> Scores:
        variance = la.functional_variance(la.backend.last_layer_jacobians(points)[0])
        curvature = torch.diag_embed(probs) - probs[:, :, None] * probs[:, None, :]
        told = torch.linalg.slogdet(torch.eye(probs.shape[1]) + curvature @ variance)[1] / 2
        return Scores(some, {"EIG log-det": told.numpy()})

    return call


def _as_it_is(x: Any) -> Any:
    return x


def _share(timed: int) -> Callable[[Mapping[str, int]], float]:
    return lambda size: size["N"] / len(spread(size["N"], timed))


MODULES = ("laplace", "backpack", "curvlinops", "asdl", "torch")

LAST_LAYER_PEERS = (
    Contender(
        f"dense formula, timed on {DENSE} candidates and scaled",
        "numpy",
        "NumPy",
        _dense_on_numpy,
        _as_it_is,
        scale=_share(DENSE),
    ),
    Contender(
        f"dense formula on torch, timed on {DENSE} candidates and scaled",
        "torch",
        "torch",
        _dense_on_torch,
        _as_it_is,
        ("torch",),
        _share(DENSE),
    ),
)
MANY_CLASSES_PEERS = (
    Contender(
        f"laplace-torch kron, EIG alone, timed on {LAPLACE} candidates and scaled",
        "laplace-torch",
        "torch",
        _laplace_torch_eig,
        _as_it_is,
        MODULES,
        _share(LAPLACE),
    ),
)


def laplace_torch(structure: str) -> tuple[Contender, ...]:
    """Fit and functional variance, by laplace-torch's name of the structure."""
    name = f"laplace-torch {structure}"
    return (Contender(name, "laplace-torch", "torch", _laplace_torch(structure), modules=MODULES),)
