"""The kernels of choice_indices in float64."""

import numpy as np

from ..choice_indices import make

globals().update(make(np.float64))
