"""The parts of an objective: curvature, initial scores, links, layouts, errors, each against a plain calculation."""

import subprocess
import sys

import numpy as np
import pytest
from lossgen.generated import boosting
from scipy.optimize import linprog, minimize

from lossgen.runtime import LossError

RNG = np.random.default_rng(7)
SCORES = np.linspace(-3, 3, 13)


def slopes(function, scores, step=1e-4):
    """The first and the second derivative by differences, function being of one score."""
    low, here, high = function(scores - step), function(scores), function(scores + step)
    return (high - low) / (2 * step), (high - 2 * here + low) / step**2


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def diagonal(objective, scores, targets, weight=None):
    return objective.derivatives(scores, targets, weight)[1]


def test_the_fisher_diagonal_of_two_labels_is_the_mean_under_which_the_gradient_is_0():
    def focal(label, gamma=2.0, alpha=0.25):
        p_t = (lambda x: sigmoid(x)) if label else (lambda x: sigmoid(-x))
        return lambda x: -(alpha if label else 1 - alpha) * (1 - p_t(x)) ** gamma * np.log(p_t(x))

    (g_0, h_0), (g_1, h_1) = (slopes(focal(label), SCORES) for label in (0, 1))
    share = g_0 / (g_0 - g_1)
    found = diagonal(boosting.sigmoid_focal_loss(hessian="fisher"), SCORES, RNG.integers(0, 2, 13))
    assert found == pytest.approx((1 - share) * h_0 + share * h_1, abs=1e-6)
    assert (found > 0).all() and (h_1 < 0).any()


def test_the_fisher_diagonal_of_logits_with_weights():
    p = sigmoid(SCORES)
    share = p / (3 * (1 - p) + p)  # of label 1, where 3 (1 - q) share = q (1 - share)
    weighted = boosting.binary_cross_entropy_with_logits(pos_weight=3, hessian="fisher")
    assert diagonal(weighted, SCORES, np.ones(13)) == pytest.approx((3 * share + 1 - share) * p * (1 - p), rel=1e-9)
    plain = boosting.binary_cross_entropy_with_logits()
    assert diagonal(plain, SCORES, np.ones(13)) == pytest.approx(p * (1 - p), rel=1e-9)


def test_the_fisher_diagonal_over_classes():
    scores, weight = RNG.normal(size=(6, 3)), np.array([1.0, 2.0, 5.0])
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    targets = np.array([0, 1, 2, 0, 1, 2])
    exact = weight[targets][:, None] * p * (1 - p)
    assert diagonal(boosting.cross_entropy(weight, hessian="exact"), scores, targets) == pytest.approx(exact, rel=1e-9)
    mean = (p @ weight)[:, None] * p * (1 - p)
    assert diagonal(boosting.cross_entropy(weight), scores, targets) == pytest.approx(mean, rel=1e-9)
    assert diagonal(boosting.cross_entropy(hessian_factor=2), scores, targets) == pytest.approx(
        2 * p * (1 - p), rel=1e-9
    )
    soft = np.eye(3)[targets]
    assert diagonal(boosting.cross_entropy(weight), scores, soft) == pytest.approx(mean, rel=1e-9)


@pytest.mark.parametrize(
    "name, expected",
    [
        ("gamma_nll_loss", lambda x: np.ones_like(x)),
        ("poisson_nll_loss", np.exp),
        ("tweedie_loss", lambda x: np.exp(0.5 * x)),
    ],
)
def test_the_fisher_diagonal_at_the_mean(name, expected):
    objective = getattr(boosting, name)(hessian="fisher")
    assert diagonal(objective, SCORES, np.zeros(13)) == pytest.approx(expected(SCORES), rel=1e-9)


