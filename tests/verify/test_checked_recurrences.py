"""The oracle for recurrences against sums over paths counted one by one, and the measure against losses that are wrong."""

from itertools import groupby, pairwise, product
from pathlib import Path

import mpmath
import numpy as np
import pytest
from mpmath import mpf
from sympy import Eq, Piecewise

import lossgen
from lossgen.formula import Axis, Length, Logit, Prediction, exp, log, loss, recurrence
from lossgen.formula.load import load_losses
from lossgen.verify import oracle
from lossgen.verify.comparison import compare
from lossgen.verify.exact import environments
from lossgen.verify.layouts import as_batch, as_given
from lossgen.verify.sampling import hard_items, random_items, sizes_for
from lossgen.verify.surfaces import surfaces

LOSSES = load_losses(Path(lossgen.__file__).parent.parent / "spec")
FRAMES, BLANK = 4, 1

T = Axis("T", place="last")
K = Axis("K", place="last")


@loss
def walk_loss(scores: Prediction[T, K], lengths: Length[T] = -1):
    """The smoothest least cost of a walk that may move by one state at each step and ends in state 0."""
    t, k = T.index(), K.index("k")

    @recurrence(t, k)
    def alpha(alpha):
        before = alpha[t - 1, k - 1] + alpha[t - 1, k] + alpha[t - 1, k + 1]
        return Piecewise((exp(-scores[t, k]), Eq(t, 0)), (exp(-scores[t, k]) * before, True))

    return -log(alpha[T.size - 1, 0])


def one_item(name, **given):
    """The environment of one item, its arrays given with items along dimension 0, and the formula."""
    variant = LOSSES[name].variants[0]
    (item,) = environments(variant, {n: np.asarray(x) for n, x in given.items()}, {"blank": BLANK})
    return item, variant.expression


@pytest.mark.parametrize("labels", [(), (0,), (2, 0), (2, 2), (0, 0, 0)])
def test_alignments_are_summed_over(labels):
    """Every sequence of frames that becomes the labels once repetitions are joined and blanks left out."""
    scores = np.random.default_rng(3).normal(size=(1, FRAMES, 3))
    item, expression = one_item(
        "ctc_loss",
        log_probs=scores,
        targets=np.array([[*labels, *[-1] * (3 - len(labels))]]),
        input_lengths=[FRAMES],
        target_lengths=[len(labels)],
    )
    total = mpf(0)
    for path in product(range(3), repeat=FRAMES):
        if tuple(c for c, _ in groupby(path) if c != BLANK) == labels:
            total += mpmath.exp(mpmath.fsum(mpf(float(scores[0, t, c])) for t, c in enumerate(path)))
    truth = oracle.truths(expression, item, ["log_probs"])[0]
    if total == 0:  # too few frames for the repetitions
        assert truth.value == mpmath.inf and set(truth.gradient["log_probs"]) == {0}
    else:
        assert mpmath.almosteq(truth.value, -mpmath.log(total), 1e-14)
        shares = np.reshape(np.array(truth.gradient["log_probs"], float), (FRAMES, 3)).sum(1)
        np.testing.assert_allclose(shares, -1, rtol=1e-14)


def test_paths_through_tags_are_summed_over():
    rng = np.random.default_rng(4)
    given = {
        "emissions": rng.normal(size=(1, 4, 2)),
        "tags": np.array([[1, 0, 1, 0]]),
        "transitions": rng.normal(size=(2, 2)),
        "start": rng.normal(size=2),
        "end": rng.normal(size=2),
    }

    def score(tags):
        steps = sum(given["transitions"][a, b] for a, b in pairwise(tags))
        emitted = sum(given["emissions"][0, t, k] for t, k in enumerate(tags))
        return given["start"][tags[0]] + steps + emitted + given["end"][tags[-1]]

    item, expression = one_item("crf_loss", **given, lengths=[3])  # what is beyond the length plays no part
    expected = np.log(sum(np.exp(score(tags)) for tags in product(range(2), repeat=3))) - score((1, 0, 1))
    assert mpmath.almosteq(oracle.value(expression, item), expected, 1e-14)


