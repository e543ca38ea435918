"""`lossgen check`."""

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from lossgen.verify.check import Finding, check_loss, open_package

from .options import open_project, pick, project_options


@click.command()
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print every figure as JSON.")
@project_options
def check(names: tuple[str, ...], as_json: bool, spec: Path | None, out: Path | None) -> None:
    """Holds generated kernels against finite differences of the raw formula in wide arithmetic, and torch autograd.

    Exits 1 if a kernel disagrees with its formula, or is not finite where the formula is.
    """
    project, losses = open_project(spec, out)
    chosen = [pick(losses, name) for name in names] or list(losses.values())
    package = open_package(project.out)
    findings: list[Finding] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(chosen))
        for loss in chosen:
            progress.update(task, description=loss.name)
            findings += check_loss(loss, package)
            progress.advance(task)
    if as_json:
        click.echo(json.dumps([f.as_dict() for f in findings], indent=2))
    else:
        _print(findings)
    failed = [f for f in findings if not f.passed]
    for f in failed:
        click.echo(
            f"{f.loss} {f.variant} {f.figure.quantity} {f.figure.dtype} on {f.inputs} input {f.parameters}: relative error "
            f"{f.figure.relative:.2g}, {f.figure.nonfinite} not finite; {f.figure.place}",
            err=True,
        )
    sys.exit(1 if failed else 0)


def _print(findings: list[Finding]) -> None:
    """One line for each quantity: the worst over hyperparameters."""
    table = Table("loss", "quantity", "dtype", "input", "relative error", "worst (ulp)", "not finite", "")
    worst: dict[tuple, Finding] = {}
    for f in findings:
        key = (f.loss, f.variant, f.figure.quantity, f.figure.dtype, f.inputs)
        if key not in worst or (f.passed, -f.figure.relative) < (worst[key].passed, -worst[key].figure.relative):
            worst[key] = f
    for (name, variant, quantity, dtype, inputs), f in worst.items():
        table.add_row(
            f"{name} {variant}",
            quantity,
            dtype,
            inputs,
            f"{f.figure.relative:.1e}",
            f"{f.figure.worst:.3g}",
            str(f.figure.nonfinite),
            "ok" if f.passed else "[bold red]wrong[/]",
        )
    console = Console()
    (console if console.is_terminal else Console(width=150)).print(table)
