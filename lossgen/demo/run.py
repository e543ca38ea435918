"""Runs the tasks of the demonstration."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from .result import Result

NUMPY_TASKS = ("digits", "breast_cancer", "diabetes")
TORCH_TASKS = ("digits_network", "digits_autoencoder", "digit_rows")


def run_tasks(epochs: int, announce: Callable[[str], object]) -> list[Result]:
    """Run the tasks in plain NumPy and, where torch is installed, those in torch.

    Args:
        epochs: passes over the data for the networks; the linear models train until they converge.
        announce: called with the name of each task before it runs.
    """
    tasks = NUMPY_TASKS + (TORCH_TASKS if find_spec("torch") else ())
    results: list[Result] = []
    for task in tasks:
        announce(task.replace("_", " "))
        results += import_module(f"{__package__}.{task}").run(epochs)  # by name: torch is an option
    return results
