"""Losses in scipy.optimize: against scikit-learn's fits, closed forms, and derivatives by differences."""

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from lossgen.generated import scipy as problems
from scipy.optimize import LinearConstraint, minimize
from scipy.sparse import csr_array
from scipy.sparse.linalg import aslinearoperator
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, PoissonRegressor, QuantileRegressor
from sklearn.preprocessing import scale

from lossgen.runtime import LossError

RNG = np.random.default_rng(3)


def newton(problem, size):
    return minimize(problem, np.zeros(size), jac=True, hessp=problem.hessp, method="Newton-CG", options={"xtol": 1e-10})


def test_the_readme_fits_a_logistic_regression():
    section = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8").split("## SciPy\n")[1]
    names: dict = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(re.search(r"```python\n(.*?)```", section, re.DOTALL)[1], names)
    assert float(printed.getvalue().split()[1]) > 0.98
    x, y = load_breast_cancer(return_X_y=True)
    theirs = LogisticRegression(C=1 / (2e-3 * len(y)), fit_intercept=False, tol=1e-10, max_iter=1000).fit(scale(x), y)
    assert names["found"].x == pytest.approx(theirs.coef_[0], abs=2e-3)


@pytest.mark.parametrize("kind", [np.asarray, csr_array, aslinearoperator, np.ndarray.tolist])
def test_any_matrix_does(kind):
    x, y = load_breast_cancer(return_X_y=True)
    plain = problems.binary_cross_entropy_with_logits(target=y, through=scale(x))
    other = problems.binary_cross_entropy_with_logits(target=y.astype(np.float32), through=kind(scale(x)))
    at, along = RNG.normal(size=30), RNG.normal(size=30)
    assert other(at)[0] == pytest.approx(plain(at)[0], rel=1e-12)
    assert other(at)[1] == pytest.approx(plain(at)[1], rel=1e-9)
    assert other.hessp(at, along) == pytest.approx(plain.hessp(at, along), rel=1e-9)


def test_a_multinomial_regression_is_scikit_learns():
    x, y = load_iris(return_X_y=True)
    x = scale(x)
    fit = problems.cross_entropy(target=y, through=x) + 1e-2 * problems.l2_loss(target=np.zeros(12))
    coefficients = newton(fit, 12).x.reshape(4, 3).T
    theirs = LogisticRegression(C=1 / (2e-2 * len(y)), fit_intercept=False, tol=1e-12, max_iter=2000).fit(x, y)
    assert coefficients == pytest.approx(theirs.coef_, abs=1e-4)


def test_counts_weights_and_quantiles():
    x, y = load_diabetes(return_X_y=True)
    x, weight = scale(x), RNG.uniform(0.5, 2, len(y))
    ones = np.c_[x, np.ones(len(y))]
    counts = problems.poisson_nll_loss(
        target=np.round(y / 10), through=ones, sample_weight=weight, denominator=weight.sum()
    )
    theirs = PoissonRegressor(alpha=0, tol=1e-12, max_iter=2000).fit(x, np.round(y / 10), sample_weight=weight)
    assert newton(counts, 11).x == pytest.approx([*theirs.coef_, theirs.intercept_], abs=1e-5)
    median = problems.quantile_loss(target=y, through=ones, quantile=0.8)
    best = QuantileRegressor(quantile=0.8, alpha=0).fit(x, y)
    found = minimize(median, np.r_[np.zeros(10), y.mean()], jac=True, method="BFGS", options={"maxiter": 1000})
    assert median(np.r_[best.coef_, best.intercept_])[0] <= found.fun + 1e-9
    assert found.fun == pytest.approx(median(np.r_[best.coef_, best.intercept_])[0], rel=2e-2)


def test_several_predictions_follow_each_other():
    y = RNG.normal(5, 3, size=400)
    problem = problems.gaussian_nll_loss(target=y, prediction_shape={"input": (400,), "var": (400,)})
    at, along = np.r_[RNG.normal(5, 1, 400), RNG.uniform(1, 4, 400)], RNG.normal(size=800)
    check_derivatives(problem, at, along)
    variance = problems.gaussian_nll_loss(input=np.full(400, y.mean()), target=y, prediction_shape=(1,))
    found = minimize(variance, [1.0], jac=True, method="L-BFGS-B", bounds=[(1e-3, None)])
    assert found.x[0] == pytest.approx(y.var(), rel=1e-4)


