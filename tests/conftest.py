"""Puts this folder on the path: tests of several folders share the evaluator in `exact.py`. Gives JAX two devices."""

import gc
import os
import sys

import pytest

# Read when JAX first runs something, whichever test that is.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"

# An eighth of the time of compiling went into looking for cycles again and again.
gc.set_threshold(100_000, 50, 100)

SEED = 20


@pytest.fixture(autouse=True)
def torch_begins_anew():
    """Seeds torch's own random numbers, if torch is there: what a test draws depends on no test before it."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(SEED)
