"""Kernels are compiled in the test's own folder: nothing is cached in the repository."""

import numpy as np
import pytest


@pytest.fixture
def rng() -> np.random.Generator:
    """The same numbers in every run."""
    return np.random.default_rng(7)
