"""A loss over batches of every kind, in a project of its own: class labels here, soft targets there, axes, options."""

import json
import pickle
import sys
from importlib import import_module

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.functional import cross_entropy, log_softmax, softmax

from lossgen.cli.group import lossgen as command
from lossgen.formula.load import load_losses
from lossgen.runtime import LossError, SeparableLoss
from lossgen.verify.comparison import compare
from lossgen.verify.sampling import random_items, settings
from lossgen.verify.surfaces import COLUMNS, surfaces

FORMULA = '''
from lossgen.formula import Abs, Axis, ClassIndex, ClassWeight, Flag, Logit, NonNegative, Prediction, Simplex, Sum, Weight
from lossgen.formula import is_label, log, loss, softmax

C, K = Axis("C"), Axis("K", place="last")
c, k = C.index(), K.index()


@loss(normalizer=lambda target, weight: weight[target] if is_label(target) else 1)
def semi_supervised_loss(
    logits: Logit[C].of("labelled"),
    guess: Logit[K].of("unlabelled"),
    target: (ClassIndex[C] | Simplex[C]).of("labelled"),
    teacher: Simplex[K].of("unlabelled"),
    extra: Prediction.of("regular"),
    weight: ClassWeight[C].of("labelled") = 1,
    scale: Weight.of("unlabelled") = 1,
    squared: Flag = False,
    balance: NonNegative = 2,
):
    """Labels where there are some, a teacher where there are none, and a penalty."""
    supervised = -Sum(target[c] * log(softmax(logits, c)), c)
    if is_label(target):
        supervised = -weight[target] * log(softmax(logits, target))
    soft = softmax(guess, k)
    consistency = scale * Sum((soft - teacher[k]) ** 2 if squared else -teacher[k] * log(soft), k)
    return supervised + balance * (consistency + Abs(extra))
'''

BATCHES = ("labelled", "unlabelled", "regular")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("batches")
    (root / "spec").mkdir()
    (root / "spec" / "mine.py").write_text(FORMULA)
    (root / "pyproject.toml").write_text('[tool.lossgen]\nspec = "spec"\nout = "several_batches"\n')
    run("build", root)
    sys.path.insert(0, str(root))
    yield root
    sys.path.remove(str(root))


@pytest.fixture
def loss(project):
    return import_module("several_batches").semi_supervised_loss


@pytest.fixture
def on_tensors(project):
    return import_module("several_batches.torch").semi_supervised_loss


