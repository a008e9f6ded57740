"""A case or more of every public function that takes arrays."""

from __future__ import annotations

from tests.capabilities.cases_functions import SET_FUNCTIONS
from tests.capabilities.cases_predictives import PREDICTIVES
from tests.capabilities.cases_scores import MEASURES, SCORES_OF
from tests.capabilities.cases_selections import METHODS, SELECTIONS

CASES = (*MEASURES, *SCORES_OF, *SET_FUNCTIONS, *PREDICTIVES, *SELECTIONS, *METHODS)
