"""LaTeX as MathML: what TeX sets, MathML Core must be told."""

from xml.etree import ElementTree

import pytest

from lossgen.build.errors import BuildError
from lossgen.docs import mathml
from lossgen.docs.mathml import display, inline


def tree(latex):
    return ElementTree.fromstring(inline(latex))


def tokens(latex):
    """The letters, numbers, signs and spaces of a formula in order: (tag, text, form)."""
    return [(n.tag, n.text, n.get("form")) for n in tree(latex).iter() if not len(n) and (n.text or n.tag == "mspace")]


@pytest.mark.parametrize(
    "latex, words",
    [
        (r"\mathit{log\_probs}_{t}", ["log_probs", "t"]),
        (r"\mathrm{input} \, x", ["input", "x"]),
        (r"\operatorname{softmax}(x)", ["softmax", "x"]),
        (r"\operatorname{log1p} x", ["log1p", "x"]),
        (r"\operatorname*{arg\,max}_{c} x", ["arg\u2009max", "c", "x"]),
        (r"a b", ["a", "b"]),
        (
            r"\mathbb{1} \mathbf{z} \boldsymbol{z} \mathbb{R} \mathcal{L} \boldsymbol{\alpha}",
            ["𝟙", "𝐳", "𝒛", "ℝ", "ℒ", "𝜶"],
        ),
        (r"\infty", ["∞"]),
        (r"\partial \ell / \partial \log x", ["∂", "ℓ", "/", "∂", "log", "x"]),
    ],
)
def test_words_are_one_name_and_alphabets_are_letters(latex, words):
    assert [text for tag, text, _ in tokens(latex) if tag in ("mi", "mn")] == words


@pytest.mark.parametrize(
    "latex, gaps",
    [
        (r"\log x", 1),
        (r"\log (x)", 0),
        (r"\log \left(x\right)", 0),
        (r"2 \log (x)", 1),
        (r"\log x \cdot \exp y", 2),
        (r"\max_{c} x", 1),
        (r"\log \frac{1}{2}", 1),
        (r"(x) \log (y)", 1),
        (r"\mathit{input} x", 0),
        (r"f\!\left(x\right)", 0),
    ],
)
def test_functions_stand_off_from_what_has_no_brackets(latex, gaps):
    assert sum(tag == "mspace" for tag, _, _ in tokens(latex)) == gaps


@pytest.mark.parametrize(
    "latex, forms",
    [
        ("-x", ["prefix"]),
        ("a - b", [None]),
        ("a = -b", ["prefix"]),
        ("a (-b)", ["prefix"]),
        ("(a) - b", [None]),
        ("(a)^{2} - b", [None]),
        (r"\left|a\right| - b", [None]),
        (r"e^{-x}", ["prefix"]),
        (r"a \cdot - b", ["prefix"]),
    ],
)
def test_a_sign_is_told_from_a_difference(latex, forms):
    assert [form for _, text, form in tokens(latex) if text == "−"] == forms


def test_signs_in_braces_are_one_sign():
    assert [text for tag, text, _ in tokens(r"a {+}{=} b")] == ["a", "+=", "b"]
    assert [text for tag, text, _ in tokens(r"x^{-} + {-}b")] == ["x", "−", "+", "−", "b"]


def test_bars_open_and_close():
    bars = [form for _, text, form in tokens(r"\lvert a \rvert - |b|^2") if text == "|"]
    assert bars == ["prefix", "postfix", "prefix", "postfix"]


def test_brackets_grow_around_what_is_tall_only():
    low, tall = tree(r"\left(a - b\right)"), tree(r"\left(\frac{a}{b}\right)")
    assert {n.get("stretchy") for n in low.iter("mo") if n.text in "()"} == {"false"}
    assert {n.get("stretchy") for n in tall.iter("mo") if n.text in "()"} == {"true"}


def test_the_scripts_of_a_sum_move_below_and_above_it():
    assert [n.tag for n in tree(r"\sqrt{\sum_{c=1}^{C} x_c^2}").iter() if n.tag.startswith("munder")] == ["munderover"]


def test_lines_are_aligned_and_nested_cases_keep_their_own_columns():
    lines = (r"a &= \begin{cases} 1 & x < 0 \\ 2 & \text{else} \end{cases}", r"& - \frac{b}{c}")
    outer, inner = ElementTree.fromstring(display(lines)).iter("mtable")
    assert [[cell.get("columnalign") for cell in row] for row in outer] == [["right", "left"]] * 2
    assert outer.get("displaystyle") == "true" and [len(row) for row in inner] == [2, 2]
    minus = [n for n in outer[1].iter("mo") if n.text == "−"]
    assert [n.get("form") for n in minus] == [None]  # a line that goes on with a difference


def test_a_row_that_ends_in_an_empty_cell_is_kept():
    nested = r"\begin{cases} a & x \\ + \begin{cases} 7 & y \\ 8 & \end{cases} & \end{cases}"
    assert [text for tag, text, _ in tokens(nested) if tag == "mn"] == ["7", "8"]


def test_a_cell_that_is_lost_is_an_error(monkeypatch):
    monkeypatch.setattr(mathml, "SPELLINGS", ())
    with pytest.raises(BuildError, match="cells of a table are lost in MathML"):
        inline(r"\begin{cases} a & x \\ b & \end{cases}")


@pytest.mark.parametrize(
    "latex",
    [r"\nosuchcommand{x}", r"\frac{a}", r"\begin{cases} a", r"\begin", r"\text{\Pi}", r"\left(x", r"\left", r"x^"],
)
def test_what_has_no_mathml_is_an_error_that_shows_the_formula(latex):
    with pytest.raises(BuildError, match="formula") as error:
        inline(latex)
    assert repr(latex) in str(error.value) and "\n" not in str(error.value)


def test_without_the_library_the_error_says_what_to_install(monkeypatch):
    mathml.converter.cache_clear()
    monkeypatch.setattr(mathml, "find_spec", lambda name: None)
    with pytest.raises(BuildError, match=r"latex2mathml, which is not installed: pip install lossgen\[docs\]"):
        inline("x")


def test_text_keeps_its_characters():
    assert [text for tag, text, _ in tokens(r"\text{if \& a\_b}") if tag == "mtext"] == ["if\xa0&\xa0a_b"]
    assert [text for _, text, _ in tokens("a < b > c")] == ["a", "<", "b", ">", "c"]
