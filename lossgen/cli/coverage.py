"""The table of `lossgen list --coverage`: what has been held against the truth, as the checks have recorded it."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from lossgen.formula import Loss
from lossgen.verify.record import AGAINST, NAME, Cell, coverage, read
from lossgen.verify.surfaces import COLUMNS

MARKS = {
    "ok": "[green]✓[/]",
    "wrong": "[bold red]wrong[/]",
    "stale": "[yellow]stale[/]",
    "missing": "[red]–[/]",
    "none": "",
}


def show_coverage(losses: Mapping[str, Loss], out: Path, as_json: bool) -> None:
    """Prints the coverage of every loss."""
    kept = read(record_path(out))
    rows = {name: coverage(loss, out, kept) for name, loss in losses.items()}
    if as_json:
        found = [
            {"loss": n, "surface": s, "quantity": q, **asdict(c)} for n, r in rows.items() for (s, q), c in r.items()
        ]
        click.echo(json.dumps({"against": AGAINST, "cells": found}, indent=2))
        return
    table = Table("loss", caption=_caption(rows), caption_justify="left")
    for column in COLUMNS:
        for quantity in column.quantities:
            table.add_column(f"{column.name}\n{quantity}")
    for name, cells in rows.items():
        table.add_row(name, *(_text(cell) for cell in cells.values()))
    console = Console()
    (console if console.is_terminal else Console(width=240)).print(table)


def record_path(out: Path) -> Path:
    """Where a project keeps its record: beside the generated package."""
    return out.resolve().parent / NAME


def _text(cell: Cell) -> str:
    if cell.state != "ok":
        return MARKS[cell.state]
    return f"{MARKS['ok']} {cell.worst:.2g}{'†' if cell.moved else ''}"


def _caption(rows: Mapping[str, Mapping[tuple[str, str], Cell]]) -> str:
    states = [cell.state for cells in rows.values() for cell in cells.values() if cell.state != "none"]
    counts = {state: states.count(state) for state in MARKS}
    missing = "" if counts["ok"] == len(states) else " `lossgen check --record` fills what is missing or stale."
    return (
        f"{counts['ok']} of {len(states)} cells are held by a check of the files as they are now.{missing}\n"
        f"{AGAINST}, float32 and float64.\n"
        "The number is the largest error in units in the last place. †: where a function is ill-conditioned or a kink is near, "
        "entries are held to what moving each input by two roundings does to them."
    )