def test_the_fisher_diagonal_of_errors_fits_their_width():
    error = RNG.normal(size=4000)
    scores, targets = error + 5, np.full(4000, 5.0)
    ones = np.ones(4000)
    assert diagonal(boosting.mse_loss(), scores, targets) == pytest.approx(2 * ones)
    assert diagonal(boosting.l1_loss(), scores, targets) == pytest.approx(ones / np.abs(error).mean())
    wide = diagonal(boosting.l1_loss(), 100 * scores, 100 * targets)
    assert wide == pytest.approx(diagonal(boosting.l1_loss(), scores, targets) / 100)
    # By parts, with samples of the density itself: for errors with density exp(-loss), it is the mean of the Hessian.
    laplace = RNG.laplace(size=200_000)
    logistic = np.arctanh(np.clip(2 * RNG.uniform(size=200_000) - 1, -0.9999999, 0.9999999))
    assert diagonal(boosting.l1_loss(), laplace, 0 * laplace)[0] == pytest.approx(1, rel=0.02)
    mean = (1 / np.cosh(logistic) ** 2).mean()
    twice = boosting.log_cosh_loss(hessian="exact"), boosting.log_cosh_loss()
    exact, fisher = (diagonal(o, logistic, 0 * logistic) for o in twice)
    assert exact.mean() == pytest.approx(mean, rel=1e-9)
    assert fisher[0] == pytest.approx(mean, rel=0.02)  # density exp(-2 log cosh e): φ = ½
    weight = np.where(np.abs(error) < 1, 1.0, 0.0)
    narrow = diagonal(boosting.l1_loss(), scores, targets, weight)[weight > 0]
    assert narrow == pytest.approx(1 / np.abs(error[weight > 0]).mean())
    assert (diagonal(boosting.l1_loss(), targets, targets) == 1).all()


def test_clipped_hessians_are_exact_ones_with_a_floor():
    scores, targets = np.array([-4.0, -1, 0, 1, 4]), np.ones(5)
    exact = diagonal(boosting.sigmoid_focal_loss(hessian="exact"), scores, targets)
    clipped = diagonal(boosting.sigmoid_focal_loss(hessian="clipped", hessian_floor=0.01), scores, targets)
    assert exact.min() < 0
    assert clipped == pytest.approx(np.maximum(exact, 0.01))
    for name in ("hinge_loss", "hinge_embedding_loss"):
        assert (diagonal(getattr(boosting, name)(), scores, targets) == 1).all()
    assert (diagonal(boosting.multi_margin_loss(), RNG.normal(size=(5, 3)), targets) == 1).all()


@pytest.mark.parametrize(
    "name, options, expected",
    [
        ("l1_loss", {}, lambda y: np.median(y)),
        ("l2_loss", {}, lambda y: y.mean()),
        ("quantile_loss", {"quantile": 0.8}, lambda y: np.quantile(y, 0.8, method="higher")),
        ("poisson_nll_loss", {}, lambda y: np.log(y.mean())),
        ("gamma_nll_loss", {}, lambda y: np.log(y.mean())),
        ("tweedie_loss", {"power": 1.7}, lambda y: np.log(y.mean())),
    ],
)
def test_initial_scores_in_closed_form(name, options, expected):
    for scale in (1, 1e-4, 1e5):
        y = scale * RNG.gamma(2, size=101)
        start = getattr(boosting, name)(**options).initial_score(y)
        assert start == pytest.approx(expected(y), rel=1e-6, abs=1e-6)
        assert isinstance(start, float)


@pytest.mark.parametrize(
    "name", ["log_cosh_loss", "huber_loss", "squared_hinge_loss", "sigmoid_focal_loss", "charbonnier_loss"]
)
def test_initial_scores_are_the_least(name):
    objective = getattr(boosting, name)()
    y = RNG.integers(0, 2, 60).astype(float) if "hinge" in name or "focal" in name else RNG.normal(3, 40, 60)
    weight = RNG.uniform(0.1, 3, 60)

    def value(at):
        return objective.value(np.full(60, at), y, weight)

    start = objective.initial_score(y, weight)
    assert all(value(start) <= value(start + by) for by in (-1, -1e-3, 1e-3, 1))
    assert value(start) <= min(map(value, np.linspace(-80, 80, 401))) + 1e-12


