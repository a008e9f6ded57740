"""What turns scores and set functions into batches."""

from infoq.selection.greedy import greedy
from infoq.selection.selected import Selection
from infoq.selection.top_k import top_k

__all__ = ["Selection", "greedy", "top_k"]
