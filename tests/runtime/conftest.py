"""Random numbers, and the number of threads as it was."""

from collections.abc import Iterator

import numpy as np
import pytest

from lossgen.runtime import get_num_threads, set_num_threads


@pytest.fixture
def rng() -> np.random.Generator:
    """The same numbers in every run."""
    return np.random.default_rng(7)


@pytest.fixture
def threads() -> Iterator:
    """`set_num_threads`; afterwards the number is as before."""
    before = get_num_threads()
    yield set_num_threads
    set_num_threads(before)
