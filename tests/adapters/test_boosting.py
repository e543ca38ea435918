"""Objectives for gradient boosting: XGBoost, LightGBM and CatBoost themselves, on scikit-learn's data."""

import contextlib
import io
import pickle
import re
from pathlib import Path

import catboost
import lightgbm
import numpy as np
import pytest
import xgboost
from lossgen.generated import boosting
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.metrics import mean_tweedie_deviance

ROUNDS = 40
XGB = {"max_depth": 3, "eta": 0.3, "nthread": 1, "seed": 0}
LGB = {"num_leaves": 7, "learning_rate": 0.2, "verbose": -1, "num_threads": 1, "deterministic": True, "seed": 0}
CANCER, WINE, DIABETES = (load(return_X_y=True) for load in (load_breast_cancer, load_wine, load_diabetes))


def weights(y):
    return np.random.default_rng(0).uniform(0.5, 2, len(y))


def train_xgboost(objective, x, y, weight=None, **options):
    """The raw scores of training items, started from the objective's initial score."""
    data = xgboost.DMatrix(x, y, weight=weight)
    start = objective.initial_score(y, weight)
    booster = xgboost.train({**XGB, "base_score": start, **options}, data, ROUNDS, obj=objective)
    return booster.predict(data, output_margin=True)


def train_lightgbm(objective, x, y, weight=None, **options):
    start = objective.initial_score(y, weight)
    initial = np.broadcast_to(start, (len(y), *np.shape(start)))
    data = lightgbm.Dataset(x, y, weight=weight, init_score=initial)
    booster = lightgbm.train({**LGB, "objective": objective, "metric": "None", **options}, data, ROUNDS)
    return booster.predict(x) + np.asarray(start)


TRAIN = {"xgboost": train_xgboost, "lightgbm": train_lightgbm}


@pytest.mark.parametrize("weight", [None, weights(CANCER[1])], ids=["plain", "weighted"])
def test_the_logistic_objectives_of_all_three_libraries_are_reproduced(weight):
    x, y = CANCER
    ours = boosting.binary_cross_entropy_with_logits()
    mean = np.average(y, weights=weight)
    assert ours.initial_score(y, weight) == pytest.approx(np.log(mean / (1 - mean)), abs=1e-9)
    data = xgboost.DMatrix(x, y, weight=weight)
    theirs = xgboost.train({**XGB, "objective": "binary:logistic", "base_score": mean}, data, ROUNDS).predict(data)
    assert ours.inverse_link(train_xgboost(ours, x, y, weight)) == pytest.approx(theirs, abs=1e-5)
    theirs = lightgbm.train({**LGB, "objective": "binary"}, lightgbm.Dataset(x, y, weight=weight), ROUNDS).predict(x)
    assert ours.inverse_link(train_lightgbm(ours, x, y, weight)) == pytest.approx(theirs, abs=1e-5)
    fitted = [
        train_catboost(x, y, weight, f, m) for f, m in (("Logloss", "Logloss"), (ours.catboost, ours.catboost_metric))
    ]
    assert fitted[1].predict(x) == pytest.approx(fitted[0].predict(x), abs=1e-5)


def train_catboost(x, y, weight, loss, metric, **options):
    settings = {
        **{"iterations": ROUNDS, "learning_rate": 0.3, "depth": 3, "verbose": 0, "allow_writing_files": False},
        **{"random_seed": 0, "thread_count": 1, "bootstrap_type": "No", "boosting_type": "Plain", "random_strength": 0},
        **{"leaf_estimation_method": "Newton", "leaf_estimation_iterations": 1},
    }
    columns = options.get("classes_count")
    baseline = np.zeros((len(y), columns) if columns else len(y))
    model = catboost.CatBoost({**settings, "loss_function": loss, "eval_metric": metric, **options})
    return model.fit(catboost.Pool(x, y, weight=weight, baseline=baseline))


