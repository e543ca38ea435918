"""A training loop for small torch networks, the same in every respect whatever the loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter

import torch
from torch import Tensor, nn

BATCH = 64
RATE = 1e-3
BatchLoss = Callable[[nn.Module, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Trained:
    """A trained network, its mean loss in each epoch, and how long training took."""

    model: nn.Module
    curve: tuple[float, ...]
    seconds: float


def train(
    build: Callable[[], nn.Module],
    loss: BatchLoss,
    inputs: Tensor,
    targets: Tensor,
    epochs: int,
    rate: float = RATE,
    seed: int = 0,
) -> Trained:
    """Train a network with Adam. Equal arguments give the same initial weights, batches and noise.

    Args:
        build: makes the network.
        loss: the mean loss of the network on a batch of inputs and targets.
        inputs, targets: the training set; the first dimension counts its items, at least BATCH.
        epochs: passes over the training set.
        rate: the learning rate.
        seed: of torch's random numbers, which this function leaves in a new state.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # matrices this small only lose by more
    try:
        torch.manual_seed(seed)
        model = build()
        loss(model, inputs[:BATCH], targets[:BATCH]).backward()  # compiles the kernels, before the clock starts
        torch.manual_seed(seed)
        began = perf_counter()
        curve = tuple(_epochs(model, loss, inputs, targets, epochs, rate))
        return Trained(model, curve, perf_counter() - began)
    finally:
        torch.set_num_threads(threads)


def _epochs(
    model: nn.Module, loss: BatchLoss, inputs: Tensor, targets: Tensor, epochs: int, rate: float
) -> Iterator[float]:
    """Train, and yield the mean loss after each epoch. Items that do not fill a last batch wait for another epoch."""
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    batches = len(inputs) // BATCH
    for _ in range(epochs):
        total = 0.0
        for batch in torch.randperm(len(inputs))[: batches * BATCH].split(BATCH):
            optimizer.zero_grad()
            value = loss(model, inputs[batch], targets[batch])
            value.backward()
            optimizer.step()
            total += value.item()
        yield total / batches
