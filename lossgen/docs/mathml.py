"""LaTeX formulas as MathML: converted by latex2mathml, then set as TeX sets them. What is not understood is an error."""

import html
import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from xml.etree.ElementTree import Element, tostring

from markupsafe import Markup

from lossgen.build.errors import BuildError

from .typesetting import typeset

#: Elements whose children are arguments, and how many they take.
ARGUMENTS = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}

#: What latex2mathml does not know, and what it does: of a row that ends in an empty cell it would drop what is in it.
SPELLINGS = (
    (r"\\(begin|end)\{aligned\}", r"\\\1{split}"),
    (r"\\operatorname\*", r"\\operatorname"),
    (r"&\s*\\end\{", r"& {} \\end{"),
)


def inline(latex: str) -> Markup:
    """A formula in a line of text. Raises BuildError where the LaTeX has no MathML."""
    return _markup(latex, "inline")


def display(lines: Sequence[str]) -> Markup:
    """A formula on lines of its own, aligned at each line's `&`. Raises BuildError where the LaTeX has no MathML."""
    return _markup(r"\begin{split}" + r"\\".join(lines) + r"\end{split}", "block")


def _markup(latex: str, mode: str) -> Markup:
    convert, known = converter(), latex
    for pattern, replacement in SPELLINGS:
        known = re.sub(pattern, replacement, known)
    try:
        math = convert(known, display=mode)
    except _refusals() as error:
        raise BuildError(f"formula {latex!r} is no LaTeX that MathML has: {type(error).__name__} {error}") from None
    _clean(math, latex)
    if _cells(known) != sum(1 for _ in math.iter("mtd")):
        raise BuildError(f"cells of a table are lost in MathML, in the formula {latex!r}")
    typeset(math)
    del math.attrib["xmlns"]
    return Markup(tostring(math, encoding="unicode"))


@cache
def converter() -> Callable[..., Element]:
    """The library's conversion, imported when there is a formula to convert: it is an extra that only the site needs."""
    if find_spec("latex2mathml") is None:
        raise BuildError("formulas of the site need latex2mathml, which is not installed: pip install lossgen[docs]")
    return import_module("latex2mathml.converter").convert_to_element


def _refusals() -> tuple[type[Exception], ...]:
    """What the library raises for what it cannot read: classes without a base of their own, and what its parser runs into."""
    own = vars(import_module("latex2mathml.exceptions")).values()
    return (*(kind for kind in own if isinstance(kind, type)), LookupError, StopIteration, ValueError)


def _clean(math: Element, latex: str) -> None:
    """Characters in place of their references; what was not understood is an error."""
    for node in math.iter():
        text = html.unescape(node.text or "")
        node.text = re.sub(r"\\([_&%#${}])", r"\1", text) if node.tag == "mtext" else text.replace(r"\_", "_")
        if "\\" in node.text:
            raise BuildError(f"{node.text} has no MathML, in the formula {latex!r}")
        if len(node) != ARGUMENTS.get(node.tag, len(node)):
            raise BuildError(f"{node.tag[1:]} lacks an argument, in the formula {latex!r}")


def _cells(latex: str) -> int:
    """How many cells the tables of a formula have: each begins one, and so do `&` and the end of a line."""
    whole = re.sub(r"\\\\\s*(\[[^]]*\])?\s*\\end\{", r"\\end{", latex)
    return sum(mark != r"\&" for mark in re.findall(r"\\begin\{|\\\\|\\&|&", whole))
