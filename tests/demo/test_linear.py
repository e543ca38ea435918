"""The linear models of the demonstration against closed forms."""

import numpy as np
import pytest

from lossgen.demo.linear import Objective, fit_adam, fit_lbfgs


@pytest.fixture
def problem():
    generator = np.random.default_rng(0)
    features = generator.standard_normal((60, 3))
    return features, features @ np.array([1.0, -2.0, 0.5]) + 4 + 0.1 * generator.standard_normal(60)


def squared(targets):
    return lambda scores: (np.mean((scores - targets) ** 2), 2 * (scores - targets) / targets.size)


def test_lbfgs_solves_least_squares(problem):
    features, targets = problem
    fit = fit_lbfgs(squared(targets), features)
    expected = np.linalg.lstsq(np.column_stack([features, np.ones(60)]), targets, rcond=None)[0]
    np.testing.assert_allclose([*fit.weights, fit.intercept], expected, rtol=1e-5)
    assert fit.curve[-1] < fit.curve[0]


def test_the_penalty_leaves_the_intercept_alone(problem):
    features, targets = problem
    fit = fit_lbfgs(squared(targets), features, penalty=1e6)
    np.testing.assert_allclose(fit.weights, 0, atol=1e-4)
    np.testing.assert_allclose(fit.intercept, targets.mean(), rtol=1e-4)


def test_adam_finds_the_median():
    targets = np.array([0.0, 1.0, 10.0])
    fit = fit_adam(
        lambda scores: (np.abs(scores - targets).mean(), np.sign(scores - targets) / 3), np.zeros((3, 1)), 500, 0.1
    )
    np.testing.assert_allclose(fit.intercept, 1.0, atol=0.05)


def test_the_gradient_of_the_objective_with_several_outputs():
    generator = np.random.default_rng(0)
    features, targets = generator.standard_normal((7, 3)), generator.standard_normal((7, 2))
    objective = Objective(squared(targets), features, 2, penalty=0.3)
    assert objective.size == 8
    at, direction = generator.standard_normal(8), generator.standard_normal(8)
    slope = (objective(at + 1e-6 * direction)[0] - objective(at - 1e-6 * direction)[0]) / 2e-6
    np.testing.assert_allclose(objective(at)[1] @ direction, slope, rtol=1e-6)
