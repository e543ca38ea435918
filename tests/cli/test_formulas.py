"""Formulas in LaTeX as text for a terminal."""

import pytest

from lossgen.cli.formulas import set_display, set_inline


@pytest.mark.parametrize(
    "latex, text",
    [
        (r"\gamma \, p_{t}^{2}", "γ p_t²"),
        (r"\mathit{log\_probs}_{t,c}", "log_probs[t, c]"),
        (r"\mathit{input}_{\mathit{target}}", "input[target]"),
        (r"x_{1} - \left(-x_{2}\right)", "x₁ − (−x₂)"),
        (r"- x + 2 y", "−x + 2y"),
        (r"\sigma\left(x\right) \log x", "σ(x) log x"),
        (r"\frac{1}{2} x", "½ x"),
        (r"\frac{a + b}{2}", "(a + b)/2"),
        (r"\frac{a}{\frac{b}{2 c}}", "a/(b/(2c))"),
        (r"x^{\frac{3}{2}} x^{\frac{1}{2}}", "x^(3/2) x^½"),
        (r"\sqrt{x}^{\gamma} 2^{3 x}", "√x^γ 2^(3x)"),
        (r"a \oplus b \neq c", "a ⊕ b ≠ c"),
        (r"\{0, \dots, C - 1\}", "{0, …, C − 1}"),
        (r"[0, \infty)", "[0, ∞)"),
        (r"x \in \mathbb{R}", "x ∈ ℝ"),
        (r"\left\lVert x \right\rVert", "‖x‖"),
        (r"\lVert x \rVert \le \lvert y \rvert", "‖x‖ ≤ |y|"),
        (r"\text{if } x > 0 \text{ and } y", "if x > 0 and y"),
        (r"\left(1 - p\right)^{\gamma}", "(1 − p)^γ"),
        (r"\left(1 - p\right)^{\gamma - 1}", "(1 − p)^(γ − 1)"),
        (r"\sqrt{x} + \sqrt{x + 1}", "√x + √(x + 1)"),
        (r"e^{x} e^{x - y}", "e^x exp(x − y)"),
        (r"\bar{y}_{t} {+}{=} \dot{\mathit{abc}}", "y\u0304_t += ab\u0307c"),
        (r"\operatorname{no\_such}\unheard{x}", "no_such unheard x"),
    ],
)
def test_a_formula_in_a_line_of_text(latex, text):
    assert set_inline(latex) == text
    if not latex.startswith(r"\frac{a"):
        assert set_display([latex], 80) == [text]


def test_fractions_cases_and_brackets_stand_on_several_lines():
    assert set_display([r"\log \left(\frac{e^{x_{y}}}{\sum_{c} e^{x_{c}}}\right)^{2}"], 80) == [
        "   ⎛   exp(x_y)   ⎞²",
        "log⎜──────────────⎟",
        "   ⎝ ∑_c exp(x_c) ⎠",
    ]
    cases = r"\begin{cases} -x & \text{if } x < 0 \\ x & \text{otherwise} \end{cases}"
    assert set_display([rf"\ell &= {cases}"], 80) == ["    ⎰ −x   if x < 0", "ℓ = ⎱ x    otherwise"]
    three = r"\begin{cases} -1 & \text{if } x < 0 \\ 0 & \text{if } x = 0 \\ 1 & \text{otherwise} \end{cases}"
    assert set_display([rf"\ell &= {three}"], 80) == [
        "    ⎧ −1   if x < 0",
        "ℓ = ⎨ 0    if x = 0",
        "    ⎩ 1    otherwise",
    ]


def test_the_lines_of_a_display_are_aligned():
    lines = [r"\frac{\partial \ell}{\partial x_{c}} &= p_{c}", r"p &= \sigma\left(x\right)"]
    assert set_display(lines, 80) == ["∂ℓ/∂x_c = p_c", "      p = σ(x)"]


def test_a_wide_formula_is_broken_before_terms_then_factors():
    term = r"\sigma\left(x - y\right) \, \log\left(x + y\right)"
    assert set_display([rf"\ell &= {term} - {term}"], 30) == [
        "ℓ = σ(x − y) log(x + y)",
        "    − σ(x − y) log(x + y)",
    ]
    assert set_display([rf"\ell &= {term} \, {term}"], 40) == [
        "ℓ = σ(x − y) log(x + y) σ(x − y)",
        "      · log(x + y)",
    ]


def test_lines_that_print_has_broken_are_broken_anew():
    lines = [
        r"x &= \mathit{the\_first}",
        r"&\quad \quad + \mathit{the\_second}",
        r"y &= \mathit{a\_much\_longer\_one} \quad (y > 0)",
    ]
    assert set_display(lines, 40) == ["x = the_first + the_second", "y = a_much_longer_one  (y > 0)"]
    assert set_display(lines, 24) == ["x = the_first", "    + the_second", "y = a_much_longer_one", "    (y > 0)"]
    cases = r"\begin{cases} a & \text{if } b \\ & \quad \text{or } c \\ \quad + d & \\ e & \text{otherwise} \end{cases}"
    assert set_display([cases], 60) == ["⎰ a + d   if b or c", "⎱ e       otherwise"]


def test_what_is_broken_within_brackets_keeps_them_as_high_as_what_they_hold():
    found = set_display([r"\left(\frac{a}{b} + " + " + ".join(["input"] * 8) + r"\right)"], 40)
    assert found == [
        "⎛ a",
        "⎜─── + input + input + input + input",
        "⎝ b",
        "",
        "    + input + input + input + input)",
    ]


@pytest.mark.parametrize(
    "latex",
    ["", "x^", "x_", r"\frac{a", r"\left(", r"\right)", "}", "&", r"\begin{cases} x", r"\end{cases}", "^2", r"\\"],
)
def test_no_text_is_an_error(latex):
    assert set_inline(latex).isprintable()
    assert all(line.isprintable() for line in set_display([latex], 40))
