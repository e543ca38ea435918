"""Functions of threads on the device: who a thread is, and sums over warps and blocks in a fixed order.

They are source for `lossgen.runtime.cuda.bind`, which gives them their globals: `cuda`, `exchange`, the types `real` and
`integer` of the kernel's arithmetic. Nothing here adds by atomics, so that the same input gives the same bits in every run.
"""

import numpy as np

from ..device import cuda

real = np.float32
integer = np.int32

#: Functions with shared memory. They are inlined before anything is compiled: numba-cuda defines the memory of a function
#: that is reached on two ways twice, and then cannot link.
INLINED = frozenset({"block_sums", "block_sum", "block_count_of", "block_max", "block_bits", "bits_of_block", "finish"})

#: The threads of a warp, and the most warps of a block.
WARP = 32
WARPS = 32


def exchange(value, distance):
    """The value of the thread of this warp whose number differs in the bit `distance`; all threads of the warp take part."""
    return cuda.shfl_xor_sync(0xFFFFFFFF, value, distance)


def thread():
    return np.int64(cuda.blockIdx.x) * np.int64(cuda.blockDim.x) + np.int64(cuda.threadIdx.x)


def threads():
    return np.int64(cuda.gridDim.x) * np.int64(cuda.blockDim.x)


def warp_number():
    return thread() // np.int64(WARP)


def warp_count():
    return threads() // np.int64(WARP)


def rank_in_warp():
    return np.int64(cuda.threadIdx.x % WARP)


def block_number():
    return np.int64(cuda.blockIdx.x)


def block_count():
    return np.int64(cuda.gridDim.x)


def rank_in_block():
    return np.int64(cuda.threadIdx.x)


def warp_in_block():
    return np.int64(cuda.threadIdx.x // WARP)


def alone_in_block():
    return np.int64(0)


def same(number):
    return number


def sync():
    cuda.syncthreads()


def two_sums(total, lost, other, other_lost):
    """The sum of two sums that come with what their roundings lost (Knuth's exact addition); it commutes in every bit."""
    larger = total + other
    part = larger - total
    return larger, (lost + other_lost) + ((total - (larger - part)) + (other - part))


def with_rest(total, lost):
    """The sum with what was lost; as it is where it left the range."""
    rest = total - total
    return total + lost if rest == rest else total


def warp_sums(total, lost):
    """The sum over a warp and what it lost, in every thread."""
    distance = WARP // 2
    while distance > 0:
        total, lost = two_sums(total, lost, exchange(total, distance), exchange(lost, distance))
        distance //= 2
    return total, lost


def block_sums(total, lost):
    """The sum over a block and what it lost, in every thread: of its warps, then of these in their order."""
    sums = cuda.shared.array(WARPS, real)
    rests = cuda.shared.array(WARPS, real)
    total, lost = warp_sums(total, lost)
    if cuda.threadIdx.x % WARP == 0:
        sums[cuda.threadIdx.x // WARP] = total
        rests[cuda.threadIdx.x // WARP] = lost
    cuda.syncthreads()
    total, lost = sums[0], rests[0]
    for warp in range(1, cuda.blockDim.x // WARP):
        total, lost = two_sums(total, lost, sums[warp], rests[warp])
    cuda.syncthreads()
    return total, lost


def warp_sum(total, lost):
    total, lost = warp_sums(total, lost)
    return with_rest(total, lost)


def block_sum(total, lost):
    total, lost = block_sums(total, lost)
    return with_rest(total, lost)


def warp_count_of(count):
    distance = WARP // 2
    while distance > 0:
        count = integer(count + exchange(count, distance))
        distance //= 2
    return count


def block_count_of(count):
    counts = cuda.shared.array(WARPS, integer)
    count = warp_count_of(count)
    if cuda.threadIdx.x % WARP == 0:
        counts[cuda.threadIdx.x // WARP] = count
    cuda.syncthreads()
    count = counts[0]
    for warp in range(1, cuda.blockDim.x // WARP):
        count = integer(count + counts[warp])
    cuda.syncthreads()
    return count


def warp_max(number):
    distance = WARP // 2
    while distance > 0:
        other = exchange(number, distance)
        number = other if other > number else number
        distance //= 2
    return number


def block_max(number):
    numbers = cuda.shared.array(WARPS, integer)
    number = warp_max(number)
    if cuda.threadIdx.x % WARP == 0:
        numbers[cuda.threadIdx.x // WARP] = number
    cuda.syncthreads()
    number = numbers[0]
    for warp in range(1, cuda.blockDim.x // WARP):
        number = numbers[warp] if numbers[warp] > number else number
    cuda.syncthreads()
    return number


def block_bits(bits):
    """All bits that are set in a thread of the block."""
    found = cuda.shared.array(WARPS, np.int64)
    distance = WARP // 2
    while distance > 0:
        bits = bits | exchange(bits, distance)
        distance //= 2
    if cuda.threadIdx.x % WARP == 0:
        found[cuda.threadIdx.x // WARP] = bits
    cuda.syncthreads()
    bits = found[0]
    for warp in range(1, cuda.blockDim.x // WARP):
        bits = bits | found[warp]
    return bits


def finish(totals, faults, total, lost, fault):
    """One thread of the block writes what `lossgen.runtime.device.finish` says."""
    total, lost = block_sums(total, lost)
    fault = block_bits(fault)
    if cuda.threadIdx.x == 0:
        totals[2 * np.int64(cuda.blockIdx.x)] = total
        totals[2 * np.int64(cuda.blockIdx.x) + 1] = lost
        faults[np.int64(cuda.blockIdx.x)] = fault
