"""Likelihoods p(y | z) of the exponential family in their natural parameters (logits) z [N, C].

Let A(z) be the log-partition of such a family. Its curvature Lambda = d^2 A / dz^2 [N, C, C] is the
Fisher information about z. The link is canonical: for a model that is linear in its weights w, the
observed information equals the expected one for every label and at every w, not only at the fitted
w. For a network this holds in the generalised Gauss-Newton form.

`NegativeBinomial`, `Gamma`, `Ordinal` and `PlackettLuce` are not of this kind: their observed
information depends on the label. Their curvature is its expectation, the Fisher information.
"""

from infoq.likelihoods.counts import Gamma, NegativeBinomial
from infoq.likelihoods.curvature import Curvature
from infoq.likelihoods.exponential import Bernoulli, Poisson
from infoq.likelihoods.likelihood import Likelihood
from infoq.likelihoods.normal import Normal
from infoq.likelihoods.ordinal import Ordinal
from infoq.likelihoods.preferences import BradleyTerry, PlackettLuce
from infoq.likelihoods.softmax import Softmax

__all__ = [
    "Bernoulli",
    "BradleyTerry",
    "Curvature",
    "Gamma",
    "Likelihood",
    "NegativeBinomial",
    "Normal",
    "Ordinal",
    "PlackettLuce",
    "Poisson",
    "Softmax",
]
