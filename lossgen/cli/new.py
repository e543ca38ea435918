"""`lossgen new`."""

import keyword
from pathlib import Path

import click

from lossgen.build.errors import BuildError
from lossgen.build.project import find_project

from .options import project_options

ELEMENT = '''"""{name}."""

from lossgen.formula import Prediction, Real, loss


@loss(paper="Author year, title, equation")
def {name}(input: Prediction, target: Real):
    """What it measures. What to use it for, its strength and its weakness."""
    return (input - target) ** 2
'''

ROW = '''"""{name}."""

from lossgen.formula import Axis, ClassIndex, Logit, log, loss, softmax

C = Axis("C")


@loss(paper="Author year, title, equation")
def {name}(input: Logit[C], target: ClassIndex[C]):
    """What it measures. What to use it for, its strength and its weakness."""
    return -log(softmax(input, target))
'''


@click.command()
@click.argument("name")
@click.option("--family", default="", help="The folder under the formulas' folder.")
@click.option("--kind", type=click.Choice(["element", "row"]), default="element", show_default=True,
              help="One number per item, or a row over classes.")
@project_options
def new(name: str, family: str, kind: str, spec: Path | None, out: Path | None) -> None:
    """Writes the frame of a formula, to be filled in."""
    if not name.isidentifier() or keyword.iskeyword(name):
        raise BuildError(f"NAME is {name!r}, expected a name that Python can import, such as log_cosh_loss")
    project = find_project(spec, out)
    path = project.spec / family / f"{name.removesuffix('_loss')}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write((ROW if kind == "row" else ELEMENT).format(name=name))
    except FileExistsError:
        raise BuildError(f"{path} exists already; choose another name") from None
    click.echo(f"wrote {path}: put the formula in, then `lossgen build`")
