"""Checks one loss of a generated package on every variant, dtype and kind of input."""

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from lossgen.build.errors import BuildError
from lossgen.build.project import package_place
from lossgen.formula import Loss, Variant

from .alignments import with_allowed_labels
from .comparison import Figure, compare
from .sampling import hard_items, random_items, settings, sizes_for
from .surfaces import surfaces

ITEMS, SEED = 5, 20260101
INPUTS = {"random": lambda variant, rng, sizes: random_items(variant, rng, ITEMS, sizes), "hard": hard_items}


@dataclass(frozen=True)
class Finding:
    """A figure with what it was measured on. `passed` says whether it is within what is allowed."""

    loss: str
    variant: str
    inputs: str
    parameters: dict[str, float]
    figure: Figure

    @property
    def passed(self) -> bool:
        """Whether every entry is within what it may be off by, and finite where the truth is, in the dtype's range."""
        return self.figure.excess <= 1 and self.figure.nonfinite == 0

    def as_dict(self) -> dict[str, Any]:
        return {
            "loss": self.loss,
            "variant": self.variant,
            "inputs": self.inputs,
            "parameters": self.parameters,
            **asdict(self.figure),
            "passed": self.passed,
        }


def open_package(out: Path) -> ModuleType:
    """The generated package in a folder, imported under the name it has for its users.

    Another name would do harm: Numba's cache, keyed by the file, remembers the module's name.
    """
    path = out.resolve() / "__init__.py"
    if not path.is_file():
        raise BuildError(f"{out}: no generated package there; run `lossgen build`")
    folder, name = package_place(out)
    sys.path.insert(0, str(folder))
    try:
        package = import_module(name)
    finally:
        sys.path.remove(str(folder))
    if Path(package.__file__).resolve() != path:
        raise BuildError(f"{out}: another package is already called {name}: {package.__file__}")
    return package


def check_loss(loss: Loss, package: ModuleType) -> Iterator[Finding]:
    """All findings for one loss, one batch of inputs after the other.

    Every surface is tried at the default hyperparameters, NumPy, whose kernels the others call, at those beside them too.
    """
    for variant, every in [pair for v in loss.variants for pair in surfaces(loss, v, package)]:
        sizes = sizes_for(variant)
        for inputs, sample in INPUTS.items():
            sampled = sample(variant, np.random.default_rng(SEED), sizes)
            for n, parameters in enumerate(settings(loss, variant)):
                arrays = with_allowed_labels(variant, sampled, parameters)
                for dtype in (np.float64, np.float32):
                    for figure in compare(loss, variant, every if n == 0 else every[:1], arrays, parameters, dtype):
                        yield Finding(loss.name, variant.label, inputs, parameters, figure)
                if inputs == "random" and importlib.util.find_spec("torch"):
                    yield from _against_torch(loss, variant, every[0].function, arrays, parameters)


def _against_torch(
    loss: Loss, variant: Variant, function: Any, arrays: dict[str, np.ndarray], parameters: dict[str, float]
) -> Iterator[Finding]:
    """The gradient that autograd finds for the plain formula, in float64."""
    compare_torch = import_module("lossgen.verify.plain_torch").gradient_figures  # needs torch, which is optional
    for figure in compare_torch(loss, variant, function, arrays, parameters):
        yield Finding(loss.name, variant.label, "random", parameters, figure)
