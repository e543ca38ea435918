"""The kernels of latent in float64."""

import numpy as np

from ..latent import make

globals().update(make(np.float64))
