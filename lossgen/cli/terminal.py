"""Writes the content of pages to a terminal."""

from collections.abc import Iterator

from rich import box
from rich.console import Console, RenderableType
from rich.segment import Segment, Segments
from rich.syntax import Syntax
from rich.table import Table as Grid
from rich.text import Text

from lossgen.pages.blocks import (
    Block,
    Code,
    Display,
    Figure,
    Formula,
    Items,
    Listing,
    Page,
    Paragraph,
    Runs,
    Section,
    Table,
)

from .formulas import set_display, set_inline

INDENT = 2
#: Formulas are set no wider than this, however wide the terminal is: longer lines are hard to read.
WIDEST = 110


def write_head(console: Console, page: Page) -> None:
    """The name, the purpose and the source of a loss."""
    family = f"    {page.family}" if page.family else ""
    for part in (
        Text.assemble((page.name, "bold"), (family, "dim")),
        text_of(page.purpose),
        Text(page.reference, "dim"),
    ):
        if part:
            _put(console, part, console.width, 0)


def write_section(console: Console, section: Section) -> None:
    """A section: its title, and its blocks under each other."""
    console.print()
    console.print(Text(section.title, "bold cyan"))
    width = min(console.width, WIDEST) - INDENT
    for number, block in enumerate(section.blocks):
        if number:
            console.print()
        for part in _renderable(block, width):
            _put(console, part, width)


def _put(console: Console, part: RenderableType, width: int, indent: int = INDENT) -> None:
    """Prints a part, set in from the left, without spaces at the ends of lines; what has lines of its own is not broken."""
    if isinstance(part, Text) and part.no_wrap:
        for line in part.split("\n", allow_blank=True):
            console.print(Text.assemble(" " * indent * bool(line), line), soft_wrap=True)
        return
    for line in console.render_lines(part, console.options.update(width=width), pad=False):
        while line and not line[-1].text.strip():
            line.pop()
        end = [Segment(line[-1].text.rstrip(), line[-1].style)] if line else []
        console.print(Segments([Segment(" " * indent * bool(line)), *line[:-1], *end, Segment.line()]), soft_wrap=True)


def write_code(console: Console, code: str, language: str = "python") -> None:
    """Code in colours on a terminal; elsewhere as it is, so that it can go into a file."""
    if not console.is_terminal:
        console.file.write(code if code.endswith("\n") else f"{code}\n")
        return
    console.print(_coloured(code, language), soft_wrap=True)


def text_of(runs: Runs) -> Text:
    """Runs as text in styles."""
    text = Text()
    for run in runs:
        match run:
            case Formula(latex):
                text.append(set_inline(latex), "italic")
            case Code(code):
                text.append(code, "green")
            case _:
                text.append(run.text)
    return text


def _renderable(block: Block, width: int) -> Iterator[RenderableType]:
    match block:
        case Paragraph(runs):
            yield text_of(runs)
        case Display(lines):
            yield Text("\n".join(set_display(lines, width)), no_wrap=True, overflow="ignore")
        case Table():
            yield _grid(block)
        case Items(items):
            yield from _items(items, width)
        case Listing(language, code):
            text = _coloured(code, language)
            text.no_wrap = True
            yield text
        case Figure(_, _, alternative):
            yield Text(alternative, "dim")


def _coloured(code: str, language: str) -> Text:
    text = Syntax(code, language, theme="ansi_dark", background_color="default").highlight(code)
    text.rstrip()
    return text


def _grid(table: Table) -> Grid:
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for number, head in enumerate(table.head):
        grid.add_column(text_of(head), ratio=1 if number == table.wide else None)
    for row in table.rows:
        grid.add_row(*map(text_of, row))
    return grid


def _items(items: tuple[tuple[Block, ...], ...], width: int) -> Iterator[RenderableType]:
    for item in items:
        grid = Grid.grid(padding=(0, 1, 0, 0))
        grid.add_column(width=1)
        grid.add_column(ratio=1)
        for number, block in enumerate(item):
            for part in _renderable(block, width - 2):
                grid.add_row("" if number else "•", part)
        yield grid