@pytest.mark.parametrize("weight", [None, weights(WINE[1])], ids=["plain", "weighted"])
def test_the_softmax_objectives_are_reproduced_with_their_factors(weight):
    x, y = WINE
    ours = boosting.cross_entropy(hessian_factor=2)
    data, several = xgboost.DMatrix(x, y, weight=weight), {"num_class": 3}
    built_in = {**XGB, **several, "objective": "multi:softprob", "base_score": [0.5, 0.5, 0.5]}
    theirs = xgboost.train(built_in, data, ROUNDS).predict(data)
    scores = train_xgboost(ours, x, y, weight, **several, base_score=[0.5, 0.5, 0.5])
    assert ours.inverse_link(scores) == pytest.approx(theirs, abs=1e-5)
    ours = boosting.cross_entropy(hessian_factor=1.5)
    built_in = {**LGB, **several, "objective": "multiclass"}
    theirs = lightgbm.train(built_in, lightgbm.Dataset(x, y, weight=weight), ROUNDS).predict(x)
    assert ours.inverse_link(train_lightgbm(ours, x, y, weight, **several)) == pytest.approx(theirs, abs=1e-5)


def test_catboost_takes_several_classes():
    x, y = WINE
    ours = boosting.cross_entropy()
    model = train_catboost(x, y, None, ours.catboost, ours.catboost_metric, classes_count=3)
    scores = model.predict(x)
    assert (scores.argmax(axis=1) == y).mean() > 0.98
    seen = model.get_evals_result()["learn"]["CatBoostMetric"]
    assert seen[-1] == pytest.approx(ours.value(scores, y), rel=1e-6) and seen[-1] < 0.2 * np.log(3)


@pytest.mark.parametrize("library", TRAIN)
def test_focal_loss_separates_two_classes(library):
    x, y = CANCER
    focal = boosting.sigmoid_focal_loss(gamma=2)
    scores = TRAIN[library](focal, x, y)
    assert focal.value(scores, y) < 0.3 * focal.value(np.full(len(y), focal.initial_score(y)), y)
    assert ((scores > focal.initial_score(y)) == y).mean() > 0.95


@pytest.mark.parametrize("library", TRAIN)
def test_multiclass_focal_loss_and_margins_train(library):
    x, y = WINE
    for name in ("focal_loss", "multi_margin_loss"):
        scores = TRAIN[library](getattr(boosting, name)(), x, y, num_class=3)
        assert (scores.argmax(axis=1) == y).mean() > 0.95


@pytest.mark.parametrize("library", TRAIN)
@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_quantiles_cover_their_share(library, quantile):
    x, y = DIABETES
    objective = boosting.quantile_loss(quantile=quantile)
    scores = TRAIN[library](objective, x, y)
    assert (y <= scores).mean() == pytest.approx(quantile, abs=0.05)
    assert objective.value(scores, y) < 0.85 * objective.value(np.full(len(y), objective.initial_score(y)), y)


@pytest.mark.parametrize("library", TRAIN)
def test_tweedie_is_as_good_as_the_built_in_one(library):
    x, y = DIABETES
    y = np.where(y < 60, 0.0, y)
    objective = boosting.tweedie_loss(power=1.3)
    ours = objective.inverse_link(TRAIN[library](objective, x, y))
    data = xgboost.DMatrix(x, y)
    built_in = {**XGB, "objective": "reg:tweedie", "tweedie_variance_power": 1.3, "base_score": y.mean()}
    theirs = xgboost.train(built_in, data, ROUNDS).predict(data)
    deviances = [mean_tweedie_deviance(y, mean, power=1.3) for mean in (ours, theirs, np.full(len(y), y.mean()))]
    assert deviances[0] < 1.4 * deviances[1] and deviances[0] < 0.7 * deviances[2]


@pytest.mark.parametrize("library", TRAIN)
@pytest.mark.parametrize("name", ["log_cosh_loss", "l1_loss", "huber_loss", "charbonnier_loss"])
def test_losses_whose_hessian_vanishes_train_on_targets_as_they_are(name, library):
    x, y = DIABETES
    objective = getattr(boosting, name)()
    none = np.abs(y - np.median(y)).mean()
    assert np.abs(y - TRAIN[library](objective, x, y)).mean() < 0.7 * none
    stuck = getattr(boosting, name)(hessian="exact")
    if name == "l1_loss" and library == "xgboost":  # the pain that users are spared
        assert np.ptp(TRAIN[library](stuck, x, y)) == 0