def run(name, root, *arguments):
    options = ["--spec", str(root / "spec"), "--out", str(root / "several_batches")]
    done = CliRunner().invoke(command, [name, *options, *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def arguments(soft=False, rows=(6, 4, 2), unlabelled=(3, 5, 3), regular=(7,)):
    generator = torch.Generator().manual_seed(3)
    items = (rows[0], *rows[2:])
    target = torch.randint(0, rows[1], items, generator=generator)
    if soft:
        target = softmax(torch.randn(rows, dtype=torch.float64, generator=generator), 1)
    return {
        "logits": torch.randn(rows, dtype=torch.float64, generator=generator),
        "guess": torch.randn(unlabelled, dtype=torch.float64, generator=generator),
        "target": target,
        "teacher": softmax(torch.randn(unlabelled, dtype=torch.float64, generator=generator), -1),
        "extra": torch.randn(regular, dtype=torch.float64, generator=generator),
        "weight": torch.rand(rows[1], dtype=torch.float64, generator=generator) + 0.5,
        "scale": torch.rand(unlabelled[-2], dtype=torch.float64, generator=generator) + 0.5,
    }


def plain(logits, guess, target, teacher, extra, weight, scale, squared=False, balance=2.0, ignore_index=-100):
    if target.dtype == torch.int64:
        supervised = cross_entropy(logits, target, weight, ignore_index=ignore_index)
    else:
        supervised = cross_entropy(logits, target)
    terms = (softmax(guess, -1) - teacher) ** 2 if squared else -teacher * log_softmax(guess, -1)
    return supervised + balance * (scale * terms.sum(-1)).mean() + balance * extra.abs().mean()


@pytest.mark.parametrize("soft, squared", [(False, False), (True, False), (False, True)])
def test_the_mean_is_the_sum_of_means(loss, on_tensors, soft, squared):
    given = arguments(soft)
    options = {"squared": squared, "balance": 0.7}
    if not soft:
        given["target"][0, 0] = options["ignore_index"] = -1
    moving = [n for n in given if n not in ("target", "weight")]
    leaves = {n: t.clone().requires_grad_(n in moving) for n, t in given.items()}
    expected, found = plain(**leaves, **options), on_tensors(**leaves, **options)
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=0)
    wanted = [leaves[n] for n in moving]
    slopes = torch.autograd.grad(expected, wanted)
    torch.testing.assert_close(torch.autograd.grad(found, wanted), slopes, rtol=1e-12, atol=1e-15)
    arrays = {n: t.numpy() for n, t in given.items()}
    value, gradients = loss.value_and_grad(**arrays, **options)
    np.testing.assert_allclose(value, expected.item(), rtol=1e-13)
    for name, gradient in zip(("logits", "guess", "extra"), gradients, strict=True):
        np.testing.assert_allclose(gradient, slopes[moving.index(name)], rtol=1e-12, atol=1e-15)
    gradients = loss.value_and_grad(**arrays, **options, wrt=("teacher", "logits", "scale"))[1]
    for name, gradient in zip(("teacher", "logits", "scale"), gradients, strict=True):
        np.testing.assert_allclose(gradient, slopes[moving.index(name)], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("soft", [False, True])
def test_it_differentiates_twice(on_tensors, soft):
    given = arguments(soft, (3, 3), (2, 3), (4,))
    moving = [n for n in given if n != "target" or soft]
    leaves = [given[n].requires_grad_() for n in moving]

    def function(*tensors):
        return on_tensors(**{**given, **dict(zip(moving, tensors, strict=True))}, squared=soft)

    assert gradcheck(function, leaves)
    assert gradgradcheck(function, leaves)


def test_curvature_has_no_entries_between_batches(loss):
    given = {n: t.numpy() for n, t in arguments(False, (3, 3), (2, 3), (4,)).items()}
    required = [given[n] for n in ("logits", "guess", "target", "teacher", "extra")]
    zeros = [np.zeros_like(given[n]) for n in ("logits", "guess", "extra")]
    for place, name in enumerate(("logits", "guess", "extra")):
        along = [*zeros]
        along[place] = np.ones_like(given[name]) + np.arange(given[name].size).reshape(given[name].shape)
        products = loss.hvp(*required, tuple(along), given["weight"], given["scale"])
        step = 1e-5
        slopes = [
            loss.value_and_grad(**{**given, name: given[name] + sign * step * along[place]})[1] for sign in (1, -1)
        ]
        for k, product in enumerate(products):
            np.testing.assert_allclose(product, (slopes[0][k] - slopes[1][k]) / (2 * step), atol=1e-8)
            assert product.any() == (k == place < 2)
    assert [d.shape for d in loss.hessian_diagonal(**given)] == [(3, 3), (2, 3), (4,)]


def test_axes_are_those_of_the_batches(loss):
    given = {n: t.numpy() for n, t in arguments(False, (6, 4), (3, 5)).items()}
    expected, slopes = loss.value_and_grad(**given)
    turned = {**given, "logits": given["logits"].T, "guess": given["guess"].T, "teacher": given["teacher"].T}
    turned["scale"] = np.ones(1)
    given["scale"] = np.ones(1)
    expected, slopes = loss.value_and_grad(**given)
    value, gradients = loss.value_and_grad(**turned, axis={"C": 0, "K": 0})
    assert value == expected
    np.testing.assert_array_equal(gradients[1], slopes[1].T)
    assert loss(**turned, axis=0) == expected
    with pytest.raises(LossError, match="the name of an axis is 'D', expected one of 'C', 'K'"):
        loss(**given, axis={"D": 0})


def test_weights_masks_and_denominators_by_batch(loss):
    given = {n: t.numpy() for n, t in arguments(False, (6, 4), (3, 5), (7,)).items()}
    given["scale"] = np.ones(1)
    keep = np.array([True, False, True])
    part = {**given, "guess": given["guess"][keep], "teacher": given["teacher"][keep]}
    assert loss(**given, mask={"unlabelled": keep}) == pytest.approx(loss(**part), rel=1e-14)
    doubled = loss(**given, sample_weight={"regular": np.full(7, 2.0), "labelled": np.ones(1)})
    extra = 2 * np.abs(given["extra"]).mean()
    assert doubled - loss(**given) == pytest.approx(extra, rel=1e-12)
    halved = loss(**given, denominator={"regular": 14})
    assert loss(**given) - halved == pytest.approx(extra / 2, rel=1e-12)
    assert loss(**given, denominator=5) == pytest.approx(loss(**given, reduction="sum") / 5, rel=1e-14)


def test_domains_are_those_of_the_arguments(loss):
    given = {n: t.numpy() for n, t in arguments(False, (6, 4), (3, 5), (7,)).items()}
    given["target"][2] = 4
    with pytest.raises(LossError, match=r"semi_supervised_loss: target\[2\] is 4, expected a label in 0 ... 3"):
        loss(**given)
    given["target"][2] = 0
    given["teacher"][1, 1] = 2
    with pytest.raises(LossError, match=r"semi_supervised_loss: teacher"):
        loss(**given)
    with pytest.raises(LossError, match="semi_supervised_loss: extra is missing"):
        loss(**{**given, "teacher": np.full((3, 5), 0.2), "extra": None})


def test_modules_hold_the_weights_of_all_batches(project, on_tensors):
    module = import_module("several_batches.torch").SemiSupervisedLoss
    given = arguments()
    held = {n: given.pop(n) for n in ("weight", "scale")}
    built = module(**held, squared=True)
    expected = on_tensors(**given, **held, squared=True)
    assert torch.equal(built(**given), expected)
    assert set(built.state_dict()) == {"weight", "scale"}
    mask = {"regular": given["extra"] > 0}
    assert torch.equal(built(**given, mask=mask), on_tensors(**given, **held, squared=True, mask=mask))
    assert torch.equal(pickle.loads(pickle.dumps(built))(**given), expected)


def test_it_compiles_in_one_graph(on_tensors):
    given = arguments(False, (3, 3), (2, 3), (4,))
    given["logits"].requires_grad_()
    mask = given["extra"] > 0
    compiled = torch.compile(
        lambda mask, **xs: on_tensors(**xs, mask={"regular": mask}), fullgraph=True, backend="aot_eager"
    )
    found, expected = compiled(mask, **given), on_tensors(**given, mask={"regular": mask})
    torch.testing.assert_close(found, expected)
    slopes = [torch.autograd.grad(value, given["logits"])[0] for value in (found, expected)]
    torch.testing.assert_close(*slopes)


def test_the_batches_are_losses_of_their_own(loss):
    assert isinstance(loss, SeparableLoss) and tuple(loss.parts) == BATCHES
    assert loss.batch_of["scale"] == "unlabelled"
    copy = pickle.loads(pickle.dumps(loss))
    given = {n: t.numpy() for n, t in arguments().items()}
    assert copy(**given) == loss(**given)


def test_verification_covers_every_batch(project):
    (formula,) = load_losses(project / "spec").values()
    variant = next(v for v in formula.variants if v.label == "indices_squared")
    found = list(surfaces(formula, variant, import_module("several_batches")))
    assert [piece.label for piece, _ in found] == [f"indices_squared_{batch}" for batch in BATCHES]
    for piece, every in found:
        arrays = random_items(piece, np.random.default_rng(1), 3, {"C": 4, "K": 3})
        figures = list(compare(formula, piece, every, arrays, settings(formula, piece)[0], np.float64))
        assert {f.surface for f in figures} == {c.name for c in COLUMNS if c.available and c.has(piece)}
        assert {f.quantity for f in figures} >= {"value", *(f"gradient of {a.name}" for a in piece.differentiable)}
        assert all(f.relative < 1e-11 and not f.nonfinite for f in figures), figures


def test_the_command_line_shows_batches(project):
    shown = run("show", project, "semi_supervised_loss", "--gradient")
    called = (
        "The part of the batch labelled, with target (the number of the right class, from 0), squared=False; and the"
    )
    assert called in " ".join(shown.split())
    assert "The part of the batch unlabelled, with squared=True:" in shown
    (row,) = json.loads(run("list", project, "--json"))
    assert row["arguments"]["guess"] == ["Logit[K].of('unlabelled')"]
    assert "@njit" in run("show", project, "semi_supervised_loss", "--kernel", "cpu")
