"""The content of a page without a format: sections of blocks, and blocks of runs of text.

A writer (LaTeX, HTML, a terminal) is a function over these classes. Formulas are LaTeX in every format, of the part that
amsmath and MathML share: `\\frac`, `\\operatorname`, `\\sum`, `cases`, `aligned`, Greek letters.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Plain:
    """A run of text."""

    text: str


@dataclass(frozen=True)
class Code:
    """A run of code: the name of an argument, a value."""

    text: str


@dataclass(frozen=True)
class Formula:
    """A formula in a line of text, in LaTeX without the dollars."""

    latex: str


Runs = tuple[Plain | Code | Formula, ...]


def prose(text: str) -> Runs:
    """The runs of a text in which code stands between backticks, as in docstrings."""
    parts = re.split(r"`+([^`]+)`+", text)
    return tuple(Code(part) if odd % 2 else Plain(part) for odd, part in enumerate(parts) if part)


@dataclass(frozen=True)
class Paragraph:
    runs: Runs


@dataclass(frozen=True)
class Display:
    """A formula on lines of its own: each line is LaTeX with one `&` where the lines are aligned."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table; `wide` is the column (from 0) that takes what space is left, and in which text is broken into lines."""

    head: tuple[Runs, ...]
    rows: tuple[tuple[Runs, ...], ...]
    wide: int


@dataclass(frozen=True)
class Items:
    """A list; an item holds blocks."""

    items: tuple[tuple["Block", ...], ...]


@dataclass(frozen=True)
class Listing:
    """Code on lines of its own, in a language that Pygments knows by this name."""

    language: str
    text: str


@dataclass(frozen=True)
class Figure:
    """A drawing: the stem of its file, what it shows, and the same in words for readers who do not see it."""

    stem: str
    caption: Runs
    alternative: str


Block = Paragraph | Display | Table | Items | Listing | Figure


@dataclass(frozen=True)
class Section:
    """A part of a page. `key` is its anchor: "definition", "gradient", "steps" …"""

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """The page of a loss: its name, its purpose in one line, its family, its source, and the sections in order."""

    name: str
    purpose: Runs
    family: str
    reference: str
    sections: tuple[Section, ...]

    def section(self, key: str) -> Section | None:
        """The section with this key, if the page has it."""
        return next((section for section in self.sections if section.key == key), None)

    def with_sections(self, further: Sequence[Section], before: str) -> "Page":
        """The page with further sections before the one with this key (at the end if there is none)."""
        keys = [section.key for section in self.sections]
        at = keys.index(before) if before in keys else len(keys)
        sections = (*self.sections[:at], *further, *self.sections[at:])
        return Page(self.name, self.purpose, self.family, self.reference, sections)
