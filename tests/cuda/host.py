"""A device in main memory: the kernels' own text, one thread for each group, on addresses of NumPy arrays.

It stands in the place of `lossgen.runtime.cuda.nvidia`, so that everything around kernels runs as it does on a GPU.
"""

import ctypes

import ml_dtypes
import numpy as np

from lossgen.runtime import device
from lossgen.runtime.cuda.bind import bind
from lossgen.runtime.cuda.driver import Array, Place
from lossgen.runtime.cuda.launching import MOST_KEPT, NARROW, WARP
from lossgen.runtime.cuda.reports import ROW, ROWS, Reports

DTYPES = {"bfloat16": np.dtype(ml_dtypes.bfloat16)}

#: How far an address reaches: farther than any array of a test.
REACH = 1 << 22


class Entries:
    """What lies at an address, in both directions."""

    def __init__(self, around, first):
        self.around, self.first = around, first

    def __getitem__(self, i):
        if isinstance(i, slice):
            return Entries(self.around, self.first + int(i.start))
        return self.around[self.first + int(i)]

    def __setitem__(self, i, number):
        self.around[self.first + int(i)] = number

    @property
    def itemsize(self):
        return self.around.itemsize


def entries(address, type_name):
    """What lies at an address."""
    dtype = DTYPES.get(type_name[1:]) or np.dtype(type_name[1:])
    raw = (ctypes.c_char * (2 * REACH * dtype.itemsize)).from_address(address - REACH * dtype.itemsize)
    return Entries(np.frombuffer(raw, dtype), REACH)


class Strided:
    """An array with strides: for each part what kernels are told of its dimensions. Divides by the sizes themselves."""

    def __init__(self, found, parts):
        self.found, (self.own, *self.inner) = found, parts

    @property
    def around(self):
        return self.found.around

    @property
    def itemsize(self):
        return self.found.itemsize

    def place(self, number):
        """Where the entry, or the row, with this number lies."""
        rank = (len(self.own) + 3) // 4
        strides, sizes, place = self.own[:rank], self.own[rank::3], 0
        for d in reversed(range(1, rank)):
            number, rest = divmod(int(number), sizes[d - 1])
            place += rest * strides[d]
        return place + int(number) * strides[0]

    def __getitem__(self, i):
        return self.found[self.place(i)]

    def __setitem__(self, i, number):
        self.found[self.place(i)] = number


def row(pointer, i, size):
    """Row i of an array, as `lossgen.runtime.cuda.memory.row` has it."""
    if isinstance(pointer, Strided):
        return Strided(pointer.found[pointer.place(i) :], pointer.inner)
    return device.row(pointer, i, size)


class Group:
    """The group that runs, and what it leaves."""

    def __init__(self, groups, per_block, memory):
        self.number, self.groups, self.per_block, self.memory = 0, groups, per_block, memory

    def kept_row(self, row, place, room, start, size):
        """Memory of the group: within what the launch has asked for, and filled with numbers that nobody should read."""
        assert place % 16 == 0 and place + room * device.bytes_of(row) <= self.memory
        return Entries(np.full(room, 0xA5, np.uint8).astype(row.around.dtype), 0)

    def finish(self, totals, faults, total, lost, fault):
        """A block's sums are those of its groups."""
        block, first = divmod(self.number, self.per_block)
        if first == 0:
            totals[2 * block], totals[2 * block + 1], faults[block] = total, lost, fault
        else:
            before = totals[2 * block]
            totals[2 * block] = before + total
            totals[2 * block + 1] += lost + device_rest(before, total, totals[2 * block])
            faults[block] |= fault


def device_rest(a, b, total):
    part = total - a
    return (a - (total - part)) + (b - part)


class Call:
    """A function of the device: `bind` leaves it as it is."""

    def __init__(self, function):
        self.function = function

    def __call__(self, *arguments):
        return self.function(*arguments)


