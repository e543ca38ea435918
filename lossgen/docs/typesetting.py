"""MathML set as TeX sets formulas.

What browsers show is MathML Core, which has no `mathvariant` beyond upright letters and knows no function names; so words
become one identifier each, alphabets become their Unicode letters, and spaces and signs get what TeX gives them.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from string import ascii_letters
from xml.etree.ElementTree import Element, SubElement

#: Elements that stand where their first child stands.
SCRIPTED = ("msub", "msup", "msubsup", "munder", "mover", "munderover")

#: What the scripts of a sum are: below and above it in a formula of its own, beside it in a line of text.
LIMITS = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}

#: The alphabets of mathvariant, as Unicode names them.
ALPHABETS = {
    "bold": "BOLD",
    "bold-italic": "BOLD ITALIC",
    "double-struck": "DOUBLE-STRUCK",
    "fraktur": "FRAKTUR",
    "script": "SCRIPT",
}

#: Fences, and on which side of a formula they stand; bars stand on either.
FENCES = dict.fromkeys("([{⌊⌈⟨", "prefix") | dict.fromkeys(")]}⌋⌉⟩", "postfix") | dict.fromkeys("|‖", "either")

#: What brackets grow around.
TALL = {"mfrac", "mtable", "msqrt", "mroot", "munder", "mover", "munderover"}

#: What latex2mathml takes for operators and TeX sets like letters, without space around them.
LETTERS = "∞∅∂∇/"

THIN_SPACE = "\u2009"

#: What TeX puts between a function and its argument.
THIN = "0.1667em"


def typeset(math: Element) -> None:
    """Sets a formula as it comes from latex2mathml, its characters in place."""
    _name_functions(math)
    for row in list(math.iter()):
        _join_signs(row)
    _set(math)


def _name_functions(math: Element) -> None:
    """`\\operatorname{log1p}` comes as an empty operator and a row of letters and digits, unless it has letters only."""
    for row in list(math.iter()):
        for empty, name in _pairs(row):
            if empty.tag != "mo" or empty.text:
                continue
            while name.tag in SCRIPTED:
                name = name[0]
            words = "".join(THIN_SPACE if part.tag == "mspace" else part.text or "" for part in name.iter())
            name[:] = []
            name.tag, name.text = "mi", words
            name.set("class", "function")
            row.remove(empty)


def _join_signs(row: Element) -> None:
    """Signs in braces of their own, one after another, are one sign: `{+}{=}`."""
    for sign, other in _pairs(row):
        if all(group.tag == "mrow" and [node.tag for node in group] == ["mo"] for group in (sign, other)):
            other[0].text = f"{sign[0].text}{other[0].text}"
            row.remove(sign)


def _set(node: Element) -> None:
    """Sets a formula from the inside out."""
    for child in list(node):
        if child.tag == "mspace" and child.get("width", "").startswith(("-", "negative")):
            node.remove(child)  # takes back what TeX puts before a bracket, which MathML does not put there
        else:
            _set(child)
    _letter(node)
    _join_letters(node)
    _lower_fences(node)
    if node.tag in ("mrow", "mtd", "msqrt", "mstyle", "math"):
        _pair_bars(node)
        _sign(node)
        _space_functions(node)


def _letter(node: Element) -> None:
    """A letter of another alphabet as that letter; a function's name and a fence as what they are."""
    variant = node.get("mathvariant", "")
    if variant in ALPHABETS and node.tag in ("mi", "mn") and node.text:
        del node.attrib["mathvariant"]
        node.text = "".join(_styled(character, ALPHABETS[variant]) for character in node.text)
    elif node.tag == "mo" and _is_word(node.text):
        node.tag = "mi"
        node.set("class", "function")
    elif node.tag == "mi" and not variant and _is_word(node.text):
        node.set("class", "function")
    elif node.tag == "mi" and node.text in FENCES:
        node.tag = "mo"
    elif node.tag == "mo" and node.text and node.text in LETTERS:
        node.tag = "mi"
    elif node.tag in LIMITS and node[0].text in ("∑", "∏"):
        node.tag = LIMITS[node.tag]


