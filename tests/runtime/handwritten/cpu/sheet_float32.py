"""The kernels of sheet in float32."""

import numpy as np

from ..sheet import make

globals().update(make(np.float32))