def test_the_scikit_learn_interfaces_do_what_the_native_ones_do():
    x, y = CANCER
    focal, weight = boosting.sigmoid_focal_loss(gamma=1), weights(y)
    start = focal.initial_score(y, weight)
    model = xgboost.XGBRegressor(
        objective=focal, base_score=start, n_estimators=ROUNDS, eval_metric=focal.xgboost_metric, max_depth=3, n_jobs=1
    )
    model = pickle.loads(pickle.dumps(clone(model)))
    model.fit(x, y, sample_weight=weight, eval_set=[(x, y)], sample_weight_eval_set=[weight], verbose=False)
    assert model.predict(x) == pytest.approx(train_xgboost(focal, x, y, weight), abs=1e-6)
    seen = model.evals_result()["validation_0"]["xgboost_metric"][-1]
    assert seen == pytest.approx(focal.value(model.predict(x), y, weight), abs=1e-6)  # it prints six places
    first = np.full(len(y), start)
    model = clone(
        lightgbm.LGBMRegressor(
            objective=focal, n_estimators=ROUNDS, num_leaves=7, learning_rate=0.2, n_jobs=1, verbose=-1
        )
    )
    model.fit(x, y, sample_weight=weight, init_score=first)
    assert model.predict(x) + start == pytest.approx(train_lightgbm(focal, x, y, weight), abs=1e-12)
    assert focal.lightgbm_metric(y, first, weight) == ("sigmoid_focal_loss", focal.value(first, y, weight), False)


def test_an_xgboost_classifier_predicts_probabilities():
    x, y = CANCER
    ours = boosting.binary_cross_entropy_with_logits()
    start = float(ours.inverse_link(ours.initial_score(y)))
    model = xgboost.XGBClassifier(objective=ours, base_score=start, n_estimators=ROUNDS, max_depth=3, n_jobs=1).fit(
        x, y
    )
    assert model.predict_proba(x)[:, 1] == pytest.approx(ours.inverse_link(train_xgboost(ours, x, y)), abs=1e-5)


def test_metrics_are_weighted_means():
    x, y = CANCER
    ours, weight = boosting.binary_cross_entropy_with_logits(), weights(y)
    data, seen = xgboost.DMatrix(x, y, weight=weight), {}
    settings = {**XGB, "objective": "binary:logistic", "eval_metric": "logloss"}
    theirs = xgboost.train(settings, data, 3, evals=[(data, "train")], evals_result=seen, verbose_eval=False)
    name, value = ours.xgboost_metric(theirs.predict(data, output_margin=True), data)
    assert name == "binary_cross_entropy_with_logits"
    assert value == pytest.approx(seen["train"]["logloss"][-1], rel=1e-5)


@pytest.mark.parametrize("name", ["multilabel_soft_margin_loss", "binary_cross_entropy_with_logits"])
def test_xgboost_takes_several_labels_for_each_item(name):
    x, y = CANCER
    labels = np.stack((x[:, 0] > x[:, 0].mean(), y), axis=1).astype(float)
    objective = getattr(boosting, name)()
    scores = train_xgboost(objective, x, labels)
    assert ((objective.inverse_link(scores) > 0.5) == labels).mean() > 0.95


def test_xgboost_takes_target_probabilities():
    x, y = WINE
    soft = 0.9 * np.eye(3)[y] + 0.1 / 3
    objective = boosting.cross_entropy()
    assert objective.initial_score(soft) == pytest.approx(centred(np.log(soft.mean(axis=0))), abs=1e-6)
    assert (train_xgboost(objective, x, soft).argmax(axis=1) == y).mean() > 0.98


def centred(row):
    return row - row.mean()


def test_the_readme_does_what_it_says():
    section = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8").split("## Gradient boosting\n")[1]
    first, second = re.findall(r"```python\n(.*?)```", section.split("\n## ")[0], re.DOTALL)
    names: dict = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(first, names)
        assert ((names["probability"] > 0.5) == names["y"]).mean() > 0.95
        exec(second, names)
    assert (names["y"] <= names["bound"]).mean() == pytest.approx(0.9, abs=0.05)
