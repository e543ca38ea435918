"""Digits with a small torch network: the generated cross entropy in place of torch's own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from lossgen.generated.torch import cross_entropy

from .data import digits
from .result import Curve, Result
from .training import Trained, train

TOLERANCE = 0.01  # sums are rounded in another order, and training carries such differences forward


def run(epochs: int) -> list[Result]:
    """Train the same network twice."""
    data = digits()
    inputs, targets = torch.from_numpy(data.features).float(), torch.from_numpy(data.targets)
    test, test_targets = torch.from_numpy(data.test_features).float(), torch.from_numpy(data.test_targets)

    def trained(loss: Callable[[Tensor, Tensor], Tensor]) -> tuple[Trained, float]:
        fit = train(_network, lambda model, batch, labels: loss(model(batch), labels), inputs, targets, epochs)
        with torch.no_grad():
            correct = fit.model(test).argmax(dim=1) == test_targets
        return fit, correct.float().mean().item()

    fit, score = trained(cross_entropy)
    reference, reference_score = trained(functional.cross_entropy)
    return [
        Result(
            task="digits, torch network",
            loss="cross_entropy",
            metric="accuracy",
            score=score,
            reference="torch cross_entropy",
            reference_score=reference_score,
            tolerance=TOLERANCE,
            seconds=fit.seconds,
            reference_seconds=reference.seconds,
            curve=Curve("epoch", fit.curve, reference.curve, "torch"),
        )
    ]


def _network() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
