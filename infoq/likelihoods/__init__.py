"""Likelihoods p(y | z) of the exponential family in their natural parameters (logits) z [N, C].

The log-partition A(z) of such a family is all that Fisher information needs: its curvature
Lambda = d^2 A / dz^2 [N, C, C] is the Fisher information in z. The link is canonical, so the
observed information equals the expected one for every label and at every weight w of a model that
is linear in w (for a network, in its generalised Gauss-Newton form), not only at the fitted w.
"""

from infoq.likelihoods.curvature import Curvature
from infoq.likelihoods.exponential import Bernoulli, Poisson
from infoq.likelihoods.likelihood import Likelihood
from infoq.likelihoods.normal import Normal
from infoq.likelihoods.softmax import Softmax

__all__ = ["Bernoulli", "Curvature", "Likelihood", "Normal", "Poisson", "Softmax"]
