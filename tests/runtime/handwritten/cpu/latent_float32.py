"""The kernels of latent in float32."""

import numpy as np

from ..latent import make

globals().update(make(np.float32))
