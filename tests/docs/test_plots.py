"""Pictures of losses: their numbers against other arithmetic, and which loss gets which picture."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mpmath import mpf

from lossgen.docs import plots
from lossgen.docs.plots.figures import data
from lossgen.formula.load import load_losses
from lossgen.verify import oracle

ROOT = Path(plots.__file__).parents[3]


@pytest.fixture(scope="module")
def losses():
    return load_losses(ROOT / "spec")


@pytest.fixture(scope="module")
def everything(losses):
    """The numbers of every picture of the catalogue."""
    return {name: data(loss) for name, loss in losses.items()}


def item(numbers, leaf, x):
    """The numbers of one point, as the oracle takes them."""
    found = {}
    for name, value in numbers.items():
        row = np.array(value, float)
        if name == leaf.argument.name:
            row[leaf.position] = x
        found[name] = [mpf(float(v)) for v in row] if row.ndim else value if isinstance(value, int) else mpf(float(row))
    return found


def test_every_curve_is_the_raw_formula_and_its_derivative(everything):
    """At points away from the corners, in many digits on what the author wrote."""
    checked = 0
    for name, (_, _, sections) in everything.items():
        for k, (section, curve) in enumerate((s, c) for s in sections for c in s.curves):
            point = (40, 171, 260)[k % 3]
            leaf, numbers = section.leaf, item(curve.reading.numbers, section.leaf, section.x[point])
            truth = oracle.truths(curve.reading.variant.expression, numbers, (leaf.argument.name,))[0]
            slope = truth.gradient[leaf.argument.name][leaf.position[0] if leaf.position else 0]
            assert float(truth.value) == pytest.approx(curve.loss[point], rel=1e-6, abs=1e-9), (name, curve.name)
            assert float(slope) == pytest.approx(curve.slope[point], rel=1e-6, abs=1e-9), (name, curve.name)
            checked += 1
    assert checked > 200


def test_curves_of_hyperparameters_are_those_of_torch(everything):
    (huber,) = everything["huber_loss"][2]
    for curve in huber.curves:
        x = torch.tensor(huber.x, requires_grad=True)
        loss = torch.nn.functional.huber_loss(x, torch.zeros_like(x), delta=curve.value, reduction="none")
        loss.sum().backward()
        np.testing.assert_allclose(curve.loss, loss.detach().numpy(), rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(curve.slope, x.grad.numpy(), rtol=1e-6, atol=1e-9)
    assert [curve.value for curve in huber.curves] == [0.5, 1, 2]


def test_a_map_is_the_loss_over_the_simplex(everything):
    of_index, of_shares = everything["cross_entropy"][1]
    p = of_index.shares
    np.testing.assert_allclose(of_index.loss, -np.log(p[:, 0]), rtol=1e-6)
    np.testing.assert_allclose(of_index.steepness, np.linalg.norm(p - [1, 0, 0], axis=1), rtol=1e-6)
    np.testing.assert_allclose(of_shares.loss, -(np.log(p) @ [0.6, 0.3, 0.1]), rtol=1e-6)
    np.testing.assert_allclose(of_shares.steepness, np.linalg.norm(p - [0.6, 0.3, 0.1], axis=1), rtol=1e-5, atol=1e-7)


def test_the_lattice_of_ctc_is_the_one_of_the_paper(everything):
    """Labels 1, 2, 2: a blank may be left out before another label, not before the same one."""
    (picture,) = everything["ctc_loss"][0]
    assert picture.sizes == (6, 7)
    assert picture.rows == ("blank", "class 1", "blank", "class 2", "blank", "class 2", "blank")
    assert picture.first == {(0, 0), (0, 1)} and picture.final == {(5, 5), (5, 6)}
    skips = {(a[1], b[1]) for a, b in picture.arrows if b[1] - a[1] == 2}
    assert skips == {(1, 3)}
    assert {b[1] - a[1] for a, b in picture.arrows} == {0, 1, 2} and {b[0] - a[0] for a, b in picture.arrows} == {1}
    for t in range(6):  # every path goes through one cell of each frame
        assert sum(w for (at, _), w in picture.weight.items() if at == t) == pytest.approx(1, abs=1e-5)


def test_the_lattices_of_other_recurrences(everything):
    (rnnt,), (crf,), (dtw,) = (everything[f"{name}_loss"][0] for name in ("rnnt", "crf", "soft_dtw"))
    steps = [{tuple(np.subtract(b, a)) for a, b in p.arrows} for p in (rnnt, dtw)]
    assert steps == [{(1, 0), (0, 1)}, {(1, 0), (0, 1), (1, 1)}]
    assert len(crf.arrows) == 5 * 4 * 4 and len(crf.wanted) == 6
    assert rnnt.rows == ("", "class 1", "class 2", "class 2")
    assert dtw.first == {(0, 0)} and dtw.final == {(5, 3)} and dtw.weight[0, 0] == pytest.approx(1)


@pytest.mark.parametrize(
    "name, kinds",
    [
        ("mse_loss", "curves"),
        ("cross_entropy", "map curves"),
        ("categorical_cross_entropy", "map curves"),
        ("multi_margin_loss", "map curves"),
        ("triplet_margin_loss", "map curves"),
        ("dice_loss", "curves"),
        ("gan_discriminator_loss", "curves"),
        ("ctc_loss", "lattice"),
    ],
)
def test_each_kind_of_loss_gets_its_kind_of_picture(everything, name, kinds):
    found = [kind for kind, parts in zip(("lattice", "map", "curves"), everything[name], strict=True) if parts]
    assert found == kinds.split()


def test_every_loss_has_a_picture_and_no_curve_is_empty(everything):
    for name, parts in everything.items():
        assert any(parts), name
        for section in parts[2]:
            for curve in section.curves:
                assert np.isfinite(curve.loss).mean() > 0.95 and np.isfinite(curve.slope).mean() > 0.9, (
                    name,
                    curve.name,
                )


def test_every_hyperparameter_that_shows_is_drawn(everything, losses):
    """What cannot be seen is too small beside the errors that are drawn, or is not among the curves of its kind of loss."""
    unseen = {
        (name, setting)
        for name, (_, _, sections) in everything.items()
        for setting in losses[name].settings
        if sections and setting not in {c.name for s in sections for c in s.curves}
    }
    conditions = {(n, s) for n, s in unseen if s in ("log_input", "log_target", "likelihood")}
    assert unseen - conditions == {
        ("mape", "eps"),
        ("poisson_nll_loss", "eps"),
        ("triplet_margin_loss", "eps"),
        ("gaussian_nll_loss", "eps"),
    }
