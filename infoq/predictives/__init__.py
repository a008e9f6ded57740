"""What a model believes about the outcomes of candidates."""

from infoq.predictives.about import PARAMETERS, EachTarget, Parameters
from infoq.predictives.categorical import Categorical, as_categorical
from infoq.predictives.outcomes import Outcomes

__all__ = [
    "PARAMETERS",
    "Categorical",
    "EachTarget",
    "Outcomes",
    "Parameters",
    "as_categorical",
]
