"""The files of pictures: for formulas of any kind, with the same bytes every time, whatever the user's own settings are."""

import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from lossgen.build.errors import BuildError
from lossgen.docs import plots
from lossgen.docs.places import Places
from lossgen.docs.plots.figures import data
from lossgen.formula.load import load_losses

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
