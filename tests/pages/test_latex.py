"""LaTeX of a page: nothing that an author writes is read as a command, every formula stands where it should."""

import pytest

from lossgen.formula import Prediction, Real, loss
from lossgen.pages.blocks import Code, Display, Formula, Items, Listing, Page, Paragraph, Plain, Section, Table, prose
from lossgen.pages.latex import bibliography, block_latex, blocks_latex, page_latex, preamble
from lossgen.pages.latex_text import latex_code, latex_text
from lossgen.pages.page import page


@pytest.mark.parametrize(
    "text, expected",
    [
        ("50 % of a_b & c#", r"50 \% of a\_b \& c\#"),
        ("\\input{x} $y$ ^ ~", r"\textbackslash{}input\{x\} \$y\$ \textasciicircum{} \textasciitilde{}"),
        ('a "quoted" word', "a ``quoted'' word"),
        ("√2·x − ∞", r"\ensuremath{\surd}2\ensuremath{\cdot}x \ensuremath{-} \ensuremath{\infty}"),
        ("ŷ and σ̂", r"\^{y} and \ensuremath{\hat{{\sigma}}}"),
        ("Mémoire, Jørgensen", r"M\'emoire, J\o{}rgensen"),
        ("Cuturi–Blondel", r"Cuturi\textendash{}Blondel"),
    ],
)
def test_text(text, expected):
    assert latex_text(text) == expected


@pytest.mark.parametrize("text", ["損失", "a\u200bb", "\U0001f600", "x\u0304"])
def test_text_is_ascii_whatever_it_holds(text):
    assert latex_text(text).isascii() and latex_code(text).isascii()


def test_code_keeps_every_character():
    assert latex_code("a_b") == r"\texttt{a\_\allowbreak{}b}"
    assert latex_code('x="a"') == r"\texttt{x=\textquotedbl{}a\textquotedbl{}}"
    assert latex_code("{^~\\}") == r"\texttt{\{\^{}\~{}\textbackslash{}\}}"


def test_a_formula_belongs_to_the_paragraph_before_it():
    blocks = (Paragraph(prose("With `p` = 1:")), Display(("a &= b", "&= c")), Paragraph(prose("Then.")))
    assert blocks_latex(blocks) == (
        "With \\lossgenname{p}{\\texttt{p}} = 1:\n\\begin{align*}\n  a &= b \\\\\n  &= c\n\\end{align*}\n\nThen."
    )
    assert blocks_latex(blocks[1:]).startswith("\\lossgenfirst\n\\begin{align*}")


def test_long_cells_share_what_space_is_left():
    table = Table((prose("a"), prose("b"), prose("c")), ((prose("x"), prose("y" * 60), prose("z" * 40)),), 1)
    text = block_latex(table)
    assert text.startswith("\\begin{lossgentable}{lP{1.200}P{0.800}}\na & b & c \\\\\n\\midrule\nx & ")


def test_items_and_listings():
    assert (
        block_latex(Items(((Paragraph((Plain("a"), Formula("x"))),),)))
        == "\\begin{itemize}\n\\item a$x$\n\\end{itemize}"
    )
    assert block_latex(Listing("python", "f(_)")).endswith(
        "\\begin{lstlisting}[language=Python]\nf(_)\n\\end{lstlisting}"
    )


def test_measured_figures_have_their_places():
    sections = tuple(
        Section(key, key.title(), (Paragraph((Code("x"),)),)) for key in ("definition", "gradient", "calls")
    )
    text = page_latex(Page("a_b", prose("Purpose."), "family", "Lin 2017, x", sections), "spec/a.py", ("ALoss",))
    order = [
        "from spec/a.py",
        "\\lossgenpage{a_b}",
        "\\index{ALoss@",
        "Purpose.",
        "\\lossgensource{lin2017-",
        "{Definition}",
        "\\lossgenfigures{a_b}",
    ]
    order += ["{Gradient}", "\\lossgenaccuracy{a_b}", "{Calls}"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_the_bibliography_has_each_source_once_by_author():
    text = bibliography(["Zhou 2001, arXiv:1708.02002", "Ada 1999, A & B", "Ada 1999, A & B", ""])
    assert text.count("\\bibitem") == 2 and text.index("Ada 1999, A \\& B.") < text.index("Zhou")
    assert "\\href{https://arxiv.org/abs/1708.02002}{arXiv:1708.02002}" in text


def test_a_page_says_the_same_twice_and_has_no_dates():
    @loss(paper="Nobody 1999")
    def plain_loss(input: Prediction, target: Real):
        """A loss."""
        return (input - target) ** 2

    assert page_latex(page(plain_loss)) == page_latex(page(plain_loss))
    assert "\\pdfinfoomitdate=1" in preamble() and "\\pdftrailerid{}" in preamble()
