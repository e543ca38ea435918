"""Options and look-ups that several commands share."""

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

import click

from lossgen.build.project import Project, find_project
from lossgen.formula import Loss, SpecError
from lossgen.formula.load import load_losses


def project_options(command: Callable) -> Callable:
    """--spec and --out, which stand in for [tool.lossgen] of pyproject.toml."""
    folder = click.Path(path_type=Path, file_okay=False)
    command = click.option("--out", type=folder, help="The generated package's folder.")(command)
    return click.option("--spec", type=folder, help="The folder of the formulas.")(command)


def open_project(spec: Path | None, out: Path | None) -> tuple[Project, dict[str, Loss]]:
    """The project and its losses."""
    project = find_project(spec, out)
    return project, load_losses(project.spec)


def pick(losses: dict[str, Loss], name: str) -> Loss:
    """The loss of that name, or an error that suggests one."""
    if name in losses:
        return losses[name]
    close = get_close_matches(name, losses, n=1)
    hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(losses)}"
    raise SpecError(f"no loss is called {name}{hint}")
