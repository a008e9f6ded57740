"""Every measure as a function of two stacks of joint distributions, `p` and `q` [..., X, Y]."""

import pytest

import infoq

BOTH = (-2, -1)
MEASURES = {
    "information_content": lambda p, q, **k: infoq.information_content(p, axis=BOTH, **k),
    "entropy": lambda p, q, **k: infoq.entropy(p, axis=BOTH, **k),
    "cross_entropy": lambda p, q, **k: infoq.cross_entropy(p, q, axis=BOTH, **k),
    "kl_divergence": lambda p, q, **k: infoq.kl_divergence(p, q, axis=BOTH, **k),
    "js_divergence": lambda p, q, **k: infoq.js_divergence(p, q, axis=BOTH, **k),
    "mutual_information": lambda p, q, **k: infoq.mutual_information(p, **k),
    "conditional_entropy": lambda p, q, **k: infoq.conditional_entropy(p, **k),
    "total_correlation": lambda p, q, **k: infoq.total_correlation(p, axis=BOTH, **k),
}


@pytest.fixture(params=MEASURES, scope="session")
def measure(request):
    """One measure: `measure(p, q, kind="probs")`."""
    return MEASURES[request.param]