def test_the_initial_score_of_a_loss_with_kinks_is_that_of_a_linear_program():
    """Σ_k w_k Σ_{j≠k} max(0, 1 − x_k + x_j) / C: the margins are variables of their own, at least 0."""
    counts = np.array([4, 9, 30, 2])
    y, pairs = np.repeat(range(4), counts), [(k, j) for k in range(4) for j in range(4) if j != k]
    scores = np.array([np.eye(4)[j] - np.eye(4)[k] for k, j in pairs])
    price = np.array([0] * 4 + [counts[k] / counts.sum() / 4 for k, _ in pairs])
    limits = {"A_ub": np.hstack([scores, -np.eye(12)]), "b_ub": -np.ones(12)}
    least = linprog(price, **limits, bounds=[(None, None)] * 4 + [(0, None)] * 12).fun
    objective = boosting.multi_margin_loss()
    start = objective.initial_score(y)
    assert objective.value(np.tile(start, (len(y), 1)), y) == pytest.approx(least, rel=1e-9)


@pytest.mark.parametrize("name", ["cross_entropy", "focal_loss", "softcapped_cross_entropy", "multi_margin_loss"])
def test_initial_scores_of_classes_are_the_least(name):
    objective = getattr(boosting, name)()
    y = np.repeat([0, 1, 2, 3], [4, 9, 30, 2])
    start = objective.initial_score(y)
    assert len(start) == 4

    def value(row):
        return objective.value(np.tile(row, (len(y), 1)), y)

    nearby = minimize(value, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 2000})
    assert value(start) <= nearby.fun + 1e-9
    if name == "cross_entropy":
        shares = np.log(np.bincount(y) / len(y))
        assert start == pytest.approx(shares - shares.mean(), abs=1e-7)
        assert len(objective.initial_score(y, classes=6)) == 6


def test_there_is_no_initial_score_for_one_label():
    with pytest.raises(LossError, match=r"^sigmoid_focal_loss: no constant score has the least loss"):
        boosting.sigmoid_focal_loss().initial_score(np.ones(5))
    with pytest.raises(LossError, match=r"^poisson_nll_loss: no constant score has the least loss"):
        boosting.poisson_nll_loss().initial_score(np.zeros(5))
    with pytest.raises(LossError, match=r"^hinge_embedding_loss: no constant score has the least loss"):
        boosting.hinge_embedding_loss().initial_score(np.ones(5))
    assert boosting.hinge_loss().initial_score(np.ones(5)) == 1


def test_inverse_links():
    rows = RNG.normal(size=(5, 3))
    assert boosting.cross_entropy().inverse_link(rows).sum(axis=1) == pytest.approx(1)
    assert boosting.multilabel_soft_margin_loss().inverse_link(rows) == pytest.approx(sigmoid(rows))
    assert boosting.sigmoid_focal_loss().inverse_link([-1000.0, 0, 1000]) == pytest.approx([0, 0.5, 1])
    for name in ("poisson_nll_loss", "gamma_nll_loss", "tweedie_loss"):
        assert getattr(boosting, name)().inverse_link(SCORES) == pytest.approx(np.exp(SCORES))
    for name in ("quantile_loss", "hinge_loss", "mse_loss"):
        assert (getattr(boosting, name)().inverse_link(SCORES) == SCORES).all()


class Data:
    """A data set of a library, old or new."""

    def __init__(self, labels, weights=None):
        self.labels, self.weights = labels, weights

    def get_label(self):
        return self.labels

    def get_weight(self):
        return np.array([]) if self.weights is None else self.weights


class LightGBMData(Data):
    def get_init_score(self):
        return None


