"""What generated CUDA kernels ask of the device, and the types of their arguments, in plain Python.

The functions say what each one means, and tests run them as they stand, in numba-cuda's simulator. On a GPU
`lossgen.runtime.cuda.schedules` puts others in their place. Nothing here needs numba-cuda.

A *group* is the threads that compute one item together: a warp or a block. Its threads are numbered by rank. Of a loss with
recurrences an item has a block of threads to itself, whose groups take rows of it: of an array, or of a table of cells.
"""

import numpy as np


class Size:
    """A number of items, or the length of an axis: int64."""


class Room:
    """How many entries of each row along an axis a group has memory for, a multiple of WIDTH: int64."""


class Whole:
    """A hyperparameter that is a whole number: int64."""


class Real:
    """A number of the kernel's arithmetic."""


class Reals:
    """The address of numbers of the kernel's dtype, or in half precision.

    Here they follow each other in the order of items and rows; on a GPU an argument may say by its type that they lie
    otherwise, see `lossgen.runtime.cuda.strided`.
    """


class Rows(Reals):
    """The same where an item has a row of them, of which a thread reads or writes WIDTH at a time."""


class Scales:
    """The address of numbers of the kernel's dtype, whatever the precision of others."""


class Factor:
    """The address of one number of the kernel's arithmetic: what `scale` is multiplied by, where only the device knows it."""


class Wholes:
    """The address of whole numbers; of int64 where kernels write to them."""


class Sums:
    """The address of numbers of the kernel's arithmetic, two for each block of threads: a sum, and what its roundings lost."""


class Wides:
    """The address of float64 numbers, one row for each group; for each block where an item has a block."""


class Cells:
    """The address of float64 numbers: memory for the tables of a block's items, one part for each block."""


class Places:
    """The address of int64 numbers: the same for whole numbers."""


class Bytes:
    """The address of bytes: booleans, or what is reported to the host."""


class Entries:
    """The address of numbers of any dtype: that of the array which is given."""


class cuda:
    """The part of `numba.cuda` that kernels use."""

    class local:
        """Memory of one thread."""

        array = staticmethod(np.empty)


#: How many items an element kernel takes at a time, and how many entries of a row a thread of a row kernel.
WIDTH = 1

#: How many threads a group has.
LANES = 1


def thread():
    """The number of this thread among all of the launch."""
    return 0


def threads():
    """How many threads the launch has."""
    return 1


#: How many groups a block has where an item has a block, and how many threads.
GROUPS, THREADS = 1, 1


def load(pointer, start, left):
    """WIDTH numbers from `start` on, of which `left` exist; beyond them the last one again."""
    return tuple(pointer[start + min(k, left - 1)] for k in range(WIDTH))


def store(pointer, start, left, block):
    """The inverse of `load`: only numbers that exist are written."""
    for k in range(min(WIDTH, left)):
        pointer[start + k] = block[k]


def row(pointer, i, size):
    """Row i of a matrix with rows of this size."""
    return pointer[i * size :]


def nearest(position, size):
    """The position in a row of this size that is nearest to any whole number."""
    return min(max(position, 0), size - 1)


def load_row(row, start, size):
    """WIDTH entries of a row of this size from `start` on; in the place of those that do not exist the nearest ones."""
    return tuple(row[nearest(start + k, size)] for k in range(WIDTH))


def store_row(row, start, size, block):
    """The inverse of `load_row`: only entries that exist are written."""
    for k in range(WIDTH):
        if 0 <= start + k < size:
            row[start + k] = block[k]


def bytes_of(row):
    """How many bytes an entry of a row has."""
    return row.itemsize


def kept_row(row, place, room, start, size):
    """Memory of this thread's group for `room` entries of a row, `place` bytes from where all such memory begins.

    Threads keep what they read again themselves. `start` is where this thread's first entries are, and `size` the row's.
    """
    return np.empty(room, row.dtype)


def keep(kept, row, start, lead, size):
    """WIDTH entries of a row from `start` on are kept, as `load_row` gives them; all are `lead` places further on there."""
    for k in range(WIDTH):
        kept[start + lead + k] = row[nearest(start + k, size)]


def load_kept(kept, row, start, lead, size, room):
    """The same as `load_row`: what was kept, where there was room for it."""
    if start + lead < room:
        return tuple(kept[start + lead + k] for k in range(WIDTH))
    return load_row(row, start, size)


def group():
    """The number of this thread's group among all of the launch."""
    return 0


def groups():
    """How many groups the launch has."""
    return 1


def rank_in_group():
    """The number of this thread within its group."""
    return 0


def group_sum(total, lost):
    """The sum over the group's threads of numbers that come with what their roundings lost; the same bits in each thread."""
    return total + lost if total - total == 0 else total


def group_count(count):
    """The sum of whole numbers over the group's threads."""
    return count


def group_max(number):
    """The largest of whole numbers over the group's threads."""
    return number


def block():
    """The number of this thread's block among all of the launch."""
    return 0


def blocks():
    """How many blocks the launch has."""
    return 1


def rank_in_block():
    """The number of this thread within its block."""
    return 0


def group_in_block():
    """The number of this thread's group within its block."""
    return 0


def sync():
    """The threads of a block wait for each other, and then see what the others have written."""


def bits_of_block(bits):
    """All bits that are set in a thread of the block; `sync` must be between two calls."""
    return bits


def beyond(pointer, offset):
    """The address of the number that lies `offset` numbers further on."""
    return pointer[offset:]


def floor(number):
    """The largest whole number not above a number, as a number of its type; very large ones, infinities and NaN as they are."""
    return np.floor(number)


def finish(totals, faults, total, lost, fault):
    """Ends a kernel: for each block the sum of its threads' totals with what it lost, and all bits of their faults."""
    totals[0], totals[1], faults[0] = total, lost, fault
