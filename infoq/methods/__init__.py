"""The methods of the literature: each combines a predictive, a quantity and a selection.

A method picks: it takes `k` and returns a `Selection`. Twelve have the name of a function of
`infoq` that only computes numbers and picks nothing: `bald`, `entropy`, `epig`, `jepig`,
`least_confidence`, `logdet`, `logdet_cg`, `logdet_cmi`, `logdet_mi`, `margin`, `mean_std` and
`variation_ratio`. So ``infoq.bald(x)`` is one score per candidate, and
``infoq.methods.bald(x, 10)`` is the ten candidates with the highest scores.
"""

from infoq.methods.baselines import entropy, least_confidence, margin, mean_std, variation_ratio
from infoq.methods.coverage import coreset, dpp
from infoq.methods.fisher import bait, bait_binary, bait_top, itl, vtl
from infoq.methods.gradients import badge, egl, el2n, grand, rho_loss
from infoq.methods.information import bald, batch_bald, batch_epig, batch_jepig, epig, jepig
from infoq.methods.representation import facility_location, flcg, flcmi, flqmi, flvmi
from infoq.methods.representation_cuts import com, gccg, gcmi, graph_cut
from infoq.methods.similarity import logdet, logdet_cg, logdet_cmi, logdet_mi
from infoq.methods.stochastic_bald import power_bald, softmax_bald, softrank_bald
from infoq.methods.taxonomy import TAXONOMY, Method, Who

__all__ = [
    "TAXONOMY",
    "Method",
    "Who",
    "badge",
    "bait",
    "bait_binary",
    "bait_top",
    "bald",
    "batch_bald",
    "batch_epig",
    "batch_jepig",
    "com",
    "coreset",
    "dpp",
    "egl",
    "el2n",
    "entropy",
    "epig",
    "facility_location",
    "flcg",
    "flcmi",
    "flqmi",
    "flvmi",
    "gccg",
    "gcmi",
    "grand",
    "graph_cut",
    "itl",
    "jepig",
    "least_confidence",
    "logdet",
    "logdet_cg",
    "logdet_cmi",
    "logdet_mi",
    "margin",
    "mean_std",
    "power_bald",
    "rho_loss",
    "softmax_bald",
    "softrank_bald",
    "variation_ratio",
    "vtl",
]
