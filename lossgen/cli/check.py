"""`lossgen check`."""

import json
import sys
from collections import Counter
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from lossgen.verify.check import Finding, check_loss, open_package
from lossgen.verify.record import entry, read, write

from .coverage import record_path
from .options import open_project, pick, project_options
from .progress import one_by_one

#: What a line that stands for all arguments calls its quantity.
SHORT = {
    "gradient": "gradient",
    "product": "Hessian · direction",
    "diagonal": "Hessian diagonal",
    "autograd": "gradient, autograd",
}


@click.command()
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print every figure as JSON.")
@click.option("-v", "--verbose", is_flag=True, help="A line for every argument, variant and kind of input.")
@click.option("--record", is_flag=True, help="Keep the results for `lossgen list --coverage`.")
@project_options
def check(
    names: tuple[str, ...], as_json: bool, verbose: bool, record: bool, spec: Path | None, out: Path | None
) -> None:
    """Holds generated losses against the raw formula, differentiated in wide arithmetic, and torch autograd.

    Exits 1 if a loss disagrees with its formula, or is not finite where the formula is.
    """
    project, losses = open_project(spec, out)
    chosen = [pick(losses, name) for name in names] or list(losses.values())
    package = open_package(project.out)
    found = {loss.name: list(check_loss(loss, package)) for loss in one_by_one(chosen)}
    findings = [f for of_loss in found.values() for f in of_loss]
    if as_json:
        click.echo(json.dumps([f.as_dict() for f in findings], indent=2))
    else:
        _print(findings, verbose)
    if record:
        path = record_path(project.out)
        kept = {name: kept for name, kept in read(path).items() if name in losses}
        write(path, kept | {name: entry(losses[name], project.out, of_loss) for name, of_loss in found.items()})
    failed = [f for f in findings if not f.passed]
    for f in failed:
        click.echo(
            f"{f.loss} {f.variant} on {f.figure.surface}: {f.figure.quantity} {f.figure.dtype} on {f.inputs} input "
            f"{f.parameters}: {f.figure.excess:.2g} times the error allowed, {f.figure.nonfinite} not finite; {f.figure.place}",
            err=True,
        )
    sys.exit(1 if failed else 0)


def _print(findings: list[Finding], verbose: bool) -> None:
    """A line for each quantity, or for each of its arguments, variants and kinds of input, with the worst over the rest."""
    worst: dict[tuple, Finding] = {}
    entries: Counter[tuple] = Counter()
    for f in findings:
        detail = (f.variant, f.figure.quantity, f.inputs) if verbose else ()
        key = (f.loss, f.figure.surface, f.figure.kind, f.figure.dtype, *detail)
        entries[key] += f.figure.entries
        if key not in worst or _badness(f) > _badness(worst[key]):
            worst[key] = f
    table = Table("loss", "on", "quantity", "dtype", "entries", "worst error (ulp)", "of what is allowed", "", "where")
    for key, f in worst.items():
        table.add_row(
            f.loss,
            f.figure.surface,
            f.figure.quantity if verbose else SHORT.get(f.figure.kind, f.figure.kind),
            f.figure.dtype,
            str(entries[key]),
            f"{f.figure.worst:.3g}{'†' if f.figure.moved else ''}",
            f"{f.figure.excess:.2g}",
            "ok" if f.passed else "[bold red]wrong[/]",
            " ".join(filter(None, (f.variant, f.inputs, *(f"{n}={v:g}" for n, v in _numbers(f).items())))),
        )
    console = Console()
    (console if console.is_terminal else Console(width=170)).print(table)


def _badness(finding: Finding) -> tuple[bool, float]:
    return (not finding.passed, finding.figure.excess)


def _numbers(finding: Finding) -> dict[str, float]:
    return {n: v for n, v in finding.parameters.items() if isinstance(v, float)}
