"""How layouts are told: dimensions that are one, orders, reciprocals."""

import itertools

import numpy as np
import torch

from lossgen.runtime.cuda.driver import Array
from lossgen.runtime.cuda.layouts import laid, merged, order_by, reciprocal, strides_like


def test_reciprocals_divide():
    rng = np.random.default_rng(0)
    for size in (1, 2, 3, 5, 7, 640, 641, 4096, 10**6 + 3, 2**31 - 1, 2**31, 2**40 + 1, 2**62 + 1, 2**63 - 1):
        factor, shift = reciprocal(size)
        assert -(2**63) <= factor < 2**63
        for n in {0, 1, size - 1, size, size + 1, 2 * size - 1, 2**63 - 1, *map(int, rng.integers(0, 2**63 - 1, 99))}:
            if n < 2**63:
                assert ((factor % 2**64 * n >> 64) + n) >> shift == n // size


def test_layouts():
    assert merged((2, 3, 1, 4), (12, 4, 9, 1)) == ((24,), (1,))
    assert laid(Array(0, (2, 3), (3, 1), np.dtype("f4"))).shape == (2, 3)
    view = Array(0, (2, 4, 4, 5), (80, 4, 1, 16), np.dtype("f4"))
    assert laid(view, 3).parts == (((2, 16), (80, 1)), ((5,), (16,)))
    assert laid(view).ranks == (3,) and len(laid(view).numbers) == 9
    for order in itertools.permutations(range(3)):
        x = torch.empty(3, 4, 5).permute(order)
        assert strides_like(Array(0, tuple(x.shape), x.stride(), np.dtype("f4"))) == x.stride()
        assert strides_like(Array(0, tuple(x.shape), x.stride(), np.dtype("f4"))) == torch.empty_like(x).stride()
        assert order_by(x.stride(), x.shape) == (
            None if order == (0, 1, 2) else tuple(order.index(d) for d in range(3))
        )