def check_derivatives(problem, at, along):
    """Gradient and product along a direction by differences of the value and of the gradient."""
    step = 1e-5
    (up, rise), (down, fall) = problem(at + step * along), problem(at - step * along)
    assert problem(at)[1] @ along == pytest.approx((up - down) / (2 * step), rel=1e-6, abs=1e-8)
    assert problem.hessp(at, along) == pytest.approx((rise - fall) / (2 * step), rel=1e-5, abs=1e-7)


def test_rows_batches_and_lattices():
    rows = problems.focal_loss(target=RNG.integers(0, 4, 6), prediction_shape=(6, 4))
    check_derivatives(rows, RNG.normal(size=24), RNG.normal(size=24))
    batches = problems.gan_discriminator_loss(prediction_shape={"real": (5,), "fake": (3,)})
    check_derivatives(batches, RNG.normal(size=8), RNG.normal(size=8))
    half = problems.gan_discriminator_loss(real=RNG.normal(size=5), prediction_shape=(3,))
    check_derivatives(half, RNG.normal(size=3), RNG.normal(size=3))
    lattice = problems.ctc_with_logits_loss(
        targets=np.array([[1, 2]]), input_lengths=[5], target_lengths=[2], prediction_shape=(5, 1, 3)
    )
    check_derivatives(lattice, RNG.normal(size=15), RNG.normal(size=15))


def test_constraints_and_other_solvers():
    problem = 2 * problems.mse_loss(target=np.array([1.0, 2, 3])) * 3
    assert problem(np.zeros(3))[0] == pytest.approx(6 * 14 / 3)
    check_derivatives(
        problem + 0.5 * problems.log_cosh_loss(target=np.zeros(3)), RNG.normal(size=3), RNG.normal(size=3)
    )
    sums = LinearConstraint(np.ones((1, 3)), 0, 0)
    found = minimize(problem, np.zeros(3), jac=True, hessp=problem.hessp, method="trust-constr", constraints=sums)
    assert found.x == pytest.approx([-1, 0, 1], abs=1e-5)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: problems.mse_loss(), "mse_loss: target is not given; the variables stand for input only"),
        (lambda: problems.mse_loss(input=[1.0], target=[1.0]), "mse_loss: input given, expected one to be left out"),
        (
            lambda: problems.mse_loss(target=[1.0], reduction="none"),
            "mse_loss: reduction is 'none', expected one that gives",
        ),
        (
            lambda: problems.mse_loss(target=[1.0])(np.zeros(2)),
            "mse_loss: variables has 2 numbers, expected 1 for input",
        ),
        (
            lambda: problems.mse_loss(target=[1.0]).hessp([0.0], [1.0, 2]),
            "mse_loss: direction has 2 numbers, expected 1",
        ),
        (
            lambda: problems.mse_loss(target=[1.0], through=np.ones((1, 4)))(np.zeros(8)),
            "mse_loss: variables has 8 numbers",
        ),
        (
            lambda: problems.mse_loss(target=[1.0], through=np.ones((1, 4)), prediction_shape=(1,)),
            "mse_loss: through is given and a prediction_shape",
        ),
        (
            lambda: problems.cross_entropy(target=[1]),
            r"cross_entropy: the shape of input cannot be told .*give prediction_shape=\(",
        ),
        (
            lambda: problems.mse_loss(target=[1.0], reduction="men")([0.0]),
            "mse_loss: reduction is 'men', .*did you mean 'mean'",
        ),
    ],
)
def test_mistakes_are_errors_of_one_line(call, words):
    with pytest.raises(LossError, match=f"^{words}") as caught:
        call()
    assert "\n" not in str(caught.value)


def test_only_problems_are_added_and_only_numbers_multiplied():
    problem = problems.mse_loss(target=[1.0])
    with pytest.raises(TypeError):
        problem + 1
    with pytest.raises(TypeError):
        problem * problem


def test_without_scipy_the_error_says_what_to_install():
    code = (
        "import importlib.util, lossgen.generated.scipy as s\n"
        "importlib.util.find_spec = lambda name: None\n"
        "try: s.mse_loss\n"
        "except ImportError as error: print(error)\n"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed == "losses for scipy.optimize need SciPy, which is not installed: pip install lossgen[scipy]\n"
