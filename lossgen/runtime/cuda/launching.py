"""Launching kernels: which schedule and grid, and the arguments as the driver takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from .. import device
from . import factors, support
from .bind import kinds
from .driver import Array, Driver, Place, Program
from .layouts import Strided

Given = Array | Strided | int | float | None

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
#: The bytes of a block's memory for rows that it keeps: what blocks are granted unasked, less what sums need.
MOST_KEPT = 40 << 10
#: What schedules that move 16 bytes at a time become where an array does not begin at a multiple of them.
NARROW = {"wide": "narrow", "warp": "narrow_warp", "block": "narrow_block"}

#: What a bool is on the device.
SPELT = {"bool": "uint8"}

#: The modules of the kernels that are the same for all losses, and the schedule of these.
COMMON = {name: module for module in (support, factors) for name in module.KERNELS}
COMMON_SCHEDULE = "block"


class Kernel(NamedTuple):
    """What launching needs to know of a kernel.

    Args:
        reals: for each argument whether it is a real number.
        moved: and whether it is moved by reads and writes of 16 bytes.
        real: the type of its real numbers.
        names: the arguments' names.
        kept: by the names of axes, the arrays whose rows it keeps while it computes an item.
        has_rows: whether its items are rows.
    """

    reals: tuple[bool, ...]
    moved: tuple[bool, ...]
    real: str
    names: tuple[str, ...]
    kept: Mapping[str, Sequence[str]]
    has_rows: bool


@lru_cache(maxsize=4096)
def kernel_of(module: ModuleType, name: str) -> Kernel:
    """What launching needs to know of a kernel of a module."""
    named = kinds(getattr(module, name))
    found = tuple(named.values())
    by_16_bytes = (device.Rows,) if module.SCHEDULE == "row" else (device.Reals, device.Scales)
    return Kernel(
        tuple(kind is device.Real for kind in found),
        tuple(kind in by_16_bytes for kind in found),
        np.dtype(module.real).name,
        tuple(named),
        getattr(module, "KEPT", {}).get(name, {}),
        module.SCHEDULE == "row",
    )


class Grid(NamedTuple):
    """A schedule, and how many blocks and groups work by it."""

    schedule: str
    blocks: int
    groups: int


def grid_of(
    place: Place, module: ModuleType, items: int, size: int, width: int, shared: int, across: bool = False
) -> Grid:
    """The division of the work by shapes and the device alone, so that the same call has the same bits in every run.

    Args:
        place: where it runs.
        module: the kernels' module.
        items: how many there are; at least 1.
        size: the entries of the longest row.
        width: how many items a thread takes at a time; 1 where the arrays do not allow more.
        shared: the entries of the outputs that all items share, which every group has a row of.
        across: whether rows lie beside each other in memory, entry by entry.
    """
    threads, most = place.driver.threads, RESIDENT * place.driver.multiprocessors
    if module.SCHEDULE == "element":
        blocks = min(most, -(-items // (threads * width)))
        return Grid("wide" if width > 1 else "narrow", blocks, blocks)
    schedule, per_block = ("block", 1) if size > LONG_ROW else ("warp", threads // WARP)
    # A thread for each row reads what neighbours need from one place. That takes rows enough to keep the device busy, or
    # short ones: otherwise the threads that share a row are worth more, though each of their reads is used in part only.
    # Every group has its own sum for each entry of a shared output, of which there would be too many.
    if across and not shared and (size <= WARP or items >= threads * place.driver.multiprocessors):
        schedule, per_block = "thread", threads
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
    """The bytes of the smallest numbers that are moved by 16 bytes; 0 where an array does not begin at a multiple of them.

    Rows with strides are read by neighbouring threads entry by entry, and so are elements if all of them have strides.
    """
    found = [x for x, moved in zip(given, kernel.moved, strict=False) if moved and x is not None]
    arrays = [x for x in found if isinstance(x, Array)]
    if any(x.address % BYTES for x in arrays) or (len(arrays) < len(found) and (kernel.has_rows or not arrays)):
        return 0
    return min((max(2, x.dtype.itemsize) for x in arrays), default=BYTES)


def _rooms(kernel: Kernel, given: Sequence[Given], grid: Grid, width: int) -> tuple[str, list[int], int]:
    """The schedule, how many entries of its rows along each axis a group keeps, and the bytes that a block needs for it.

    What threads have at a time is kept in their registers. A row of which less than half could be kept in a block's memory
    is not: more blocks at a time are worth more.

    Args:
        width: how many entries a thread takes at a time. The first of them may be as many less one before the row.
    """
    if not kernel.kept:
        return grid.schedule, [], 0
    named = dict(zip(kernel.names, given, strict=False))
    sizes = [named[f"n_{axis}"] for axis in kernel.kept]
    wholes = [-(-(size + (width - 1 if size % width else 0)) // width) * width for size in sizes]
    if grid.schedule == "warp" and min(wholes) > 0 and max(wholes) <= WARP * width:
        return "short", wholes, 0
    groups = grid.groups // grid.blocks
    most = left = MOST_KEPT // groups // BYTES * BYTES
    rooms = []
    for whole, names in zip(wholes, kernel.kept.values(), strict=True):
        entries = [named[name].dtype.itemsize for name in names if named[name] is not None]
        entry = sum(entries)
        unit = max(width, BYTES // min(entries, default=BYTES))  # each of the arrays begins at a multiple of 16 bytes
        whole = -(-whole // unit) * unit
        room = min(whole, left // max(entry, 1) // unit * unit)
        rooms.append(room if 2 * room >= whole else 0)
        left -= rooms[-1] * entry
    return grid.schedule, rooms, groups * (most - left)


@lru_cache(maxsize=256)
def _pointer(dtype: np.dtype) -> str:
    """The type of an address of such entries."""
    return "*" + SPELT.get(dtype.name, dtype.name)


def launch(place: Place, module: ModuleType, name: str, grid: Grid, given: Sequence[Given]) -> None:
    """Start a kernel. An `Array` must be contiguous; where one does not begin at a multiple of 16 bytes numbers are moved
    singly."""
    kernel = kernel_of(module, name)
    itemsize = BYTES
    if grid.schedule in NARROW:
        itemsize = _itemsize(kernel, given)
        grid, itemsize = (grid, itemsize) if itemsize else (grid._replace(schedule=NARROW[grid.schedule]), BYTES)
    schedule, rooms, memory = _rooms(kernel, given, grid, BYTES // itemsize)
    types, values = [], []
    for x, is_real in zip((*given, *rooms), kernel.reals, strict=True):
        if x is None:
            types.append("none")
            values.append(0)
        elif is_real:
            types.append(kernel.real)
            values.append(float(x))
        elif isinstance(x, Array):
            types.append(_pointer(x.dtype))
            values.append(x.address)
        elif isinstance(x, Strided):
            types.append("/".join([_pointer(x.dtype), *map(str, x.ranks)]))
            values += (x.address, *x.numbers)
        else:
            types.append("int64")
            values.append(int(x))
    function = place.driver.load(Program(module, name, schedule, itemsize, tuple(types)))
    place.driver.launch(function, grid.blocks, place.stream, values, memory)


def run(place: Place, name: str, given: Sequence[Given], blocks: int = 1) -> None:
    """Start a kernel of `lossgen.runtime.cuda.support` or `lossgen.runtime.cuda.factors`."""
    launch(place, COMMON[name], name, Grid(COMMON_SCHEDULE, blocks, blocks), given)


def common(driver: Driver, name: str, types: tuple[str, ...]) -> Any:
    """The same kernels as the driver has them, for arguments of these types."""
    return driver.load(Program(COMMON[name], name, COMMON_SCHEDULE, BYTES, types))


def blocks_for(driver: Driver, entries: int) -> int:
    """Blocks of threads of which each takes an entry at a time; at least one."""
    return max(1, min(RESIDENT * driver.multiprocessors, -(-entries // driver.threads)))
