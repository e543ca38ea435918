"""Pictures of losses: their numbers against other arithmetic, which loss gets which picture, and what the files hold."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mpmath import mpf

from lossgen.build.errors import BuildError
from lossgen.docs import plots
from lossgen.docs.places import Places
from lossgen.docs.plots.figures import data
from lossgen.formula.load import load_losses
from lossgen.verify import oracle

ROOT = Path(plots.__file__).parents[3]

#: A loss that is like none of the catalogue, and a recurrence with an offset of two.
NEW = '''
from lossgen.formula import Axis, Eq, Logit, Piecewise, Positive, Prediction, Real, Sum, exp, log, loss, recurrence, sqrt

T = Axis("T", place="last")
K = Axis("K", place="last")


@loss
def welsch_loss(input: Prediction, target: Real, width: Positive = 2):
    """Bounded."""
    return width**2 / 2 * (1 - exp(-(((input - target) / width) ** 2)))


@loss
def jumps_loss(x: Logit[T, K]):
    """Steps over one state."""
    t, k = T.index(), K.index()

    @recurrence(t, k)
    def a(a):
        y = exp(x[t, k])
        return Piecewise((y, Eq(t, 0)), (y * (a[t - 1, k] + a[t - 1, k - 2]), True))

    return -log(Sum(a[T.size - 1, k], k))


@loss
def boxes_loss(x: Logit[T, K]):
    """Cells of three indices."""
    t, i, j = T.index(), K.index("i"), K.index("j")

    @recurrence(t, i, j)
    def a(a):
        y = exp(x[t, i] + x[t, j])
        return Piecewise((y, Eq(t, 0)), (y * (a[t - 1, i, j] + a[t - 1, i - 1, j]), True))

    return -log(Sum(Sum(a[T.size - 1, i, j], i), j))


@loss
def reach_loss(input: Prediction[K]):
    """How far an embedding lies from nothing, less a constant: below 0 near it, with a gradient of length 1."""
    k = K.index()
    return sqrt(Sum(input[k] ** 2, k)) - 1
'''


@pytest.fixture(scope="module")
def losses():
    return load_losses(ROOT / "spec")


@pytest.fixture(scope="module")
def new(tmp_path_factory):
    spec = tmp_path_factory.mktemp("spec")
    (spec / "mine.py").write_text(NEW)
    return load_losses(spec)


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


def test_a_new_formula_gets_its_pictures(new, tmp_path):
    (welsch,) = plots.draw(new["welsch_loss"], Places(tmp_path))
    assert welsch.stem == "welsch_loss-curves" and "for width = 4" in welsch.alternative
    (jumps,) = plots.draw(new["jumps_loss"], Places(tmp_path))
    assert jumps.stem == "jumps_loss-lattice" and "(−1, −2)" in jumps.alternative
    for stem in (welsch.stem, jumps.stem):
        assert (tmp_path / "latex" / "figures" / f"{stem}.pdf").read_bytes().startswith(b"%PDF")
        assert (tmp_path / "html" / "figures" / f"{stem}.svg").read_text().startswith("<?xml")


SCRIPT = """
import sys
from pathlib import Path
from lossgen.docs.places import Places
from lossgen.docs.plots import draw
from lossgen.formula.load import load_losses
losses = load_losses(Path(sys.argv[1]))
for name in ("huber_loss", "focal_loss", "ctc_loss"):
    draw(losses[name], Places(Path(sys.argv[2])))
"""


def test_files_have_the_same_bytes_every_time_and_are_vector_graphics(tmp_path):
    for seed in ("1", "2"):
        subprocess.run(
            [sys.executable, "-c", SCRIPT, str(ROOT / "spec"), str(tmp_path / seed)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
        )
    first, second = ({p.relative_to(tmp_path / s): p.read_bytes() for p in (tmp_path / s).rglob("*.*")} for s in "12")
    assert first == second and len(first) == 8
    for path, content in first.items():
        assert b"<image" not in content and b"/Subtype /Image" not in content, path
        assert b"CreationDate" not in content and b"dc:date" not in content, path


def test_without_matplotlib_one_line_says_what_to_install(losses, tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    with pytest.raises(
        BuildError, match=r"^pictures need matplotlib, which is not installed: pip install lossgen\[docs\]$"
    ):
        plots.draw(losses["mse_loss"], Places(tmp_path))


def test_the_users_own_settings_of_matplotlib_are_left_alone(losses, tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    with matplotlib.rc_context({"font.size": 31, "axes.grid": True}):
        before = dict(matplotlib.rcParams)
        plots.draw(losses["mse_loss"], Places(tmp_path / "1"))
        assert dict(matplotlib.rcParams) == before
    plots.draw(losses["mse_loss"], Places(tmp_path / "2"))
    stem = "figures/mse_loss-curves.svg"
    assert (tmp_path / "1/html" / stem).read_bytes() == (tmp_path / "2/html" / stem).read_bytes()


def test_a_new_recurrence_of_three_indices_and_a_gradient_of_one_length(new, tmp_path):
    ((boxes,), _, _) = data(new["boxes_loss"])
    assert boxes.sizes == (6, 3, 3) and len(boxes.arrows) == 5 * (9 + 6)
    (reach,) = data(new["reach_loss"])[1]
    assert sorted(np.unique(reach.steepness)) == [0, 1] and reach.loss.min() == -1
    for name in ("boxes_loss", "reach_loss"):
        assert plots.draw(new[name], Places(tmp_path))[0].stem.startswith(name)