def _is_word(text: str | None) -> bool:
    return bool(text) and len(text) > 1 and all(c in ascii_letters or c == THIN_SPACE for c in text)


def _styled(character: str, alphabet: str) -> str:
    """The character in a mathematical alphabet, where Unicode has it."""
    plain = re.sub(r"^(LATIN|GREEK) |LETTER ", "", unicodedata.name(character, ""))
    for name in (f"MATHEMATICAL {alphabet} {plain}", f"{alphabet} {plain}"):
        try:
            return unicodedata.lookup(name)
        except KeyError:
            continue
    return character


def _join_letters(row: Element) -> None:
    """A row of letters of one style is a word: `\\mathrm{input}` is one name."""
    styles = {child.get("mathvariant", "") for child in row}
    single = all(child.tag == "mi" and len(child.text or "") == 1 for child in row)
    if row.tag != "mrow" or len(row) < 2 or not single or len(styles) != 1 or styles == {""}:
        return
    word, style = "".join(child.text or "" for child in row), styles.pop()
    row[:] = []
    name = SubElement(row, "mi")
    name.text = word
    if style != "normal":
        name.set("class", style)


def _lower_fences(row: Element) -> None:
    """Brackets around a line of text stay as they are: a bracket that may grow gets the room of the widest in Chromium."""
    if row.tag == "mrow" and not any(node.tag in TALL for node in row.iter()):
        for node in row:
            if node.get("stretchy") == "true" and not node.get("minsize"):
                node.set("stretchy", "false")


def _core(node: Element) -> Element:
    """What a node with scripts is at heart: of (…)² the bracket, of log₂ the function."""
    while (node.tag in SCRIPTED and len(node)) or (node.tag in ("mrow", "mstyle") and len(node) == 1):
        node = node[0]
    return node


def _pair_bars(row: Element) -> None:
    """Bars open and close in turn; LaTeX's \\lvert and \\rvert come as the same character."""
    bars = [core for core in map(_core, row) if core.tag == "mo" and core.text in ("|", "‖") and not core.get("form")]
    for character in ("|", "‖"):
        same = [bar for bar in bars if bar.text == character]
        if len(same) % 2 == 0:
            for at, bar in enumerate(same):
                bar.attrib.update(form="postfix" if at % 2 else "prefix", stretchy="false", fence="true")


def _side(node: Element) -> str | None:
    """On which side of a formula a fence stands; None for anything else."""
    core = _core(node)
    side = FENCES.get(core.text or "") if core.tag == "mo" else None
    return core.get("form", side) if side else None


def _pairs(row: Element) -> Iterator[tuple[Element, Element]]:
    return pairwise(list(row))


def _sign(row: Element) -> None:
    """A minus or plus after another operator, or at the start, is a sign."""
    first = _core(row[0]) if len(row) else None
    signs = [first] if first is not None else []
    for before, node in _pairs(row):
        if _core(before).tag == "mo" and _side(before) != "postfix" and _core(before).text not in ("!", "′"):
            signs.append(_core(node))
    for sign in signs:
        if sign.tag == "mo" and sign.text in ("−", "+", "±"):
            sign.set("form", "prefix")


def _space_functions(row: Element) -> None:
    """A thin space between a function and an argument without brackets, and before a function that is a factor."""
    gaps = []
    for at, (before, node) in enumerate(_pairs(row), 1):
        bare = _is_function(before) and node.tag != "mspace" and _first(node).tag != "mo"
        if bare or (_is_function(node) and _is_factor(before)):
            gaps.append(at)
    for at in reversed(gaps):
        row.insert(at, Element("mspace", width=THIN))


def _first(node: Element) -> Element:
    """What a reader meets first of a node."""
    while node.tag in (*SCRIPTED, "mrow", "mstyle") and len(node):
        node = node[0]
    return node


def _is_function(node: Element) -> bool:
    return _core(node).get("class") == "function"


def _is_factor(node: Element) -> bool:
    core = _core(node)
    return (core.tag in ("mi", "mn") and bool(core.text)) or _side(node) == "postfix"
