"""What of a generated package is held against the truth: the surfaces that its losses have, and which can be tried here."""

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from lossgen.build.errors import BuildError
from lossgen.derive.scores import refusal
from lossgen.formula import Loss, Variant

from .batches import OneBatch
from .layouts import has_sequences
from .on_arrays import OnArrays
from .on_blocks import OnBlocks
from .on_jax import OnJax
from .on_objectives import OnObjectives
from .on_tensors import OnTensors
from .on_vectors import OnVectors
from .surface import Surface, plain


@dataclass(frozen=True)
class Column:
    """One surface in the table of coverage.

    name : what tables call it.
    folder : where a generated package has its modules.
    needs : the library without which it cannot be tried, if any.
    library : the package under it, and which of its files belong to it.
    make : the surface, from the generated function, and from the one batch that is looked at of a loss over several.
    quantities : what is differentiated how often, of the keys of `lossgen.verify.record.QUANTITIES`.
    has : whether a variant is there.
    """

    name: str
    folder: str
    needs: str
    library: tuple[str, str]
    make: Callable[[Any, OneBatch | None], Surface]
    quantities: tuple[str, ...] = ("value", "gradient", "second derivative")
    has: Callable[[Variant], bool] = lambda variant: True

    @property
    def available(self) -> bool:
        """Whether it can be tried here."""
        return not self.needs or importlib.util.find_spec(self.needs) is not None


def _on_arrays(function: Any, batch: OneBatch | None) -> Surface:
    return OnArrays(batch or function)


def _on_tensors(function: Any, batch: OneBatch | None) -> Surface:
    return OnTensors(function, batch.completed if batch else plain)


def _on_jax(function: Any, batch: OneBatch | None) -> Surface:
    return OnJax(function, batch.completed if batch else plain)


def _on_objectives(function: Any, batch: OneBatch | None) -> Surface:
    return OnObjectives(function)


def _on_vectors(function: Any, batch: OneBatch | None) -> Surface:
    return OnVectors(function, batch.completed, batch.batch) if batch else OnVectors(function)


def _on_blocks(function: Any, batch: OneBatch | None) -> Surface:
    return OnBlocks(function, batch.completed if batch else plain)


def _of_raw_scores(variant: Variant) -> bool:
    return not refusal(variant)


def _of_independent_items(variant: Variant) -> bool:
    return not variant.filled and not variant.numbered


#: NumPy, whose kernels the others call, comes first.
COLUMNS = (
    Column("NumPy", "numpy", "", ("lossgen.runtime", "*.py"), _on_arrays),
    Column("PyTorch", "torch", "torch", ("lossgen.adapters", "torch*.py"), _on_tensors),
    Column("JAX", "jax", "jax", ("lossgen.adapters", "jax*.py"), _on_jax),
    Column(
        *("boosting", "boosting", "lightgbm", ("lossgen.adapters", "boosting*.py"), _on_objectives),
        quantities=("gradient", "second derivative"),
        has=_of_raw_scores,
    ),
    Column("SciPy", "scipy", "scipy", ("lossgen.adapters", "scipy*.py"), _on_vectors),
    Column(
        *("Dask", "dask", "dask", ("lossgen.adapters", "dask*.py"), _on_blocks),
        quantities=("value", "gradient"),
        has=_of_independent_items,
    ),
)


def library_files(package: str, pattern: str) -> list[Path]:
    """The files of a package of the library whose names match."""
    return sorted(Path(importlib.util.find_spec(package).origin).parent.glob(pattern))


def surfaces(loss: Loss, variant: Variant, package: ModuleType) -> Iterator[tuple[Variant, list[Surface]]]:
    """All of a variant that has items and kernels of its own, with the surfaces on which it can be tried here, NumPy first.

    Raises BuildError where the package lacks the loss, or holds a file that Python cannot read.
    """
    functions = [
        (column, _function(loss, import_module(f"{package.__name__}.{column.folder}")))
        for column in COLUMNS
        if column.available and any(map(column.has, loss.pieces))
    ]
    for batch, part in (variant.parts or {"": variant}).items():
        one = OneBatch(loss, variant, batch, functions[0][1]) if batch else None
        found = [column.make(function, one) for column, function in functions if column.has(part)]
        if has_sequences(part):
            found += [replace(surface, joined=True) for surface in found]
        yield part, found


def _function(loss: Loss, package: ModuleType) -> Any:
    try:
        return getattr(package, loss.name)
    except (AttributeError, ImportError, SyntaxError) as error:
        raise BuildError(f"{loss.name}: not in the generated package ({error}); run `lossgen build`") from error
