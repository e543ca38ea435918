"""The kernels of square in float64."""

import numpy as np

from ..square import make

globals().update(make(np.float64))
