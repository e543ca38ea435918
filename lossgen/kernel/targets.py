"""The targets: for each what it prints of a variant, and which variants it has."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lossgen.formula import Loss, Variant

from .cpu import cpu_module
from .cuda import cuda_module
from .printed import Source

#: The kernels' arithmetic; half-precision inputs are computed in float32.
DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Target:
    """One target. `module` gives a variant's text for a dtype; `summary` is the folder's docstring."""

    summary: str
    module: Callable[[Source, str], str]


TARGETS = {
    "cpu": Target("Numba kernels for the CPU: a module per loss, variant and dtype.", cpu_module),
    "cuda": Target(
        "Kernels for CUDA, which `lossgen.runtime.cuda` compiles: a module per loss, variant and dtype.",
        cuda_module,
    ),
}


def render_module(loss: Loss, variant: Variant, dtype: str, file: str, target: str = "cpu") -> str:
    """The text of one module, with all kernels of a variant for one dtype. `file` is the formula's, for the banner."""
    return TARGETS[target].module(Source(loss, variant, file), dtype)


def render_variant(loss: Loss, variant: Variant, file: str) -> Iterator[tuple[str, str, str]]:
    """Target, dtype and text of every module of a variant. `file` is the formula's, for the banner."""
    source = Source(loss, variant, file)
    for name, target in TARGETS.items():
        for dtype in DTYPES:
            yield name, dtype, target.module(source, dtype)
