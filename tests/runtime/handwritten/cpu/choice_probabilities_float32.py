"""The kernels of choice_probabilities in float32."""

import numpy as np

from ..choice_probabilities import make

globals().update(make(np.float32))