class HostDriver:
    """Runs programs at once. `launched` lists kernel, schedule and blocks of all that were started, `memories` their memory."""

    def __init__(self, multiprocessors=2, threads=64, number=0):
        self.multiprocessors, self.threads, self.number = multiprocessors, threads, number
        self.memory = np.zeros((ROWS, ROW), np.uint8)
        self.reports = Reports(self.memory)
        self.launched, self.memories = [], []
        self.programs = []
        self.waited = 0

    def load(self, program):
        self.programs.append(program)
        return program

    def launch(self, program, blocks, stream, values, memory=0):
        assert blocks > 0 and all(type(v) in (int, float) for v in values) and 0 <= memory <= MOST_KEPT
        self.launched.append((program.kernel, program.schedule, blocks))
        self.memories.append(memory)
        ends = {"warp": self.threads // WARP, "short": self.threads // WARP, "thread": self.threads}
        per_block = ends.get(program.schedule.removeprefix("narrow_"), 1)
        here = Group(blocks * per_block, per_block, memory // per_block)
        here.memory = MOST_KEPT if program.schedule == "short" else here.memory  # registers
        width = 16 // program.itemsize if program.schedule in (*NARROW, "short") else 1
        function = bind(program.module, self._device(here, width), lambda own: own)[program.kernel]
        arguments = list(self._arguments(program, values))
        with np.errstate(all="ignore"):
            for number in range(here.groups):
                here.number = number
                function(*arguments)

    def synchronize(self):
        self.waited += 1

    def upload(self, address, source, stream, sent=None):
        assert source.flags.c_contiguous
        ctypes.memmove(address, source.ctypes.data, source.nbytes)

    def download(self, address, target, stream):
        self.waited += 1
        ctypes.memmove(target.ctypes.data, address, target.nbytes)

    def _arguments(self, program, values):
        left = iter(values)
        for kind in program.types:
            value = next(left)
            if kind[0] == "*":
                name, *ranks = kind.split("/")
                found = entries(value, name)
                parts = [[next(left) for _ in range(4 * int(rank) - 3)] for rank in ranks]
                yield Strided(found, parts) if parts else found
            else:
                assert kind != "none" or value == 0
                yield None if kind == "none" else np.dtype(kind).type(value)
        assert next(left, None) is None

    def _device(self, here, width):
        """The definitions of `lossgen.runtime.device`, for the group that runs."""
        return {
            "WIDTH": width,
            "LANES": 1,
            "GROUPS": 1,
            "THREADS": 1,
            "load": device.load,
            "store": device.store,
            "row": Call(row),
            "nearest": device.nearest,
            "load_row": device.load_row,
            "store_row": device.store_row,
            "bytes_of": device.bytes_of,
            "kept_row": Call(here.kept_row),
            "keep": device.keep,
            "load_kept": device.load_kept,
            "thread": Call(lambda: here.number),
            "threads": Call(lambda: here.groups),
            "group": Call(lambda: here.number),
            "groups": Call(lambda: here.groups),
            "rank_in_group": Call(lambda: 0),
            "group_sum": device.group_sum,
            "group_count": device.group_count,
            "group_max": device.group_max,
            "finish": Call(here.finish),
            "block": Call(lambda: here.number),
            "blocks": Call(lambda: here.groups),
            "rank_in_block": Call(lambda: 0),
            "group_in_block": Call(lambda: 0),
            "sync": device.sync,
            "bits_of_block": device.bits_of_block,
            "beyond": device.beyond,
            "floor": device.floor,
        }


class HostMemory:
    """Arrays at multiples of 16 bytes, filled with numbers that nobody should read, between guards that nobody should write."""

    GUARD, BYTE = 256, 0xA5

    def __init__(self, offset=0):
        self.offset = offset
        self.allocated = 0
        self.guards = []

    def empty(self, shape, dtype, strides=None):
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        raw = np.full(size + 2 * self.GUARD, self.BYTE, np.uint8)
        start = self.GUARD // 2 + -raw.ctypes.data % 16 + self.offset
        self.allocated += size
        self.guards += [raw[:start], raw[start + size :]]
        found = raw[start : start + size].view(dtype)
        return as_array(np.ndarray(shape, dtype, found, strides=strides and [s * dtype.itemsize for s in strides]))

    def is_intact(self):
        """Whether nothing was written beside the arrays."""
        return all((guard == self.BYTE).all() for guard in self.guards)


def as_array(found):
    """A NumPy array as one of the device."""
    found = np.asarray(found)
    strides = tuple(s // found.itemsize for s in found.strides)
    return Array(found.ctypes.data, found.shape, strides, found.dtype, found)


def on_host(array):
    """The NumPy array that an array of the device is."""
    return None if array is None else array.owner


def place(driver=None, **options):
    """A device in main memory."""
    return Place(driver or HostDriver(**options), 7, HostMemory())
