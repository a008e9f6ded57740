"""Selection of batches from scores and set functions."""

from infoq.selection.dpp import kdpp
from infoq.selection.farthest_first import farthest_first
from infoq.selection.forward_backward import forward_backward
from infoq.selection.greedy import greedy
from infoq.selection.kmeans import kmeans_plusplus
from infoq.selection.lazy import lazy_greedy
from infoq.selection.sample import sample
from infoq.selection.selected import Selection
from infoq.selection.stochastic import stochastic_greedy
from infoq.selection.top_k import top_k

__all__ = [
    "Selection",
    "farthest_first",
    "forward_backward",
    "greedy",
    "kdpp",
    "kmeans_plusplus",
    "lazy_greedy",
    "sample",
    "stochastic_greedy",
    "top_k",
]
