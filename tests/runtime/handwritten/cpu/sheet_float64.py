"""The kernels of sheet in float64."""

import numpy as np

from ..sheet import make

globals().update(make(np.float64))
