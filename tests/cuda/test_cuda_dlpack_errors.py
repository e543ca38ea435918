"""Arrays that cannot be had by DLPack, and what is said then."""

import sys

import jax
import numpy as np
import pytest
import torch
from lending import Lent

from lossgen import generated
from lossgen.runtime import LossError, LossTypeError
from lossgen.runtime.elsewhere import lies_on_cuda

pytestmark = pytest.mark.usefixtures("lending")


def randn(*shape, dtype=torch.float32):
    return torch.randn(shape).to(dtype)


class Used(Lent):
    """Gives one capsule again and again."""

    def __dlpack__(self, **options):
        self.capsule = getattr(self, "capsule", None) or super().__dlpack__(**options)
        return self.capsule


def test_errors():
    x = Lent(randn(3))
    for given, error, words in (
        (Lent(randn(3), (2, 1)), LossError, r"target is on CUDA device 1, expected 0, as the first argument is$"),
        (randn(3), LossTypeError, r"target is a torch.Tensor, expected an array on a CUDA device, as the first"),
        (Lent(randn(3), (10, 0)), LossTypeError, r"target is a lending.Lent, expected an array on a CUDA device"),
        (
            Lent(randn(3).to(torch.float8_e5m2)),
            LossTypeError,
            r"target is not lent by DLPack \(DLPack's dtype of code 12, 8 bits and 1 lanes\), expected an array that is,",
        ),
        (
            Lent(randn(3).requires_grad_()),
            LossTypeError,
            r"target is not lent by DLPack \(Can't export tensors that require gradient, use tensor.detach\(\)\), expected",
        ),
        (
            Lent(randn(3).to(torch.complex64)),
            LossTypeError,
            r"target has dtype complex64, expected real numbers \(float16",
        ),
    ):
        with pytest.raises(error, match="^mse_loss: " + words):
            generated.mse_loss(x, given)
    once = Used(randn(3))
    generated.mse_loss(once, x)
    words = (
        r"^mse_loss: input is not lent by DLPack \(<capsule .*> is not a capsule of DLPack that can be used\), expected"
    )
    with pytest.raises(LossTypeError, match=words):
        generated.mse_loss(once, x)


def test_without_ml_dtypes(monkeypatch):
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(
        LossError, match=r"^mse_loss: input is of bfloat16, for which NumPy needs ml_dtypes: pip install"
    ):
        generated.mse_loss(Lent(randn(3, dtype=torch.bfloat16)), Lent(randn(3)))


def test_what_lies_in_main_memory_or_nowhere_stays_there():
    class Spread:
        """As JAX has arrays on several devices."""

        __dlpack__ = None

        @property
        def __cuda_array_interface__(self):
            raise ValueError("only for unsharded arrays")

        def __dlpack_device__(self):
            raise BufferError("only for unsharded arrays")

    for given in (Spread(), randn(3), np.zeros(3), jax.numpy.zeros(3), [1.0], 1.0, torch.zeros(3, device="meta")):
        assert not lies_on_cuda(given)
    assert lies_on_cuda(Lent(randn(3), (13, 0)))
