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
    """The loss of that name, or an error that suggests the nearest ones."""
    if name in losses:
        return losses[name]
    near = nearest(losses, name)
    hint = f"; did you mean {' or '.join(near)}?" if near else f"; there are {', '.join(losses)}"
    raise SpecError(f"no loss is called {name}{hint}")


def nearest(losses: dict[str, Loss], name: str) -> list[str]:
    """At most three losses: one whose module has the name, those that the name is a part of, those spelt alike."""
    by_module = [n for n, loss in losses.items() if loss.module.lower() == name.lower()]
    parts = [n for n in losses if len(name) > 2 and name.lower() in n]
    return list(dict.fromkeys([*by_module, *get_close_matches(name, losses, n=3, cutoff=0.7), *parts]))[:3]
