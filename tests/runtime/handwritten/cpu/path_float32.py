"""The kernels of path in float32."""

import numpy as np

from ..path import make

globals().update(make(np.float32))
