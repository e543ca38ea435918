"""The handbook, compiled by a real TeX: all of it fits, everything it refers to is there, and the bytes are the same again."""

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import lossgen
from lossgen.build.errors import BuildError
from lossgen.cli.group import lossgen as command
from lossgen.docs.compiling import compile_pdf
from lossgen.docs.places import Places
from lossgen.formula.load import load_losses

ROOT = Path(lossgen.__file__).parent.parent
SPEC, PACKAGE = ROOT / "spec", ROOT / "generated"

needs_tex = pytest.mark.skipif(
    not (shutil.which("latexmk") and shutil.which("pdflatex")), reason="latexmk or pdflatex is not installed"
)

FORMULA = r'''
from lossgen.formula import Prediction, Real, loss


@loss(paper="Nobody 2001, 50 % of A & B_c {#1} $x$ \\input, arXiv:1708.02002")
def nasty_loss(input: Prediction, target: Real):
    """A loss with 損失, "quotes", x^2, a_b, 100 %, A & B, #1, {braces}, $5, ~ and \\section.

    Use it for σ̂ ≠ ŷ. Strength: `code_with % & # { } ^ ~ "`. Weakness: as `other_loss`.
    """
    return (input - target) ** 2
'''


def run(*arguments: str) -> None:
    done = CliRunner().invoke(command, ["docs", *arguments])
    assert done.exit_code == 0, done.output


def problems(log: Path) -> list[str]:
    """What a careful typesetter would not let pass."""
    text = log.read_text(encoding="utf-8", errors="replace")
    wide = [m.group() for m in re.finditer(r"Overfull \\[hv]box \(([\d.]+)pt.*", text) if float(m.group(1)) > 5]
    return wide + re.findall(r".*(?:undefined|Missing character|multiply defined|Rerun to get).*", text)


@pytest.fixture(scope="session")
def whole(handbook) -> Path:
    """The handbook of the whole catalogue, compiled."""
    compile_pdf(handbook)
    return handbook.root


@needs_tex
def test_the_whole_handbook_fits_its_pages_and_refers_to_nothing_that_is_not_there(whole):
    assert problems(whole / "latex" / "handbook.log") == []
    assert (whole / "handbook.pdf").read_bytes().startswith(b"%PDF")


@needs_tex
def test_every_loss_has_its_page_and_its_place_in_the_table_for_choosing(whole):
    labels, index = ((whole / "latex" / f"handbook.{end}").read_text() for end in ("aux", "ind"))
    table = (whole / "latex" / "handbook.tex").read_text().split("\\lossgenfamily")[0]
    for name, loss in load_losses(SPEC).items():
        assert f"\\newlabel{{loss:{name}}}" in labels, name
        assert f"\\item \\texttt{{{loss.module}}}" in index and f"\\lossgenname{{{name}}}" in table, name
        assert (whole / "latex" / "accuracy" / f"{name}.tex").is_file()


@needs_tex
def test_the_same_sources_give_the_same_bytes(tmp_path):
    chosen = ("mse_loss", "cross_entropy", "--pdf", "--spec", str(SPEC), "--package", str(PACKAGE))
    for folder in ("one", "two"):
        run(*chosen, "--out", str(tmp_path / folder))
    one, two = (
        {
            path.relative_to(tmp_path / f): path.read_bytes()
            for path in sorted((tmp_path / f).rglob("*"))
            if path.suffix in (".tex", ".pdf")
        }
        for f in ("one", "two")
    )
    assert one == two and len(one) > 8
    assert not (tmp_path / "one" / "html").exists()  # nobody asked for it
    assert b"CreationDate" not in one[Path("handbook.pdf")]


@needs_tex
def test_a_new_formula_gets_its_page_whatever_its_author_writes(tmp_path):
    (tmp_path / "formulas" / "own_family").mkdir(parents=True)
    (tmp_path / "formulas" / "own_family" / "nasty.py").write_text(FORMULA, encoding="utf-8")
    where = ("--spec", str(tmp_path / "formulas"), "--package", str(tmp_path / "mine"), "--out", str(tmp_path / "book"))
    run("--pdf", "--html", *where)
    latex = tmp_path / "book" / "latex"
    assert problems(latex / "handbook.log") == []
    assert "Own family" in (latex / "handbook.toc").read_text()
    assert "not measured" in (latex / "accuracy" / "nasty_loss.tex").read_text()
    assert "from mine import nasty_loss" in (latex / "nasty_loss.tex").read_text()
    assert "not measured" in (tmp_path / "book" / "html" / "nasty_loss.html").read_text()


def test_without_latexmk_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    done = CliRunner().invoke(
        command,
        ["docs", "l2_loss", "--pdf", "--out", str(tmp_path / "out"), "--spec", str(SPEC), "--package", str(PACKAGE)],
    )
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert "needs latexmk" in line and "apt-get install latexmk texlive-latex-base" in line


@needs_tex
@pytest.mark.parametrize(
    "source, expected",
    [
        (
            "\\usepackage{nosuchpackage}\\begin{document}\\end{document}",
            "LaTeX lacks nosuchpackage.sty: install it, on Debian",
        ),
        (
            "\\begin{document}\\nosuchcommand\\end{document}",
            "LaTeX stopped: ./handbook.tex:1: Undefined control sequence",
        ),
    ],
)
def test_what_stops_latex_is_one_line(tmp_path, source, expected):
    places = Places(tmp_path)
    places.latex.mkdir()
    (places.latex / "handbook.tex").write_text("\\documentclass{article}" + source)
    with pytest.raises(BuildError, match=re.escape(expected)) as caught:
        compile_pdf(places)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_is_an_error_that_suggests_one():
    done = CliRunner().invoke(command, ["docs", "mse_los", "--spec", str(SPEC), "--package", str(PACKAGE)])
    assert done.exit_code == 2 and "did you mean mse_loss?" in done.stderr
