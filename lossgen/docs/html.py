"""The blocks of a page as HTML that is also XML: every element is closed, and every text escaped."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from lossgen.build.errors import BuildError
from lossgen.pages.blocks import (
    Block,
    Code,
    Display,
    Figure,
    Formula,
    Items,
    Listing,
    Paragraph,
    Plain,
    Runs,
    Section,
    Table,
)
from lossgen.pages.references import linked

from . import mathml


def plain(runs: Runs) -> str:
    """The text of runs without marks, for attributes and lists."""
    return " ".join("".join(run.latex if isinstance(run, Formula) else run.text for run in runs).split())


def with_breaks(name: str) -> Markup:
    """A long name that may be broken into lines after its underscores."""
    return Markup("_<wbr />").join(name.split("_"))


def cited(reference: str) -> Markup:
    """A reference, with links to what can be read of it."""
    link = Markup('<a href="{}">{}</a>')
    parts = linked(reference)
    return Markup("").join(link.format(address, text) if address else escape(text) for text, address in parts)


def code(language: str, text: str) -> Markup:
    """Code, coloured by classes. Raises BuildError for a language that Pygments does not know."""
    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        raise BuildError(f"listing: Pygments knows no language {language!r}") from None
    coloured = highlight(text.rstrip("\n"), lexer, HtmlFormatter(nowrap=True))
    return Markup("<pre><code>{}</code></pre>").format(Markup(coloured.rstrip("\n")))


@dataclass(frozen=True)
class Writer:
    """Writes blocks for the page of one loss. `names`: the other losses, whose names in code lead to their pages."""

    names: Collection[str]

    def section(self, section: Section) -> Markup:
        """The blocks of a section, without its title."""
        return self._blocks(section.blocks)

    def runs(self, runs: Runs) -> Markup:
        """A line of text. A formula and the full stop after it stay together."""
        written = [self._run(run) for run in runs]
        for at, (formula, text) in enumerate(pairwise(runs)):
            stop = (
                re.match(r"[.,;:!?)]+", text.text) if isinstance(text, Plain) and isinstance(formula, Formula) else None
            )
            if stop:
                written[at] = Markup('<span class="whole">{}{}</span>').format(written[at], stop.group())
                written[at + 1] = escape(text.text[stop.end() :])
        return Markup("").join(written)

    def _run(self, run: Plain | Code | Formula) -> Markup:
        match run:
            case Plain(text):
                return escape(text)
            case Formula(latex):
                return mathml.inline(latex)
            case Code(text) if text in self.names:
                return Markup('<a href="{}.html"><code>{}</code></a>').format(text, with_breaks(text))
            case Code(text):
                return Markup("<code>{}</code>").format(text)

    def _blocks(self, blocks: Iterable[Block]) -> Markup:
        return Markup("\n").join(self._block(block) for block in blocks)

    def _block(self, block: Block) -> Markup:
        match block:
            case Paragraph(runs):
                return self._paragraph(runs)
            case Display(lines):
                return Markup('<div class="display">{}</div>').format(mathml.display(lines))
            case Table():
                return self._table(block)
            case Items(items):
                entries = [Markup("<li>{}</li>").format(self._item(item)) for item in items]
                return Markup("<ul>\n{}\n</ul>").format(Markup("\n").join(entries))
            case Listing(language, text):
                return code(language, text)
            case Figure():
                return self._figure(block)

    def _paragraph(self, runs: Runs) -> Markup:
        """A formula that is wider than the screen scrolls with its own paragraph."""
        kind = Markup(' class="scroll"') if any(isinstance(run, Formula) for run in runs) else ""
        return Markup("<p{}>{}</p>").format(kind, self.runs(runs))

    def _item(self, blocks: tuple[Block, ...]) -> Markup:
        """An item that is one paragraph is written without one: lists of lines stand close."""
        if len(blocks) == 1 and isinstance(blocks[0], Paragraph):
            return self.runs(blocks[0].runs)
        return self._blocks(blocks)

    def _table(self, table: Table) -> Markup:
        head = _row(Markup('<th scope="col"{}>{}</th>'), table.head, self.runs, table.wide)
        rows = [_row(Markup("<td{}>{}</td>"), row, self.runs, table.wide) for row in table.rows]
        frame = Markup('<div class="scroll">\n<table>\n<thead>\n{}\n</thead>\n<tbody>\n{}\n</tbody>\n</table>\n</div>')
        return frame.format(head, Markup("\n").join(rows))

    def _figure(self, figure: Figure) -> Markup:
        picture = '<div class="scroll"><img src="figures/{}.svg" alt="{}" /></div>'
        frame = Markup(f"<figure>\n{picture}\n<figcaption>{{}}</figcaption>\n</figure>")
        return frame.format(figure.stem, figure.alternative, self.runs(figure.caption))


def _row(cell: Markup, runs: Iterable[Runs], write: Callable[[Runs], Markup], wide: int) -> Markup:
    cells = [cell.format(Markup(' class="wide"') if at == wide else "", write(entry)) for at, entry in enumerate(runs)]
    return Markup("<tr>{}</tr>").format(Markup("").join(cells))
