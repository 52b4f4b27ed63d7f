"""A scorer, and an embedder that loads no model."""

import pytest

from millrace.methods.groundedness import GroundednessCoefficients, GroundednessModel
from tasks.tables import groundedness_model
from tests.support.embedder import HashedWords


@pytest.fixture
def embedder() -> HashedWords:
    return HashedWords()


@pytest.fixture(scope="session")
def scorer() -> GroundednessModel:
    """Knows nothing: every score is one half."""
    model = groundedness_model()
    nothing = dict.fromkeys(model.coefficients.model_dump(), 0.0)
    return model.model_copy(update={"coefficients": GroundednessCoefficients(**nothing)})
