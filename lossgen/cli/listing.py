"""`lossgen list`."""

import json
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lossgen.formula import Loss
from lossgen.pages.docstring import read_docstring

from .coverage import show_coverage
from .options import open_project, project_options


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.option("--coverage", is_flag=True, help="What has been checked, against what, and the worst error.")
@project_options
def list_losses(as_json: bool, coverage: bool, spec: Path | None, out: Path | None) -> None:
    """Lists the losses of the project."""
    project, losses = open_project(spec, out)
    if coverage:
        show_coverage(losses, project.out, as_json)
        return
    rows = [_row(loss, project.spec) for loss in losses.values()]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    table = Table("loss", "arguments", "hyperparameters", "reduction", "file")
    for row in rows:
        arguments = ", ".join(f"{name}: {' | '.join(roles)}" for name, roles in row["arguments"].items())
        parameters = ", ".join(f"{name} = {value}" for name, value in row["parameters"].items())
        table.add_row(*map(escape, (row["name"], arguments, parameters, row["reduction"], row["file"])))
    console = Console()
    (console if console.is_terminal else Console(width=160)).print(table)


def _row(loss: Loss, spec: Path) -> dict:
    arguments: dict[str, list[str]] = {}
    for variant in loss.variants:
        for argument in variant.arguments:
            roles = arguments.setdefault(argument.name, [])
            if str(argument.role) not in roles:
                roles.append(str(argument.role))
    return {
        "name": loss.name,
        "module": loss.module,
        "summary": read_docstring(loss.doc).purpose,
        "arguments": arguments,
        "parameters": {name: loss.default(name) for name in loss.settings},
        "reduction": loss.reduction,
        "paper": loss.paper,
        "file": str(loss.source.relative_to(spec.resolve())),
    }
