"""Digits with a linear softmax classifier: cross entropy in plain NumPy against scikit-learn's logistic regression."""

from __future__ import annotations

from time import perf_counter

import numpy as np
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

from lossgen.generated import cross_entropy

from .data import digits
from .linear import fit_lbfgs
from .result import Curve, Result

REGULARISATION = 1.0  # scikit-learn's C: the sum of the losses is weighed with it against half the squared norm
TOLERANCE = 0.01


def run(epochs: int) -> list[Result]:
    """Train both; the epochs of the networks do not matter here."""
    data = digits()
    penalty = 1 / (REGULARISATION * len(data.targets))
    fit = fit_lbfgs(
        lambda scores: cross_entropy.value_and_grad(scores, data.targets), data.features, outputs=10, penalty=penalty
    )
    score = float(np.mean(fit.scores(data.test_features).argmax(axis=1) == data.test_targets))

    began = perf_counter()
    reference = LogisticRegression(C=REGULARISATION, max_iter=1000).fit(data.features, data.targets)
    seconds = perf_counter() - began
    scores = reference.decision_function(data.features)
    optimum = np.mean(logsumexp(scores, axis=1) - scores[np.arange(len(scores)), data.targets])
    optimum += 0.5 * penalty * np.sum(reference.coef_**2)
    return [
        Result(
            task="digits, linear",
            loss="cross_entropy",
            metric="accuracy",
            score=score,
            reference="sklearn LogisticRegression",
            reference_score=float(reference.score(data.test_features, data.test_targets)),
            tolerance=TOLERANCE,
            seconds=fit.seconds,
            reference_seconds=seconds,
            curve=Curve("L-BFGS step", fit.curve, (float(optimum),), "sklearn's optimum"),
        )
    ]
