"""Calls generated CUDA kernels in the simulator with named arrays, as a surface that can be held against the raw formula."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from simulator import Address, Launch

from lossgen.build.schema import module_name
from lossgen.formula import Loss, Variant
from lossgen.formula.symbols import Argument
from lossgen.runtime.cuda.bind import kinds
from lossgen.verify.sampling import counted

Arrays = Mapping[str, np.ndarray]


@dataclass
class Result:
    """What a kernel has written, and how often it has read each entry of its arrays."""

    values: np.ndarray
    outputs: dict[str, np.ndarray]
    total: float
    faults: int
    reads: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class OnSimulatedCuda:
    """A variant's kernels.

    groups, lanes, width: how many groups of how many threads, and how many items are taken at a time.
    storage: the dtype of arrays where it is not the module's, such as "bfloat16".
    room: how many entries of a row are kept, rounded up to a multiple of `width`.
    """

    groups: int = 2
    lanes: int = 3
    width: int = 4
    storage: str = ""
    room: int = 8
    name: str = "CUDA, simulated"
    flushes: bool = False
    folder: str = "cuda"

    def module(self, loss: Loss, variant: Variant, dtype: str) -> ModuleType:
        """The generated module."""
        return import_module(f"lossgen.generated.cuda.{module_name(loss, variant)}_{dtype}")

    def kernels_of(self, loss: Loss, variant: Variant) -> tuple[str, ...]:
        """The kernels that a variant has."""
        return self.module(loss, variant, "float32").KERNELS

    def found(
        self, loss: Loss, variant: Variant, given: Arrays, parameters: Mapping[str, Any], directions: Arrays
    ) -> dict[str, dict[str, np.ndarray]]:
        """All quantities, as the surfaces of `lossgen.verify` give them."""
        values, product, diagonal = (
            self(loss, variant, kernel, given, parameters, directions if kernel == "hvp" else {})
            for kernel in ("evaluate", "hvp", "hessian_diagonal")
        )
        return {
            "value": {"": values.values},
            "gradient": values.outputs,
            "product": product.outputs,
            "diagonal": diagonal.outputs,
        }

    def __call__(
        self,
        loss: Loss,
        variant: Variant,
        kernel: str,
        given: Arrays,
        parameters: Mapping[str, Any],
        directions: Arrays | None = None,
        item_scale: np.ndarray | None = None,
        scale: float = 1.0,
        multiplier: float | None = None,
    ) -> Result:
        """One kernel over all items. Arrays that are not given are absent, and what they would get is not written."""
        dtype = next(x.dtype.name for x in given.values() if x.dtype.kind == "f")
        module, dtype = self.module(loss, variant, dtype), np.dtype(self.storage or dtype)
        whole = {a.name for a in variant.arguments if a.role.integer}
        given = {n: x if n in whole else x.astype(dtype) for n, x in counted(variant, given).items()}
        directions = {n: x.astype(dtype) for n, x in (directions or {}).items()}
        wrt = _wrt(variant, kernel)
        items = len(next(given[a.name] for a in variant.arguments if a.role.layout != "shared"))
        values = np.full(items, -7, dtype)
        outputs = {a.name: self._output(a, given[a.name]) for a in wrt if a.name in given}
        arrays = [*(given.get(a.name) for a in variant.arguments), *directions.values()]
        written = [outputs.get(a.name) for a in wrt]
        annotations = kinds(getattr(module, kernel))
        sizes = [given[a.name].shape[-1] for a in _sized(loss, variant)]
        numbers = [parameters.get(p.name, loss.default(p.name)) for p in variant.parameters]
        integers = [parameters.get("ignore_index", -100)] if "ignore_index" in annotations else []
        integers += [0] if "first_item" in annotations else []
        ordered = [
            *(np.int64(n) for n in (items, *sizes)),
            *arrays[: len(variant.arguments)],
            *(module.real(n) for n in numbers),
            *(np.int64(n) for n in integers),
            *arrays[len(variant.arguments) :],
            module.real(scale),
            None if multiplier is None else np.array([multiplier], module.real),
            item_scale,
            values,
            None,
            None,
            *written,
            *[np.int64(-(-self.room // self.width) * self.width)] * len(getattr(module, "KEPT", {}).get(kernel, ())),
        ]
        arguments = {n: _address(x) for n, x in zip(annotations, ordered, strict=True)}
        launch = Launch(module, self.groups, self.lanes, self.width)
        launch.run(kernel, arguments)
        shared = {a.name for a in wrt if a.role.layout == "shared"}
        outputs = {n: x.sum(0) if n in shared else x for n, x in outputs.items()}
        reads = {n: _times(a) for n, a in arguments.items() if isinstance(a, Address)}
        return Result(values, outputs, sum(launch.totals), launch.faults, reads)

    def _output(self, argument: Argument, array: np.ndarray) -> np.ndarray:
        shared = argument.role.layout == "shared"
        return np.full(
            (self.groups, *array.shape) if shared else array.shape, -7, np.float64 if shared else array.dtype
        )


def variants(losses: Mapping[str, Loss]) -> list[tuple[Loss, Variant]]:
    """All variants without recurrences."""
    return [(loss, v) for loss in losses.values() for v in loss.pieces if not v.filled]


def lattice_variants(losses: Mapping[str, Loss]) -> list[tuple[Loss, Variant]]:
    """All variants with recurrences."""
    return [(loss, v) for loss in losses.values() for v in loss.pieces if v.filled]


def title(case: tuple[Loss, Variant]) -> str:
    """The name of a case among a test's."""
    return module_name(*case)


def _wrt(variant: Variant, kernel: str) -> tuple[Argument, ...]:
    if kernel == "normalizer":
        return ()
    return variant.predictions if kernel in ("hvp", "hessian_diagonal") else variant.differentiable


def _sized(loss: Loss, variant: Variant) -> list[Argument]:
    found: dict[Any, Argument] = {}
    for a in variant.arguments:
        if a.role.axis and a.role.layout in ("row", "shared") and loss.default(a.name) is None:
            found.setdefault(a.role.axis, a)
    return list(found.values())


def _times(address: Address) -> np.ndarray:
    """How often each entry was read."""
    return np.array([address.reads[k] for k in range(address.array.size)])


def _address(x: Any) -> Any:
    return Address(x.reshape(-1)) if isinstance(x, np.ndarray) else x
