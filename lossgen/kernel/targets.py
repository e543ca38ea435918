"""The targets: for each what it prints of a variant, and which variants it has."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lossgen.formula import Loss, SpecError, Variant

from .cpu import cpu_module
from .cuda import cuda_module, has_cuda
from .printed import Source

#: The kernels' arithmetic; half-precision inputs are computed in float32.
DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Target:
    """One target. `module` gives a variant's text for a dtype, `takes` whether there is one; `summary` is the folder's docstring."""

    summary: str
    module: Callable[[Source, str], str]
    takes: Callable[[Variant], bool]


TARGETS = {
    "cpu": Target("Numba kernels for the CPU: a module per loss, variant and dtype.", cpu_module, lambda variant: True),
    "cuda": Target(
        "Kernels for CUDA, which `lossgen.runtime.cuda` compiles: a module per loss, variant and dtype.",
        cuda_module,
        has_cuda,
    ),
}


def render_module(loss: Loss, variant: Variant, dtype: str, file: str, target: str = "cpu") -> str:
    """The text of one module, with all kernels of a variant for one dtype. `file` is the formula's, for the banner.

    Raises SpecError where the target has no kernels for the variant.
    """
    if not TARGETS[target].takes(variant):
        raise SpecError(f"{loss.name}: there are no {target} kernels for a loss over a lattice yet")
    return TARGETS[target].module(Source(loss, variant, file), dtype)


def render_variant(loss: Loss, variant: Variant, file: str) -> Iterator[tuple[str, str, str]]:
    """Target, dtype and text of every module of a variant. `file` is the formula's, for the banner."""
    source = Source(loss, variant, file)
    for name, target in TARGETS.items():
        if target.takes(variant):
            for dtype in DTYPES:
                yield name, dtype, target.module(source, dtype)
