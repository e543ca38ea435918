"""The report as tables: for the terminal with rich, and as Markdown for the README."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table

from .measure import Timing
from .report import Report, Row

UNITS = (("s", 1.0), ("ms", 1e3), ("µs", 1e6))
SHARE = "of copy bandwidth"
NARROWEST = 136  # columns; narrower, the table would break its words


def print_report(report: Report, console: Console) -> None:
    """Print everything with rich: a table for each loss, then start-up and memory."""
    console.width = max(console.width, NARROWEST)
    for name, text in _described(report):
        console.print(f"{name}: {text}", soft_wrap=True, markup=False, highlight=False)
    for loss, rows in groupby(report.rows, key=lambda row: row.case.loss):
        _print_table(console, loss, _headings(report)[1:], [_cells(report, row, "\n")[1:] for row in rows])
    console.print(report.measured, highlight=False)
    for title, headings, rows in _small_tables(report):
        _print_table(console, title, headings, rows)
    for note in report.notes:
        console.print(note, soft_wrap=True, markup=False)


def _print_table(console: Console, title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left")
    for position, heading in enumerate(headings):
        table.add_column(heading.replace(" / ", " /\n"), justify="right" if position else "left")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def markdown(report: Report) -> str:
    """Everything as Markdown."""
    lines = [", ".join(f"{name} {text}" for name, text in _described(report)) + ".", "", report.measured, ""]
    lines += _markdown_table(_headings(report), [_cells(report, row, " ") for row in report.rows], 2)
    for title, headings, cells in _small_tables(report):
        lines += ["", f"{title}:", "", *_markdown_table(headings, cells, 1)]
    for note in report.notes:
        lines += ["", note]
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """A time with three digits and a unit."""
    unit, factor = _unit(seconds)
    return f"{_digits(seconds * factor)} {unit}"


def _unit(seconds: float) -> tuple[str, float]:
    return next((pair for pair in UNITS if seconds * pair[1] >= 1), UNITS[-1])


def _digits(number: float) -> str:
    return f"{number:.{max(0, 3 - len(str(int(number))))}f}"


def _described(report: Report) -> Iterator[tuple[str, str]]:
    yield from report.facts.items()
    yield from report.conditions.items()


def _headings(report: Report) -> list[str]:
    shares = [] if report.bandwidth is None else [SHARE]
    return ["loss", "size", *report.columns, *(f"{peer} / {ours}" for peer, ours in report.speedups), *shares]


def _cells(report: Report, row: Row, separator: str) -> list[str]:
    timings = [_timing(row.timings.get(column), separator) for column in report.columns]
    ratios = [row.speedup(peer, ours) for peer, ours in report.speedups]
    shares = [] if report.bandwidth is None else [row.share(report.bandwidth)]
    return [
        row.case.loss,
        row.case.label,
        *timings,
        *("" if ratio is None else _ratio(ratio) for ratio in ratios),
        *("" if share is None else f"{share:.0%}" for share in shares),
    ]


def _timing(timing: Timing | None, separator: str) -> str:
    """The median with its unit, which holds for the least and the greatest as well; empty where none was measured."""
    if timing is None:
        return ""
    unit, factor = _unit(timing.median)
    extremes = f"{_digits(timing.least * factor)} – {_digits(timing.greatest * factor)}"
    return f"{_digits(timing.median * factor)} {unit}{separator}({extremes})"


def _ratio(ratio: float | None) -> str:
    if ratio is None:
        return ""
    return f"{ratio:.1f} ×" if ratio < 10 else f"{ratio:.0f} ×"


def _small_tables(report: Report) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Start-up and memory: a title, headings and lines."""
    if report.startup:
        yield (
            "From the first import to the first result in a fresh process (binary cross entropy, 1,000 elements)",
            ["", "imports alone", "nothing cached", "compiled code cached on disk"],
            [
                [column, duration(times.imports), duration(times.compiling), duration(times.cached)]
                for column, times in report.startup.items()
            ],
        )
    if report.memory:
        size = next(iter(report.memory.values())).inputs
        yield (
            f"Peak memory of value and gradient beyond {size / 1e6:.0f} MB of inputs (binary cross entropy)",
            ["", "MB"],
            [[column, f"{amount.extra / 1e6:.1f}"] for column, amount in report.memory.items()],
        )


def _markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> list[str]:
    rule = ["---" if position < left else "---:" for position in range(len(headings))]
    return [f"| {' | '.join(cells)} |" for cells in (headings, rule, *rows)]
