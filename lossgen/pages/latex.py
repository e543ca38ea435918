"""A page in LaTeX, to be included by a document whose preamble is `preamble()`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from .blocks import Block, Code, Display, Figure, Formula, Items, Listing, Page, Paragraph, Plain, Runs, Table
from .latex_text import latex_code, latex_text
from .references import linked, reference_key

#: A column with a cell of more characters is broken into lines; a cell that is a name alone may be longer.
NARROW, NAME = 26, 42


@cache
def environment(package: str) -> Environment:
    """The LaTeX templates of a package. LaTeX is full of braces: they have delimiters of their own, <% %> and << >>."""
    return Environment(
        loader=PackageLoader(package),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
    )


def _template(name: str) -> Template:
    return environment("lossgen.pages").get_template(f"{name}.tex.jinja")


def page_latex(page: Page, source: str = "a formula", terms: Sequence[str] = ()) -> str:
    """The page as a section of a document; `source` names the formula's file, `terms` are further entries of the index."""
    return _template("page").render(
        page=page,
        source=source,
        title=latex_code(page.name),
        purpose=runs_latex(page.purpose),
        sections=[(section.key, latex_text(section.title), blocks_latex(section.blocks)) for section in page.sections],
        terms=[(term, latex_code(term)) for term in (page.name, *terms)],
        key=reference_key(page.reference),
        reference=_linked(page.reference),
    )


def blocks_latex(blocks: Iterable[Block]) -> str:
    """The blocks one after another. A formula belongs to the paragraph before it: there is no empty line between them.

    Where there is none, TeX would start one; the space of its empty line is taken back.
    """
    text = ""
    for block in blocks:
        joined = isinstance(block, Display)
        text += ("\n" if joined else "\n\n") * bool(text) + block_latex(block)
    return "\\lossgenfirst\n" * text.startswith("\\begin{align*}") + text


def preamble() -> str:
    """What comes before `\\begin{document}`: packages, and the commands that pages use."""
    return _template("preamble").render()


def bibliography(references: Iterable[str]) -> str:
    """The sources of the pages, by author, as a bibliography."""
    entries = sorted({(reference_key(text), text) for text in references if text}, key=lambda e: e[1].casefold())
    shown = [(key, _linked(text)) for key, text in entries]
    return _template("bibliography").render(entries=shown)


def _linked(reference: str) -> str:
    """A reference; an arXiv number in it leads to the paper."""
    parts = [(latex_text(text), address) for text, address in linked(reference)]
    return "".join(rf"\href{{{address}}}{{{text}}}" if address else text for text, address in parts)


def runs_latex(runs: Runs) -> str:
    """A line of text."""
    return "".join(_RUNS[type(run)](run) for run in runs)


_RUNS: Mapping[type, Callable] = {
    Plain: lambda run: latex_text(run.text),
    Code: lambda run: _name(run.text),
    Formula: lambda run: f"${run.latex}$",
}


def _name(text: str) -> str:
    """Code; the name of a loss leads to its page where the document has one."""
    return (
        rf"\lossgenname{{{text}}}{{{latex_code(text)}}}" if text.isidentifier() and text.isascii() else latex_code(text)
    )


def block_latex(block: Block) -> str:
    """A block, on lines of its own, without an end of line."""
    return _BLOCKS[type(block)](block)


def _paragraph(block: Paragraph) -> str:
    return runs_latex(block.runs)


def _display(block: Display) -> str:
    lines = " \\\\\n".join(f"  {line}" for line in block.lines)
    return f"\\begin{{align*}}\n{lines}\n\\end{{align*}}"


def _items(block: Items) -> str:
    lines = ["\\begin{itemize}"]
    lines += [f"\\item {blocks_latex(item)}" for item in block.items]
    return "\n".join([*lines, "\\end{itemize}"])


def _listing(block: Listing) -> str:
    """Code on one page: it is broken over two only if it is long."""
    room = f"\\needspace{{{min(block.text.count(chr(10)) + 2, 20)}\\baselineskip}}\n"
    return f"{room}\\begin{{lstlisting}}[language={block.language.title()}]\n{block.text}\n\\end{{lstlisting}}"


def _figure(block: Figure) -> str:
    file = f"\\lossgenfigure{{{block.stem}}}"
    return f"{file}{{{runs_latex(block.caption)}}}{{{latex_text(block.alternative)}}}"


def _table(block: Table) -> str:
    rows = [_row(block.head), "\\midrule", *map(_row, block.rows)]
    lines = ["\\begin{lossgentable}{" + "".join(_columns(block)) + "}", *rows, "\\end{lossgentable}"]
    return "\n".join(lines)


def _row(cells: Sequence[Runs]) -> str:
    return " & ".join(map(runs_latex, cells)) + r" \\"


def _columns(block: Table) -> list[str]:
    """Columns as wide as their text, but the wide one and those of long cells, which share what is left by their length."""
    longest = [max(_length(row[i]) for row in (block.head, *block.rows)) for i in range(len(block.head))]
    names = [all(_is_name(row[i]) for row in block.rows) for i in range(len(block.head))]
    broken = [i for i, length in enumerate(longest) if i == block.wide or length > (NAME if names[i] else NARROW)]
    weights = {i: min(max(longest[i], 20), 80) for i in broken}
    share = len(broken) / sum(weights.values())
    return [f"P{{{weights[i] * share:.3f}}}" if i in weights else "l" for i in range(len(longest))]


def _is_name(runs: Runs) -> bool:
    return len(runs) == 1 and isinstance(runs[0], Code)


def _length(runs: Runs) -> int:
    return sum(len(run.latex) // 2 if isinstance(run, Formula) else len(run.text) for run in runs)


_BLOCKS: Mapping[type, Callable] = {
    Paragraph: _paragraph,
    Display: _display,
    Table: _table,
    Items: _items,
    Listing: _listing,
    Figure: _figure,
}
