"""Progress of diabetes with linear regression: squared and absolute error in plain NumPy against scikit-learn."""

from __future__ import annotations

from time import perf_counter

import numpy as np
from sklearn.linear_model import LinearRegression, QuantileRegressor
from sklearn.metrics import r2_score

from lossgen.generated import l1_loss, mse_loss

from .data import Split, diabetes
from .linear import fit_adam, fit_lbfgs
from .result import Curve, Result

R2_TOLERANCE = 0.005
MAE_TOLERANCE = 0.5  # targets range from 25 to 346
ADAM_STEPS = 3000
ADAM_RATE = 5.0


def run(epochs: int) -> list[Result]:
    """Train with both losses and their references; the epochs of the networks do not matter here."""
    data = diabetes()
    return [_squared(data), _absolute(data)]


def _squared(data: Split) -> Result:
    fit = fit_lbfgs(lambda scores: mse_loss.value_and_grad(scores, data.targets), data.features)
    began = perf_counter()
    reference = LinearRegression().fit(data.features, data.targets)
    seconds = perf_counter() - began
    optimum = np.mean((reference.predict(data.features) - data.targets) ** 2)
    return Result(
        task="diabetes, linear",
        loss="mse_loss",
        metric="R²",
        score=float(r2_score(data.test_targets, fit.scores(data.test_features))),
        reference="sklearn LinearRegression",
        reference_score=float(r2_score(data.test_targets, reference.predict(data.test_features))),
        tolerance=R2_TOLERANCE,
        seconds=fit.seconds,
        reference_seconds=seconds,
        curve=Curve("L-BFGS step", fit.curve, (float(optimum),), "sklearn's optimum"),
    )


def _absolute(data: Split) -> Result:
    fit = fit_adam(lambda scores: l1_loss.value_and_grad(scores, data.targets), data.features, ADAM_STEPS, ADAM_RATE)
    began = perf_counter()
    reference = QuantileRegressor(quantile=0.5, alpha=0.0).fit(data.features, data.targets)
    seconds = perf_counter() - began
    optimum = np.mean(np.abs(reference.predict(data.features) - data.targets))
    return Result(
        task="diabetes, linear",
        loss="l1_loss",
        metric="MAE",
        score=float(np.mean(np.abs(fit.scores(data.test_features) - data.test_targets))),
        reference="sklearn QuantileRegressor",
        reference_score=float(np.mean(np.abs(reference.predict(data.test_features) - data.test_targets))),
        tolerance=MAE_TOLERANCE,
        seconds=fit.seconds,
        reference_seconds=seconds,
        curve=Curve("Adam step", fit.curve, (float(optimum),), "sklearn's optimum"),
        higher_is_better=False,
    )
