"""`lossgen show`."""

import json
from pathlib import Path

import click
from rich.console import Console

from lossgen.build.project import package_name, source_name
from lossgen.formula import Loss
from lossgen.kernel import DTYPES, TARGETS, render_module
from lossgen.pages.latex import page_latex
from lossgen.pages.page import page

from .description import describe
from .options import open_project, pick, project_options
from .terminal import write_code, write_head, write_section

#: Sections that are long, and the option that asks for them.
ON_REQUEST = {"gradient": "gradient", "curvature": "gradient", "steps": "steps"}


@click.command()
@click.argument("name")
@click.option("--gradient", is_flag=True, help="Also the derived gradient and curvature.")
@click.option("--steps", is_flag=True, help="Also the derivation: each rule that was applied, and why it holds.")
@click.option("--kernel", type=click.Choice(list(TARGETS)), help="Instead, the generated kernels of every variant.")
@click.option("--dtype", type=click.Choice(DTYPES), help=f"The kernels' dtype.  [default: {DTYPES[0]}]")
@click.option("--latex", is_flag=True, help="Instead, the page in LaTeX, to be included by a document.")
@click.option("--json", "as_json", is_flag=True, help="Instead, JSON for programs: formulas as text and as LaTeX.")
@project_options
def show(
    name: str,
    gradient: bool,
    steps: bool,
    kernel: str | None,
    dtype: str | None,
    latex: bool,
    as_json: bool,
    spec: Path | None,
    out: Path | None,
) -> None:
    """Shows a loss: its formula, its arguments, and what is derived from it."""
    _check({"--kernel": kernel, "--latex": latex, "--json": as_json}, {"--gradient": gradient, "--steps": steps})
    if dtype and not kernel:
        raise click.UsageError("--dtype is the dtype of kernels, give --kernel, too")
    project, losses = open_project(spec, out)
    loss = pick(losses, name)
    console = Console(highlight=False)
    package, source = package_name(project.out), source_name(loss.source, project.spec)
    if kernel:
        for variant in loss.pieces:
            write_code(console, render_module(loss, variant, dtype or DTYPES[0], source, kernel))
    elif latex:
        write_code(console, page_latex(page(loss, package), source, (loss.module,)), "latex")
    elif as_json:
        click.echo(json.dumps(describe(loss), indent=2, ensure_ascii=False))
    else:
        _show_page(console, loss, package, {"gradient": gradient, "steps": steps})


def _check(instead: dict[str, object], also: dict[str, bool]) -> None:
    """Raises UsageError where two options cannot both be followed."""
    alone = [option for option, given in instead.items() if given]
    others = [option for option, given in also.items() if given]
    if alone and len(alone) + len(others) > 1:
        first, second = (*alone, *others)[:2]
        raise click.UsageError(f"{first} stands alone, {second} cannot be given with it")


def _show_page(console: Console, loss: Loss, package: str, asked: dict[str, bool]) -> None:
    found = page(loss, package)
    write_head(console, found)
    for section in found.sections:
        if asked.get(ON_REQUEST.get(section.key, ""), True):
            write_section(console, section)
    more = [f"--{option}" for option, given in asked.items() if not given]
    if more and console.is_terminal:
        console.print(f"\n{' and '.join(more)} show more.", style="dim")
