"""Adding a loss touches one new file: a project of its own, with its own spec folder and a package of another name."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import lossgen

FORMULA = '''
from lossgen.formula import Abs, Axis, Flag, Logit, Option, Positive, Prediction, Real, Simplex, Sum, exp, log, loss, softmax

C = Axis("C")
c = C.index()


@loss(paper="Dennis and Welsch 1978")
def welsch_loss(input: Prediction, target: Real, scale_: Positive = 1.5):
    """A robust loss that levels off for outliers."""
    return scale_ ** 2 / 2 * (1 - exp(-((input - target) / scale_) ** 2))


@loss
def renyi_loss(input: Logit[C], target: Simplex[C], order: Positive = 0.5):
    """The Renyi divergence of the softmax from the target."""
    return log(Sum(target[c] ** order * softmax(input, c) ** (1 - order), c)) / (order - 1)


@loss
def power_loss(
    input: Prediction,
    target: Real,
    p: Option(2, other=Positive) = 2,
    relative: Flag = False,
    shape: Option("plain", "exponential") = "plain",
    factor: Positive = 3,
):
    """A power of the error, in several forms."""
    error = Abs(input - target) ** p / (target**2 if relative else factor)
    return error if shape == "plain" else 1 - exp(-error)
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("project")
    (root / "formulas" / "robust").mkdir(parents=True)
    (root / "formulas" / "robust" / "mine.py").write_text(FORMULA)
    (root / "pyproject.toml").write_text('[tool.lossgen]\nspec = "formulas"\nout = "my_losses"\n')
    before = compiler_files()
    built = subprocess.run([sys.executable, "-m", "lossgen", "build"], cwd=root, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    assert compiler_files() == before
    sys.path.insert(0, str(root))
    yield root
    sys.path.remove(str(root))


def compiler_files() -> dict[str, bytes]:
    root = Path(lossgen.__file__).parent
    return {str(p): p.read_bytes() for p in root.rglob("*") if p.suffix in (".py", ".jinja")}


def test_it_has_a_page(project):
    text = (project / "my_losses" / "latex" / "welsch_loss.tex").read_text()
    for part in (
        "levels off for outliers",
        "from my_losses import welsch_loss",
        "\\lossgenpart{Gradient}",
    ):
        assert part in text, part
    key, shown = re.search(r"\\lossgensource\{(dennis1978-\w+)\}\{(.+)\}", text).groups()
    assert "Dennis and Welsch 1978" in shown
    assert f"\\bibitem{{{key}}} {shown}" in (project / "my_losses" / "latex" / "bibliography.tex").read_text()


def test_it_trains(project):
    from my_losses import welsch_loss

    rng = np.random.default_rng(7)
    x = rng.normal(size=(400, 3))
    truth = np.array([1.0, -2.0, 0.5])
    y = x @ truth + 0.01 * rng.normal(size=400)
    y[:40] += 30  # outliers, which least squares would follow
    w = np.zeros(3)
    for _ in range(400):
        _, slope = welsch_loss.value_and_grad(x @ w, y, scale_=2.0)
        w -= 1.0 * (slope @ x)
    assert np.abs(w - truth).max() < 0.01
    assert np.abs(np.linalg.lstsq(x, y, rcond=None)[0] - truth).max() > 0.05


def test_its_values_and_gradients_are_those_of_the_plain_formula(project):
    from my_losses import renyi_loss, welsch_loss

    rng = np.random.default_rng(8)
    x, y = rng.normal(size=(2, 50))
    t = torch.tensor(x, requires_grad=True)
    plain = (2.0**2 / 2 * (1 - torch.exp(-(((t - torch.tensor(y)) / 2.0) ** 2)))).mean()
    plain.backward()
    value, slope = welsch_loss.value_and_grad(x, y, scale_=2.0)
    np.testing.assert_allclose(value, plain.item(), rtol=1e-13)
    np.testing.assert_allclose(slope, t.grad.numpy(), rtol=1e-12, atol=1e-16)

    x, q = rng.normal(size=(20, 7)), rng.dirichlet(np.ones(7), 20)
    t = torch.tensor(x, requires_grad=True)
    plain = (torch.log((torch.tensor(q) ** 0.5 * torch.softmax(t, 1) ** 0.5).sum(1)) / (0.5 - 1)).mean()
    plain.backward()
    value, slope = renyi_loss.value_and_grad(x, q)
    np.testing.assert_allclose(value, plain.item(), rtol=1e-12)
    np.testing.assert_allclose(slope, t.grad.numpy(), rtol=1e-10, atol=1e-15)


def test_its_torch_module_is_there_and_differentiates_twice(project):
    from my_losses.torch import WelschLoss

    x = torch.randn(6, dtype=torch.float64, generator=torch.Generator().manual_seed(3), requires_grad=True)
    y = torch.zeros(6, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda a: WelschLoss()(a, y), (x,))
    assert torch.autograd.gradgradcheck(lambda a: WelschLoss()(a, y), (x,))


def plain_power(x, y, p=2, relative=False, shape="plain", factor=3.0):
    error = (x - y).abs() ** p / (y**2 if relative else factor)
    return (error if shape == "plain" else 1 - torch.exp(-error)).mean()


@pytest.mark.parametrize("p", [2, 2.0, 3.5])
@pytest.mark.parametrize("relative", [False, True, np.True_])
@pytest.mark.parametrize("shape", ["plain", "exponential"])
def test_options_choose_their_formula(project, p, relative, shape):
    from my_losses.torch import PowerLoss, power_loss

    x = torch.randn(9, dtype=torch.float64, generator=torch.Generator().manual_seed(3), requires_grad=True)
    y = torch.linspace(1, 2, 9, dtype=torch.float64)
    given = {"p": p, "relative": relative, "shape": shape, "factor": 4.0}
    (slope,) = torch.autograd.grad(plain_power(x, y, **given), x)
    for found in (power_loss(x, y, **given), PowerLoss(**given)(x, y)):
        torch.testing.assert_close(found, plain_power(x, y, **given), rtol=1e-13, atol=0)
        torch.testing.assert_close(torch.autograd.grad(found, x)[0], slope, rtol=1e-12, atol=1e-15)


def test_wrong_options_are_one_line(project):
    from my_losses import power_loss

    x = np.ones(3)
    for given, words in (
        ({"p": -1}, "power_loss: p is -1, expected 2 or a finite number greater than 0"),
        ({"p": "2"}, "power_loss: p is '2', expected 2 or a finite number greater than 0"),
        ({"relative": 2}, "power_loss: relative is 2, expected False or True"),
        ({"relative": None}, "power_loss: relative is None, expected False or True"),
        ({"shape": "round"}, "power_loss: shape is 'round', expected 'plain' or 'exponential'"),
        ({"shape": ["plain"]}, r"power_loss: shape is \['plain'\], expected 'plain' or 'exponential'"),
    ):
        with pytest.raises(ValueError, match=words):
            power_loss(x, x, **given)


def test_check_is_clean_and_then_finds_what_is_stale(project):
    def check():
        return subprocess.run(
            [sys.executable, "-m", "lossgen", "build", "--check"], cwd=project, capture_output=True, text=True
        )

    assert check().returncode == 0
    formula = project / "formulas" / "robust" / "mine.py"
    text = formula.read_text()
    formula.write_text(text.replace("scale_ ** 2 / 2", "scale_ ** 2"))
    stale = check()
    formula.write_text(text)
    assert stale.returncode == 1
    assert "welsch_loss" in stale.stdout and "+++" in stale.stdout
