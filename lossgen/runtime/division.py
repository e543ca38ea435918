"""How the work of a call is divided: lanes for threads, tiles for scratch buffers. Shapes alone decide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LANE_WORK = 1 << 16
"""The number of entries of the widest argument that make up a lane, until there are MOST_LANES of them."""
MOST_LANES = 32
THREAD_WORK = 1 << 18
"""The number of entries from which on a second thread is worth waking: that takes as long as 50,000 cheap entries."""
WHOLE_WORK = 1 << 14
"""The same for a loss over lattices, where an entry takes many times as long: some 20 nanoseconds."""
TILE = 1 << 14
"""The number of entries of the widest argument in one tile: a few such tiles fit a processor core's cache."""


@dataclass(frozen=True, slots=True)
class Division:
    """How the items are divided. It depends on shapes only, hence the same bits for any number of threads.

    Args:
        item_shape: the shape of the items, with at least one dimension.
        items: how many there are.
        lanes: the number of lanes; each is summed on its own, and the lanes' sums are added in order.
        bounds: int64[lanes + 1], the items where the lanes begin and end.
        tile: the number of items of a tile, where tiles are needed.
        threaded: True if the work is worth waking other threads.
    """

    item_shape: tuple[int, ...]
    items: int
    lanes: int
    bounds: np.ndarray
    tile: int
    threaded: bool

    @property
    def many_items(self) -> bool:
        """`threaded` for a kernel that reads a few numbers of an item and none of its rows."""
        return self.items >= THREAD_WORK


def divide(item_shape: tuple[int, ...], items: int, widest: int) -> Division:
    """Divide the items into lanes and tiles by their number and the entries of the widest argument's rows."""
    width = max(1, widest)
    lanes = max(1, min(MOST_LANES, -(-items * width // LANE_WORK), items))
    tile = max(1, TILE // width)
    return Division(item_shape or (1,), items, lanes, _bounds(items, lanes), tile, items * width >= THREAD_WORK)


def divide_whole(item_shape: tuple[int, ...], items: int, work: int) -> Division:
    """Divide the items of a loss over lattices, of which each is much work; `work` is the number of entries of them all."""
    lanes = max(1, min(MOST_LANES, items))
    return Division(item_shape or (1,), items, lanes, _bounds(items, lanes), 1, work >= WHOLE_WORK)


def _bounds(items: int, lanes: int) -> np.ndarray:
    return np.array([items * lane // lanes for lane in range(lanes + 1)], np.int64)