def test_what_lies_outside_an_array_is_not_read():
    a_loss = walk_loss.variants[0]
    (item,) = environments(a_loss, {"scores": np.zeros((1, 3, 2)), "lengths": np.array([2])}, {})
    assert mpmath.almosteq(oracle.value(a_loss.expression, item), -mpmath.log(2), 1e-15)

    @loss
    def beyond_loss(scores: Logit[T, K], lengths: Length[T] = -1):
        """Reads the entry behind the last one."""
        t, k = T.index(), K.index("k")

        @recurrence(t, k)
        def alpha(alpha):
            return Piecewise((1, Eq(t, 0)), (alpha[t - 1, k] * exp(scores[t + 1, k]), True))

        return -log(alpha[T.size - 1, 0])

    (item,) = environments(beyond_loss.variants[0], {"scores": np.zeros((1, 3, 2)), "lengths": np.array([3])}, {})
    with pytest.raises(IndexError, match=r"entry \(3, 0\)"):
        oracle.value(beyond_loss.variants[0].expression, item)


class Wrong:
    """A surface with what comes out of the oracle, and one mistake."""

    name, flushes = "NumPy", False

    def __init__(self, exact, mistake):
        self.exact, self.mistake = exact, mistake

    def found(self, loss, variant, given, parameters, directions):
        shape = given["scores"].shape
        found = {
            "value": {"": np.array([float(t.value) for t in self.exact])},
            "gradient": {
                "scores": np.array([list(map(float, t.gradient["scores"])) for t in self.exact]).reshape(shape)
            },
        }
        self.mistake(found)
        return found


def infinite_as_number(found):
    found["value"][""][1] = 1e30


def moving_without_a_path(found):
    found["gradient"]["scores"][1, 0, 0] = 1e-300


def off_by_a_share(found):
    found["gradient"]["scores"][0, 1, 1] += 2e-12


def relative_error(found):
    found["value"][""][0] *= 1 + 2e-12


@pytest.mark.parametrize(
    "mistake, kind",
    [
        (lambda found: None, None),
        (infinite_as_number, "value"),
        (relative_error, "value"),
        (moving_without_a_path, "gradient"),
        (off_by_a_share, "gradient"),
    ],
)
def test_the_measure_sees_mistakes(mistake, kind):
    variant = walk_loss.variants[0]
    scores = np.random.default_rng(5).normal(size=(2, 3, 3))
    scores[1, :, 0] = np.inf  # its end is not reached
    arrays = {"scores": scores, "lengths": np.array([3, 2])}
    exact = [oracle.truths(variant.expression, e, ["scores"])[0] for e in environments(variant, arrays, {})]
    assert exact[1].value == mpmath.inf
    figures = list(compare(walk_loss, variant, [Wrong(exact, mistake)], arrays, {}, np.float64))
    wrong = {f.kind for f in figures if f.excess > 1 or f.nonfinite}
    assert wrong == ({kind} if kind else set())


@pytest.mark.parametrize("name", ["ctc_loss", "rnnt_loss"])
def test_batches_come_back_as_they_went(name):
    variant = LOSSES[name].variants[0]
    arrays = hard_items(variant, np.random.default_rng(6), sizes_for(variant))
    back = as_batch(variant, as_given(variant, arrays))
    for argument in variant.arguments:
        np.testing.assert_array_equal(back[argument.name], arrays[argument.name])
    joined = as_given(variant, arrays, joined=True)["targets"]
    assert joined.shape == (arrays["target_lengths"].sum(),) and joined.min() >= 0


def test_hard_items_reach_everything():
    """Among them are items without frames, without labels, without a path; and what lies beyond the lengths is no number."""
    variant = LOSSES["ctc_loss"].variants[0]
    arrays = hard_items(variant, np.random.default_rng(7), sizes_for(variant))
    values = [oracle.value(variant.expression, e) for e in environments(variant, arrays, {"blank": 0})]
    assert 0 in arrays["input_lengths"] and 0 in arrays["target_lengths"]
    assert any(map(mpmath.isinf, values)) and any(v < 1e-6 for v in values) and any(50 < v < mpmath.inf for v in values)
    assert np.isnan(arrays["log_probs"]).any() and (arrays["targets"] == -1).any()


def test_sequences_are_tried_in_both_forms():
    generated = pytest.importorskip("lossgen.generated")
    a_loss = LOSSES["ctc_loss"]
    ((_, tried),) = surfaces(a_loss, a_loss.variants[0], generated)
    assert {(surface.name, surface.joined) for surface in tried} >= {("NumPy", False), ("NumPy", True)}


def test_ordinary_items_have_a_path():
    for name in ("ctc_loss", "ctc_with_logits_loss", "rnnt_loss"):
        variant = LOSSES[name].variants[0]
        arrays = random_items(variant, np.random.default_rng(8), 9, sizes_for(variant))
        values = [oracle.value(variant.expression, e) for e in environments(variant, arrays, {"blank": 0})]
        assert all(map(mpmath.isfinite, values)), name
