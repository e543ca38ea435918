"""Calls generated CUDA kernels of losses with recurrences in the simulator, as a surface that can be held against the raw formula."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from kernels import Arrays, Result
from simulator import Address, Launch

from lossgen.build.schema import module_name
from lossgen.formula import Loss, Variant
from lossgen.formula.symbols import Argument
from lossgen.kernel.lattice_program import TAKEN
from lossgen.kernel.program import curvatures, with_free_names
from lossgen.runtime.cuda.bind import kinds
from lossgen.runtime.device import Reals

Given = dict[str, Any]


@dataclass(frozen=True)
class OnSimulatedBlocks:
    """A variant's kernels. Arrays have their items along dimension 0.

    blocks, teams, lanes: how many blocks of how many groups of how many threads.
    joined: whether sequences are given one after another.  storage: the dtype of arrays where it is not the module's.
    package: where the generated modules are.
    """

    blocks: int = 2
    teams: int = 2
    lanes: int = 2
    joined: bool = False
    storage: str = ""
    package: str = "lossgen.generated"
    name: str = "CUDA, simulated"
    flushes: bool = False
    folder: str = "cuda"
    flushes: bool = False

    def module(self, loss: Loss, variant: Variant, dtype: str) -> ModuleType:
        """The generated module."""
        return import_module(f"{self.package}.cuda.{module_name(loss, variant)}_{dtype}")

    def found(
        self, loss: Loss, variant: Variant, given: Arrays, parameters: Mapping[str, Any], directions: Arrays
    ) -> dict[str, dict[str, np.ndarray]]:
        """All quantities, as the surfaces of `lossgen.verify` give them."""
        first = self(loss, variant, "evaluate", given, parameters)
        product = self(loss, variant, "hvp", given, parameters, directions)
        assert first.faults == product.faults == 0
        return {"value": {"": first.values}, "gradient": first.outputs, "product": product.outputs}

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
        absent: tuple[str, ...] = (),
        multiplier: np.ndarray | None = None,
    ) -> Result:
        """One kernel over all items. `absent` are the outputs that are not wanted; `multiplier` is a factor of the scale."""
        dtype = next(x.dtype.name for x in given.values() if x.dtype.kind == "f")
        module = self.module(loss, variant, dtype)
        annotations, storage = kinds(getattr(module, kernel)), np.dtype(self.storage or dtype)
        called = with_free_names(variant, TAKEN)[1]
        wrt = dict(curvatures(variant)).get(kernel, variant.differentiable if kernel == "evaluate" else ())
        sizes = {f"size_{axis.name}": n for a in variant.arguments for axis, n in _axes(a, given[a.name])}
        values = np.full(len(next(given[a.name] for a in variant.arguments if not a.role.same)), -7, storage)
        passed: Given = {"items": len(values), **sizes, "scale": module.real(scale), "item_scale": item_scale}
        passed |= {"multiplier": multiplier, "values": values}
        lengths = {a.role.axis: given[a.name] for a in variant.arguments if a.role.layout == "length"}
        for a in variant.arguments:
            passed |= self._argument(a, given[a.name], lengths, storage, called[a.name])
            if directions and a.name in directions:
                passed |= self._argument(a, directions[a.name], lengths, storage, f"direction_{called[a.name]}")
        for p in variant.parameters:
            number = parameters.get(p.name, loss.default(p.name))
            passed[called[p.name]] = np.int64(number) if p.role.domain == "class-number" else module.real(number)
        outputs = {}
        for a in wrt:
            name = f"{'grad' if kernel == 'evaluate' else 'product'}_{called[a.name]}"
            passed |= dict.fromkeys(step for step in annotations if step.startswith(f"{name}_step"))
            if a.name not in absent:
                outputs[a.name] = self._output(a, given[a.name], storage if annotations[name] is Reals else dtype)
                passed |= self._argument(a, outputs[a.name], lengths, None, name)
        passed |= self._scratch(module, kernel, sizes)
        launch = Launch(module, self.blocks, self.lanes, 1, self.teams)
        launch.run(kernel, {name: _address(passed.get(name)) for name in annotations})
        shared = {a.name for a in wrt if a.role.same}
        outputs = {n: x.sum(0) if n in shared else x for n, x in outputs.items()}
        return Result(values, outputs, sum(launch.totals), launch.faults)

    def _argument(self, argument: Argument, x: np.ndarray, lengths: Given, storage: Any, name: str) -> Given:
        """What a kernel gets for an array: its numbers in memory, and where they are. `storage`: None for an output."""
        layout = argument.role.layout
        if layout == "length":
            return {name: x}
        if layout == "sequence":
            own = lengths.get(argument.role.axis, np.full(len(x), x.shape[1]))
            rows = [row[:n] for row, n in zip(x, own, strict=True)] if self.joined else list(x)
            counts = np.array([len(row) for row in rows], int)
            labels = np.concatenate([*rows, np.zeros(0, int)])
            return {name: labels, f"{name}_starts": np.cumsum(counts) - counts, f"{name}_size": len(labels)}
        x = x if storage is None else np.ascontiguousarray(x.astype(storage))
        steps = [int(np.prod(x.shape[n:], dtype=int)) for n in range(1, x.ndim)]
        return {name: x.reshape(-1)} | (
            {f"{name}_step_{n}": s for n, s in enumerate(steps)} if layout == "grid" else {}
        )

    def _output(self, argument: Argument, array: np.ndarray, dtype: Any) -> np.ndarray:
        shape, dtype = ((self.blocks, *array.shape), np.float64) if argument.role.same else (array.shape, dtype)
        return np.full(shape, -7, dtype)

    def _scratch(self, module: ModuleType, kernel: str, sizes: Mapping[str, int]) -> Given:
        """Memory for each block, as much as the kernel says, of which nothing may be read before it is written."""
        cells, places = getattr(module, f"{kernel}_scratch")(**{n: sizes[n] for n in _sizes(module, kernel)})
        return {
            "cells": np.full(self.blocks * cells, np.nan),
            "cells_size": cells,
            "places": np.full(self.blocks * places, -(10**9)),
            "places_size": places,
        }


def _axes(argument: Argument, x: np.ndarray) -> list[tuple[Any, int]]:
    """The axes of an argument with their sizes."""
    if argument.role.layout == "length":
        return []
    return list(zip(argument.role.axes, x.shape[0 if argument.role.same else 1 :], strict=True))


def _sizes(module: ModuleType, kernel: str) -> list[str]:
    return [name for name in kinds(getattr(module, kernel)) if name.startswith("size_")]


def _address(x: Any) -> Any:
    return Address(x) if isinstance(x, np.ndarray) else np.int64(x) if isinstance(x, int) else x
