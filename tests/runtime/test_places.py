"""Where a named axis lies by default, and the domains of entries."""

import numpy as np
import pytest

from lossgen.runtime import Axis, LossError
from lossgen.runtime.axes import dimensions_of
from lossgen.runtime.domains import ARRAYS

PLACES = {
    "class": {1: (0,), 2: (1,), 3: (1,), 4: (1,)},
    "features": {1: (0,), 2: (1,), 3: (1, 2), 4: (1, 2, 3)},
    "last": {1: (0,), 2: (1,), 3: (2,), 4: (3,)},
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("ndim", [1, 2, 3, 4])
def test_the_dimensions_of_each_place(place, ndim):
    assert dimensions_of("made_up", Axis("D", place), None, "x", (2, 3, 4, 5)[:ndim]) == PLACES[place][ndim]


@pytest.mark.parametrize("place", PLACES)
def test_no_place_in_a_single_number(place):
    with pytest.raises(LossError, match=r"made_up: x has shape \(\), expected at least one dimension for axis 'D'"):
        dimensions_of("made_up", Axis("D", place), None, "x", ())


def test_signs_are_minus_one_and_one():
    outside = ARRAYS["sign"].outside(np.array([-1.0, 1.0, 0.0, -0.5, 2.0, np.nan, np.inf]))
    assert outside.tolist() == [False, False, True, True, True, True, True]
