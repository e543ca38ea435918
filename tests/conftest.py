"""Puts this folder on the path: tests of several folders share the evaluator in `exact.py`. Gives JAX two devices."""

import os

# Read when JAX first runs something, whichever test that is.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
