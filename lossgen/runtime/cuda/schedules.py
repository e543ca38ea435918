"""How the work of a kernel is divided among threads: what each schedule puts in the place of `lossgen.runtime.device`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numba import cuda

from . import groups, memory, rows

#: What every kernel may use.
_COMMON = {
    "cuda": cuda,
    "exchange": groups.exchange,
    "WARP": groups.WARP,
    "WARPS": groups.WARPS,
    "thread": groups.thread,
    "threads": groups.threads,
    "two_sums": groups.two_sums,
    "with_rest": groups.with_rest,
    "warp_sums": groups.warp_sums,
    "block_sums": groups.block_sums,
    "block_bits": groups.block_bits,
    "finish": groups.finish,
}

_ROW = {**_COMMON, "row": memory.row, "warp_count_of": groups.warp_count_of, "warp_max": groups.warp_max}

#: A thread reads and writes 16 bytes of a row at a time.
_TILES = {
    **_ROW,
    "nearest": rows.nearest,
    "whole": rows.whole,
    "read": memory.read,
    "read_near": memory.read_near,
    "write": memory.write,
    "moved": rows.moved,
    "memory_of_block": rows.memory_of_block,
    "bytes_of": rows.bytes_of,
    "load_row": rows.load_row,
    "store_row": rows.store_row,
    "kept_row": rows.kept_row,
    "keep": rows.keep,
    "load_kept": rows.load_kept,
}

#: One entry at a time.
_ENTRIES = {
    **_TILES,
    "WIDTH": 1,
    "load_row": rows.load_one_of_row,
    "store_row": rows.store_one_of_row,
    "keep": rows.keep_one,
    "load_kept": rows.load_one_kept,
}


#: What is kept is in the threads' registers.
_REGISTERS = {
    "kept_row": rows.kept_by_thread,
    "keep": rows.keep_nothing,
    "load_kept": rows.load_kept_by_thread,
}


@dataclass(frozen=True)
class Schedule:
    """One way to divide the items.

    threads: of a block.  device: what the kernels' globals get.  aligned: whether all arrays that are read or written by
    16 bytes must begin at a multiple of them.
    """

    threads: int
    device: Mapping[str, Any]
    aligned: bool = False


def schedules(itemsize: int) -> dict[str, Schedule]:
    """The schedules by name, for arrays whose numbers have this many bytes.

    wide: a thread takes as many items as 16 bytes hold, by one read and one write.  narrow: one item at a time.
    warp: 32 threads take a row.  block: all threads of a block do.  narrow_warp, narrow_block: one entry at a time.
    short: 32 threads take a row of no more than they have at a time.
    thread: each takes a row of its own, for rows that lie beside each other in memory, entry by entry, as images' classes do:
    what a warp reads at once is one run of numbers.
    lattice: a block takes an item with recurrences, its warps the item's rows.
    """
    wide = {"WIDTH": memory.BYTES // itemsize, "load": memory.load, "store": memory.store}
    wide |= {"read": memory.read, "read_near": memory.read_near, "write": memory.write}
    narrow = {"WIDTH": 1, "load": memory.load_one, "store": memory.store_one}
    tiles = {**_TILES, "WIDTH": memory.BYTES // itemsize}
    warp = {
        "LANES": groups.WARP,
        "GROUPS": BLOCK // groups.WARP,
        "group_in_block": groups.warp_in_block,
        "group": groups.warp_number,
        "groups": groups.warp_count,
        "rank_in_group": groups.rank_in_warp,
        "group_sum": groups.warp_sum,
        "group_count": groups.warp_count_of,
        "group_max": groups.warp_max,
    }
    block = {
        "LANES": BLOCK,
        "GROUPS": 1,
        "group_in_block": groups.alone_in_block,
        "group": groups.block_number,
        "groups": groups.block_count,
        "rank_in_group": groups.rank_in_block,
        "group_sum": groups.block_sum,
        "group_count": groups.block_count_of,
        "group_max": groups.block_max,
    }
    thread = {
        "LANES": 1,
        "group": groups.thread,
        "groups": groups.threads,
        "GROUPS": BLOCK,
        "rank_in_group": groups.alone_in_block,
        "rank_in_block": groups.rank_in_block,
        "kept_row": rows.kept_column,
        "every": rows.every,
        "group_sum": groups.with_rest,
        "group_count": groups.same,
        "group_max": groups.same,
    }
    lattice = {
        "LANES": groups.WARP,
        "GROUPS": BLOCK // groups.WARP,
        "THREADS": BLOCK,
        "block": groups.block_number,
        "blocks": groups.block_count,
        "rank_in_block": groups.rank_in_block,
        "group_in_block": groups.warp_in_block,
        "rank_in_group": groups.rank_in_warp,
        "group_sum": groups.warp_sum,
        "group_count": groups.warp_count_of,
        "group_max": groups.warp_max,
        "sync": groups.sync,
        "bits_of_block": groups.block_bits,
        "beyond": memory.beyond,
        "floor": memory.floor,
    }
    return {
        "wide": Schedule(BLOCK, {**_COMMON, **wide}, aligned=True),
        "narrow": Schedule(BLOCK, {**_COMMON, **narrow}),
        "warp": Schedule(BLOCK, {**tiles, **warp}, aligned=True),
        "block": Schedule(BLOCK, {**tiles, **block}, aligned=True),
        "short": Schedule(BLOCK, {**tiles, **warp, **_REGISTERS}, aligned=True),
        "narrow_warp": Schedule(BLOCK, {**_ENTRIES, **warp}),
        "narrow_block": Schedule(BLOCK, {**_ENTRIES, **block}),
        "thread": Schedule(BLOCK, {**_ENTRIES, **thread}),
        "lattice": Schedule(BLOCK, {**_ROW, **lattice}),
    }


#: Threads of a block.
BLOCK = 256

#: The schedules of a kernel, by what its module calls its own.
KINDS = {
    "element": ("wide", "narrow"),
    "row": ("warp", "block", "short", "narrow_warp", "narrow_block", "thread"),
    "lattice": ("lattice",),
}
