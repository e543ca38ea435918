"""The kernels of square in float32."""

import numpy as np

from ..square import make

globals().update(make(np.float32))
