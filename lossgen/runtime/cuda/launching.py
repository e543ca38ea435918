"""Launching kernels: which schedule and grid, and the arguments as the driver takes them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from .. import device
from . import factors, support
from .bind import kinds
from .driver import Array, Driver, Place, Program

Given = Array | int | float | None

#: Rows from this size on are taken by a block, shorter ones by a warp.
LONG_ROW = 1024
#: How many blocks a multiprocessor gets at most, and what the rows of a shared output may hold together.
RESIDENT = 8
MOST_SHARED = 1 << 22
WARP = 32
#: The same for blocks that have an item with recurrences each, and how many bytes their tables may take together.
RESIDENT_LATTICES = 2
MOST_CELLS = 1 << 31
#: The bytes of one read or write.
BYTES = 16

#: What a bool is on the device.
SPELT = {"bool": "uint8"}

#: The modules of the kernels that are the same for all losses, and the schedule of these.
COMMON = {name: module for module in (support, factors) for name in module.KERNELS}
COMMON_SCHEDULE = "block"


class Kernel(NamedTuple):
    """What launching needs to know of a kernel: for each argument whether it is a real number, and whether it is moved
    by reads and writes of 16 bytes; the types of its real numbers; the arguments' names."""

    reals: tuple[bool, ...]
    moved: tuple[bool, ...]
    real: str
    names: frozenset[str]


@lru_cache(maxsize=4096)
def kernel_of(module: ModuleType, name: str) -> Kernel:
    """What launching needs to know of a kernel of a module."""
    named = kinds(getattr(module, name))
    found = tuple(named.values())
    return Kernel(
        tuple(kind is device.Real for kind in found),
        tuple(kind in (device.Reals, device.Scales) for kind in found),
        np.dtype(module.real).name,
        frozenset(named),
    )


class Grid(NamedTuple):
    """A schedule, and how many blocks and groups work by it."""

    schedule: str
    blocks: int
    groups: int


def grid_of(place: Place, module: ModuleType, items: int, size: int, width: int, shared: int) -> Grid:
    """The division of the work by shapes and the device alone, so that the same call has the same bits in every run.

    Args:
        place: where it runs.
        module: the kernels' module.
        items: how many there are; at least 1.
        size: the entries of the longest row.
        width: how many items a thread takes at a time; 1 where the arrays do not allow more.
        shared: the entries of the outputs that all items share, which every group has a row of.
    """
    threads, most = place.driver.threads, RESIDENT * place.driver.multiprocessors
    if module.SCHEDULE == "element":
        blocks = min(most, -(-items // (threads * width)))
        return Grid("wide" if width > 1 else "narrow", blocks, blocks)
    schedule, per_block = ("block", 1) if size > LONG_ROW else ("warp", threads // WARP)
    blocks = min(most, -(-items // per_block))
    if shared:
        blocks = max(1, min(blocks, MOST_SHARED // (shared * per_block)))
    return Grid(schedule, blocks, blocks * per_block)


def lattice_grid(place: Place, items: int, cells: int, shared: int) -> Grid:
    """The same where an item has a block to itself: as many blocks as there is memory for.

    Args:
        place: where it runs.
        items: how many there are; at least 1.
        cells: the bytes that a block needs for its tables.
        shared: the entries of the largest output that all items share.
    """
    blocks = min(items, RESIDENT_LATTICES * place.driver.multiprocessors, MOST_CELLS // max(cells, 1))
    blocks = max(1, min(blocks, MOST_SHARED // max(shared, 1)))
    return Grid("lattice", blocks, blocks)


def _itemsize(kernel: Kernel, given: Sequence[Given]) -> int:
    """The bytes of the smallest numbers that are moved by 16 bytes; 0 where an array does not begin at a multiple of them."""
    arrays = [x for x, moved in zip(given, kernel.moved, strict=True) if moved and x is not None]
    return 0 if any(x.address % BYTES for x in arrays) else min(max(2, x.dtype.itemsize) for x in arrays)


@lru_cache(maxsize=256)
def _pointer(dtype: np.dtype) -> str:
    """The type of an address of such entries."""
    return "*" + SPELT.get(dtype.name, dtype.name)


def launch(place: Place, module: ModuleType, name: str, grid: Grid, given: Sequence[Given]) -> None:
    """Start a kernel. Arrays must be contiguous; where one does not begin at a multiple of 16 bytes items are taken singly."""
    kernel = kernel_of(module, name)
    schedule, itemsize = grid.schedule, BYTES
    if schedule == "wide":
        itemsize = _itemsize(kernel, given)
        schedule, itemsize = ("wide", itemsize) if itemsize else ("narrow", BYTES)
    types, values = [], []
    for x, is_real in zip(given, kernel.reals, strict=True):
        if x is None:
            types.append("none")
            values.append(0)
        elif is_real:
            types.append(kernel.real)
            values.append(float(x))
        elif isinstance(x, Array):
            types.append(_pointer(x.dtype))
            values.append(x.address)
        else:
            types.append("int64")
            values.append(int(x))
    function = place.driver.load(Program(module, name, schedule, itemsize, tuple(types)))
    place.driver.launch(function, grid.blocks, place.stream, values)


def run(place: Place, name: str, given: Sequence[Given], blocks: int = 1) -> None:
    """Start a kernel of `lossgen.runtime.cuda.support` or `lossgen.runtime.cuda.factors`."""
    launch(place, COMMON[name], name, Grid(COMMON_SCHEDULE, blocks, blocks), given)


def common(driver: Driver, name: str, types: tuple[str, ...]) -> Any:
    """The same kernels as the driver has them, for arguments of these types."""
    return driver.load(Program(COMMON[name], name, COMMON_SCHEDULE, BYTES, types))


def blocks_for(driver: Driver, entries: int) -> int:
    """Blocks of threads of which each takes an entry at a time; at least one."""
    return max(1, min(RESIDENT * driver.multiprocessors, -(-entries // driver.threads)))
