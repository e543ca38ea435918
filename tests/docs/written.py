"""A small handbook made by hand: every kind of block, and text that HTML could misread."""

from pathlib import Path

from lossgen.docs.site import Source
from lossgen.pages.blocks import (
    Code,
    Display,
    Figure,
    Formula,
    Items,
    Listing,
    Page,
    Paragraph,
    Plain,
    Section,
    Table,
    prose,
)

#: Text of an author who thinks of anything but HTML.
NASTY = 'a < b && b > c, <script>alert("1")</script> <!-- ]]> &amp; {{ braces }} \'quotes\' "quotes" 日本 é'

LONG = " + ".join(rf"\frac{{x_{{{n}}} - \mathit{{target}}_{{{n}}}}}{{\sigma^{{2}}}}" for n in range(30))

DEFINITION = Section(
    "definition",
    "Definition",
    (
        Paragraph((Plain("With "), Formula(r"e = x - y"), Plain(", and "), Code("delta"), Plain(":"))),
        Display(
            (
                r"\ell &= \begin{cases} \frac{1}{2} e^{2} & \text{if } \left|e\right| \le \delta \\ "
                r"\delta \left(\left|e\right| - \frac{\delta}{2}\right) & \text{otherwise} \end{cases}",
                r"& - \sum_{c=1}^{C} \log \operatorname{softmax}\left(z\right)_{c}",
            )
        ),
        Display((rf"\ell &= {LONG}",)),
        Paragraph((Plain("A long one in a line: "), Formula(LONG))),
        Paragraph(prose("`huber_loss` itself, and a word without end: " + "x" * 200)),
    ),
)

TABLE = Section(
    "arguments",
    "Arguments",
    (
        Table(
            (prose("Argument"), prose("What it is"), prose("Domain")),
            (
                (prose("`input`"), prose(NASTY), (Formula(r"\mathbb{R}"),)),
                (
                    prose("`a_very_long_name_of_an_argument`"),
                    prose("what it should predict"),
                    (Formula(r"[0, \infty)"),),
                ),
            ),
            wide=1,
        ),
        Items(
            ((Paragraph(prose("one line, of `other_loss` too")),), (Paragraph(prose("two")), Listing("text", NASTY)))
        ),
    ),
)

CALLS = Section(
    "calls",
    "How to call it",
    (
        Listing(
            "python", "import numpy as np\n\n\nx = np.ones(3)  # a < b & c\nprint('<b>', x * 2.5)\n" + "y" * 300 + "\n"
        ),
        Figure("huber_loss", prose("Value and gradient for `delta` = 1"), f'Two curves; "steep" {NASTY}'),
    ),
)

OPENING = (
    Section("choose", "Choosing a loss", (Paragraph(prose("Take `huber_loss` where there are outliers.")),)),
    Section(
        "derivation",
        "How a loss is derived",
        (Paragraph((Formula(r"\nabla \ell"),)), Display((r"a &= b", r"\mathit{longer} &= c + d"))),
    ),
)

SOURCES = {
    "huber_loss": Source("regression/huber.py", f'"""{NASTY}"""\n\nDELTA = 1\n'),
    "other_loss": Source("regression/huber.py", f'"""{NASTY}"""\n\nDELTA = 1\n'),
    "a_loss_of_which_the_name_is_longer_than_others": Source("top.py", "pass\n"),
}


def pages() -> list[Page]:
    """Three losses in two families; the second has nothing to say but its name."""
    huber = prose("Squared up to `delta`, " + NASTY)
    paper = "Huber 1964, <Robust> Estimation, arXiv:1708.02002, eq. 5"
    return [
        Page("huber_loss", huber, "regression", paper, (DEFINITION, TABLE, CALLS)),
        Page("a_loss_of_which_the_name_is_longer_than_others", (), "", "", ()),
        Page("other_loss", prose("Another one, for outliers"), "regression", paper, (DEFINITION,)),
    ]


def draw(folder: Path) -> None:
    """The drawing that the pages show."""
    folder.mkdir(parents=True)
    rectangle = '<rect width="600" height="200" fill="none" stroke="black"/>'
    picture = f'<svg xmlns="http://www.w3.org/2000/svg" width="600" height="200">{rectangle}</svg>\n'
    (folder / "huber_loss.svg").write_text(picture)
