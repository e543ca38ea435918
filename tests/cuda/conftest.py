"""A device in main memory: for tensors of the CPU as if they lay there, and for arrays of other libraries."""

import pytest
from host import HostDriver
from lending import Driver as Lending

from lossgen import generated
from lossgen.adapters import torch_cuda
from lossgen.adapters.torch_recipe import Recipe
from lossgen.runtime.cuda import lent
from lossgen.runtime.cuda.driver import Place


class Driver(HostDriver):
    """Says on which streams kernels were started."""

    def __init__(self):
        super().__init__()
        self.streams, self.stream = [], 3

    def launch(self, program, blocks, stream, values, memory=0):
        self.streams.append(stream)
        super().launch(program, blocks, stream, values, memory)


@pytest.fixture
def repeating(monkeypatch):
    """The device on which tensors of the CPU lie; nothing is known of any call."""
    found = Driver()
    monkeypatch.setitem(
        torch_cuda.PLACES, "cpu", lambda loss, device: Place(found, found.stream, torch_cuda.TorchMemory(device))
    )
    monkeypatch.setattr(Recipe, "again", lambda *given: None)
    for name in ("mse_loss", "huber_loss", "cross_entropy", "gaussian_nll_loss", "ctc_with_logits_loss", "crf_loss"):
        getattr(generated, name).recipes.clear()
    return found


@pytest.fixture
def long(monkeypatch):
    """The calls that went the long way."""
    calls = []
    prepared = torch_cuda.prepared
    monkeypatch.setattr(torch_cuda, "prepared", lambda task, tensors: calls.append(task) or prepared(task, tensors))
    return calls


@pytest.fixture
def lending(monkeypatch):
    """The device on which all addresses lie."""
    found = Lending()
    monkeypatch.setattr(lent.devices, "number_of", lambda address: 0)
    monkeypatch.setattr(lent.devices, "driver_for", lambda number: found)
    monkeypatch.setattr(lent, "check_installed", lambda loss: None)
    return found