def test_layouts_of_older_and_newer_versions():
    objective, labels, scores = boosting.cross_entropy(), np.array([0.0, 2, 1, 1]), RNG.normal(size=(4, 3))
    weight = np.array([1.0, 2, 3, 4])
    expected = objective.derivatives(scores, labels, weight)
    for data, order in ((Data(labels, weight), "C"), (LightGBMData(labels, weight), "F")):
        for given, wanted in zip(objective(scores, data), expected, strict=True):
            assert given == pytest.approx(wanted)
        for given, wanted in zip(objective(scores.ravel(order), data), expected, strict=True):
            assert given.shape == (12,)
            assert given == pytest.approx(wanted.ravel(order))
    assert objective(labels, scores.ravel("F"), weight)[0] == pytest.approx(expected[0].ravel("F"))
    assert objective.xgboost_metric(scores, Data(labels, weight))[1] == pytest.approx(
        objective.xgboost_metric(labels, scores, weight)
    )
    one = boosting.mse_loss()(np.zeros((4, 1)), Data(labels))
    assert one[0].shape == (4, 1)


def test_labels_of_0_and_1_stand_for_signs():
    scores = RNG.normal(size=6)
    found = [boosting.squared_hinge_loss()(np.array(y, float), scores) for y in ([0, 1] * 3, [-1, 1] * 3)]
    assert (np.array(found[0]) == np.array(found[1])).all()


@pytest.mark.parametrize(
    "call, words",
    [
        (
            lambda: boosting.hinge_loss(hessian="fisher")(np.ones(2), np.ones(2)),
            "hinge_loss: hessian is 'fisher', and the Hessian is 0",
        ),
        (
            lambda: boosting.soft_margin_loss(hessian="fisher")(np.ones(2), np.ones(2)),
            "soft_margin_loss: .*no model of the target",
        ),
        (lambda: boosting.mse_loss(hessian="fischer"), "mse_loss: hessian is 'fischer', .*did you mean 'fisher'"),
        (
            lambda: boosting.mse_loss(hessian_floor=0),
            "mse_loss: hessian_floor is 0, expected a finite number greater than 0",
        ),
        (lambda: boosting.mse_loss(hessian_factor=np.nan), "mse_loss: hessian_factor is nan, expected"),
        (
            lambda: boosting.poisson_nll_loss(log_input=False),
            "poisson_nll_loss: with log_input=False, full=False it is no loss of raw",
        ),
        (lambda: boosting.sigmoid_focal_loss(gamma=-1), "sigmoid_focal_loss: gamma is -1"),
        (lambda: boosting.mse_loss(np.ones(3)), "mse_loss: weight has shape .3,., expected a number"),
        (
            lambda: boosting.cross_entropy()(np.ones(4), np.ones(4)),
            "cross_entropy: one score for each item, .*num_class",
        ),
        (
            lambda: boosting.cross_entropy()(np.full(4, 0.5), np.ones((4, 2))),
            "cross_entropy: target has 0.5, expected numbers",
        ),
        (lambda: boosting.mse_loss()(np.ones(4), np.ones(6)), "mse_loss: 6 scores for 4 targets"),
    ],
)
def test_mistakes_are_errors_of_one_line(call, words):
    with pytest.raises(LossError, match=f"^{words}") as caught:
        call()
    assert "\n" not in str(caught.value)


def test_losses_of_other_things_are_no_objectives():
    assert not hasattr(boosting, "ctc_loss") and not hasattr(boosting, "binary_cross_entropy")
    assert "cross_entropy" in dir(boosting)


def test_without_a_library_the_error_says_what_to_install():
    code = (
        "import importlib.util, lossgen.generated.boosting as b\n"
        "importlib.util.find_spec = lambda name: None\n"
        "try: b.mse_loss\n"
        "except ImportError as error: print(error)\n"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed == (
        "objectives for gradient boosting need LightGBM, XGBoost or CatBoost, and none is installed: "
        "pip install lossgen[boosting], or xgboost-cpu, xgboost or catboost\n"
    )
