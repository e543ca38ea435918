"""Reads formulas in LaTeX, in the part of it that the pages are written in, as a tree."""

import re
from dataclasses import dataclass
from typing import Literal

from .glyphs import ACCENTS, FONTS, FUNCTIONS, LARGE, SPACES, command_glyph, glyph_of, in_font

#: What a sign is: "large" is an operator with something below it, "sign" stands before what it belongs to, "text" is a word
#: of running text, "ord" is everything else.
Kind = Literal[
    "ord",
    "number",
    "text",
    "function",
    "large",
    "binary",
    "relation",
    "open",
    "close",
    "comma",
    "slash",
    "sign",
    "space",
    "align",
]


@dataclass(frozen=True)
class Sign:
    """A sign or a word, and what it is; `apart` says that white space stood before it."""

    text: str
    kind: Kind
    apart: bool = False


@dataclass(frozen=True)
class Group:
    """Nodes side by side."""

    nodes: tuple["Node", ...]


@dataclass(frozen=True)
class Fraction:
    above: Group
    below: Group


@dataclass(frozen=True)
class Root:
    body: Group


@dataclass(frozen=True)
class Scripts:
    """A node with what stands below and above it at its right; of a large operator, below and above itself."""

    base: "Node"
    below: Group | None
    above: Group | None


@dataclass(frozen=True)
class Rows:
    """An environment of lines of cells: `cases`, `aligned`, a matrix."""

    environment: str
    rows: tuple[tuple[Group, ...], ...]


Node = Sign | Group | Fraction | Root | Scripts | Rows

#: `{+}{=}` is one sign to a reader.
ADD_TO = r"\{\+\}\{=\}"
TOKEN = re.compile(ADD_TO + r"|\\[a-zA-Z]+\*?|\\.|\s+|\d+(?:\.\d+)?|[a-zA-Z]+|.", re.DOTALL)
#: What only sets sizes and places in print.
SILENT = {
    *("displaystyle", "textstyle", "limits", "nolimits", "nonumber", "middle", "mathbin", "mathrel", "mathopen"),
    *("big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl", "biggr", "Biggl", "Biggr", "mathclose"),
}
KINDS: tuple[tuple[str, Kind], ...] = (
    ("([⌊⌈⟨{", "open"),
    (")]⌋⌉⟩}", "close"),
    (",;", "comma"),
    ("/", "slash"),
    ("∂∇¬", "sign"),
    ("&", "align"),
    ("+−±∓·×∗∘⊙∧∨∪∩", "binary"),
    ("=<>≤≥≠≈∼→↦←⇒⇔≔∈∉∣⊂∝≪≫≡:", "relation"),
)
#: Brackets that have the same sign at either end.
SIDES: dict[str, Kind] = {"lvert": "open", "lVert": "open", "rvert": "close", "rVert": "close"}


def parse(latex: str) -> Group:
    """The tree of a formula. A command that is not known is shown by its name: no formula is an error."""
    return _Reader(latex).group(())


class _Reader:
    def __init__(self, latex: str) -> None:
        self._tokens = TOKEN.findall(latex)
        self._at = 0

    def group(self, ends: tuple[str, ...]) -> Group:
        """The nodes up to one of these tokens, which is left to be read."""
        nodes: list[Node] = []
        while (token := self._peek()) and token not in ends:
            if token in ("^", "_"):
                nodes.append(self._scripts(nodes.pop() if nodes else Group(())))
            elif (node := self._node()) is not None:
                nodes.append(node)
        return Group(tuple(nodes))

    def _peek(self) -> str:
        """The next token that is no white space; empty at the end."""
        while self._at < len(self._tokens) and self._tokens[self._at].isspace():
            self._at += 1
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _scripts(self, base: Node) -> Scripts:
        below = above = None
        while self._peek() in ("^", "_"):
            if self._next() == "^":
                above = self._argument()
            else:
                below = self._argument()
        return Scripts(base, below, above)

    def _argument(self) -> Group:
        """What a command or a script is given: a group in braces, or one node."""
        node = self._node()
        return node if isinstance(node, Group) else Group(() if node is None else (node,))

    def _raw(self) -> str:
        """An argument as text."""
        if self._peek() != "{":
            return self._next()
        self._next()
        depth, found = 1, []
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            depth += {"{": 1, "}": -1}.get(token, 0)
            if not depth:
                break
            if token not in "{}":
                space = SPACES.get(token[1:]) if token.startswith("\\") else None
                found.append(" " * space if space is not None else token if token == "-" else glyph_of(token))
        return "".join(found)

    def _node(self) -> Node | None:
        at = self._at
        token = self._next()
        apart = self._at > at + 1
        if token == "{":
            found = self.group(("}",))
            self._next()
            return found
        if token == "{+}{=}":
            return Sign("+=", "relation", apart)
        if not token.startswith("\\"):
            return _sign(glyph_of(token), apart)
        return self._command(token[1:].rstrip("*"), apart)

    def _command(self, name: str, apart: bool) -> Node | None:
        match name:
            case "frac" | "dfrac" | "tfrac":
                return Fraction(self._argument(), self._argument())
            case "sqrt":
                return Root(self._argument())
            case "begin":
                return self._environment()
            case "left" | "right":
                delimiter = self._next()
                kind: Kind = "open" if name == "left" else "close"
                return None if delimiter == "." else Sign(glyph_of(delimiter), kind, apart)
            case "operatorname":
                return Sign(self._raw(), "function", apart)
        if name in ACCENTS:
            return self._accented(name)
        if name in FONTS:
            return _in_font(name, self._raw(), apart)
        if name in SPACES:
            return Sign(" " * SPACES[name], "space", apart)
        if name in FUNCTIONS:
            return Sign(FUNCTIONS[name], "function", apart)
        if name in LARGE:
            return Sign(LARGE[name], "large", apart)
        if name in SIDES:
            return Sign(command_glyph(name), SIDES[name], apart)
        return None if name in SILENT else _sign(command_glyph(name), apart)

    def _accented(self, accent: str) -> Node:
        """A letter with its mark; a word has it in the middle."""
        match self._argument():
            case Group((Sign(text, kind, apart),)):
                middle = (len(text) + 1) // 2
                return Sign(text[:middle] + ACCENTS[accent] + text[middle:], kind, apart)
            case group:
                return group

    def _environment(self) -> Rows:
        name = self._raw()
        if name == "array":
            self._raw()
        rows: list[tuple[Group, ...]] = []
        cells: list[Group] = []
        while True:
            cells.append(self.group(("&", "\\\\", "\\end")))
            end = self._next()
            if end == "&":
                continue
            if any(cell.nodes for cell in cells):
                rows.append(tuple(cells))
            cells = []
            if end != "\\\\":
                self._raw()
                return Rows(name, tuple(rows))


def _in_font(font: str, text: str, apart: bool) -> Sign:
    """A word in a font; of running text the spaces around it are left to the layout."""
    if font.startswith("text"):
        return Sign(text.strip(), "text", apart)
    return Sign(in_font(font, text), "ord", apart)


def _sign(text: str, apart: bool) -> Sign:
    kind = next((kind for signs, kind in KINDS if text in signs), None)
    return Sign(text, kind or ("number" if text[0].isdigit() else "ord"), apart)
