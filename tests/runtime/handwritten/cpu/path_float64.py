"""The kernels of path in float64."""

import numpy as np

from ..path import make

globals().update(make(np.float64))
