"""Tumours with a linear classifier: binary cross entropy and focal loss in plain NumPy.

The reference is scikit-learn's logistic regression; for the focal loss, which scikit-learn lacks, the same training
with torch's formula where torch is installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from time import perf_counter

import numpy as np
from sklearn.linear_model import LogisticRegression

from lossgen.generated import binary_cross_entropy_with_logits, sigmoid_focal_loss

from .data import Split, breast_cancer
from .linear import Fit, fit_lbfgs
from .result import Curve, Result

REGULARISATION = 1.0  # scikit-learn's C: the sum of the losses is weighed with it against half the squared norm
TOLERANCE = 0.01


@dataclass(frozen=True)
class Reference:
    """A model to compare with: its name, its score, the time it took and the loss to draw."""

    name: str
    score: float
    seconds: float
    curve: tuple[float, ...]
    label: str


def run(epochs: int) -> list[Result]:
    """Train with both losses and their references; the epochs of the networks do not matter here."""
    data = breast_cancer()
    targets = data.targets.astype(np.float64)
    penalty = 1 / (REGULARISATION * len(targets))
    logistic = _logistic(data, penalty)
    focal = _torch_focal(data, targets, penalty) if find_spec("torch") else logistic

    entropy_fit = fit_lbfgs(
        lambda scores: binary_cross_entropy_with_logits.value_and_grad(scores, targets), data.features, penalty=penalty
    )
    focal_fit = fit_lbfgs(
        lambda scores: sigmoid_focal_loss.value_and_grad(scores, targets, reduction="mean"),
        data.features,
        penalty=penalty,
    )
    return [
        _result("binary_cross_entropy_with_logits", data, entropy_fit, logistic),
        _result("sigmoid_focal_loss", data, focal_fit, focal),
    ]


def _result(loss: str, data: Split, fit: Fit, reference: Reference) -> Result:
    return Result(
        task="breast cancer, linear",
        loss=loss,
        metric="accuracy",
        score=_accuracy(fit, data),
        reference=reference.name,
        reference_score=reference.score,
        tolerance=TOLERANCE,
        seconds=fit.seconds,
        reference_seconds=reference.seconds,
        curve=Curve("L-BFGS step", fit.curve, reference.curve, reference.label),
    )


def _accuracy(fit: Fit, data: Split) -> float:
    return float(np.mean((fit.scores(data.test_features) > 0) == data.test_targets))


def _logistic(data: Split, penalty: float) -> Reference:
    began = perf_counter()
    model = LogisticRegression(C=REGULARISATION, max_iter=1000).fit(data.features, data.targets)
    seconds = perf_counter() - began
    scores = model.decision_function(data.features)
    optimum = np.mean(np.logaddexp(0, scores) - data.targets * scores) + 0.5 * penalty * np.sum(model.coef_**2)
    accuracy = float(model.score(data.test_features, data.test_targets))
    return Reference("sklearn LogisticRegression", accuracy, seconds, (float(optimum),), "sklearn's optimum")


def _torch_focal(data: Split, targets: np.ndarray, penalty: float) -> Reference:
    # Loaded by name because torch is an option.
    torch_loss = import_module("lossgen.demo.torch_reference").focal_score_loss(targets)
    fit = fit_lbfgs(torch_loss, data.features, penalty=penalty)
    return Reference("torch's formula", _accuracy(fit, data), fit.seconds, fit.curve, "torch's formula")
