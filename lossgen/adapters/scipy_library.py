"""One line that says what to install, where SciPy is not there."""

from importlib.util import find_spec

if find_spec("scipy") is None:
    raise ImportError("losses for scipy.optimize need SciPy, which is not installed: pip install lossgen[scipy]")
