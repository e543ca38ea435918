"""`lossgen build`."""

import sys
from pathlib import Path

import click
from rich.console import Console

from lossgen.build.compare import compare
from lossgen.build.errors import BuildError
from lossgen.build.package import render
from lossgen.build.project import package_name
from lossgen.build.writer import Changes, write

from .options import open_project, project_options
from .terminal import write_code


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 with a diff if the package is stale.")
@click.option("--force", is_flag=True, help="Overwrite generated files that were edited by hand.")
@project_options
def build(check: bool, force: bool, spec: Path | None, out: Path | None) -> None:
    """Generates the package from the formulas: only what changed is written, all of it or nothing."""
    with Console(stderr=True).status("deriving"):
        project, losses = open_project(spec, out)
        _apart(project.spec, project.out)
        files = render(losses, project.spec, package_name(project.out))
    if check:
        comparison = compare(files, project.out)
        if comparison.up_to_date:
            click.echo(f"{project.out} is up to date ({len(losses)} losses)")
            return
        write_code(Console(), comparison.diff(), "diff")
        click.echo(f"{project.out} is stale: run `lossgen build`", err=True)
        sys.exit(1)
    _report(write(files, project.out, force=force), project.out, len(losses))


def _apart(spec: Path, out: Path) -> None:
    """Formulas and what is made from them must not lie in one another."""
    spec, out = spec.resolve(), out.resolve()
    if spec == out or spec in out.parents or out in spec.parents:
        raise BuildError(f"--out {out} and --spec {spec} lie in one another; expected two separate folders")


def _report(changes: Changes, out: Path, count: int) -> None:
    for sign, names in (("+", changes.added), ("~", changes.changed), ("-", changes.removed)):
        for name in names:
            click.echo(f"{sign} {name}")
    click.echo(
        f"{out}: {count} losses, {len(changes.added)} files added, {len(changes.changed)} changed, "
        f"{len(changes.removed)} removed, {len(changes.unchanged)} unchanged"
    )
