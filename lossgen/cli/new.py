"""`lossgen new`."""

import keyword
import re
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
    # The formula of the paper as it stands: Python arithmetic, and functions of lossgen.formula. A hyperparameter is
    # an argument with a default, as in `delta: Positive = 1`. `lossgen show {name} --gradient` shows what follows.
    return (input - target) ** 2
'''

ROW = '''"""{name}."""

from lossgen.formula import Axis, ClassIndex, Logit, log, loss, softmax

C = Axis("C")


@loss(paper="Author year, title, equation")
def {name}(input: Logit[C], target: ClassIndex[C]):
    """What it measures. What to use it for, its strength and its weakness."""
    # The formula of the paper as it stands. x[c] is an entry of a row, Sum(x[c], c) runs over c = C.index(), and
    # x[target] is the entry of the right class. `lossgen show {name} --gradient` shows what follows.
    return -log(softmax(input, target))
'''


@click.command()
@click.argument("name")
@click.option("--family", default="", help="The folder under the formulas' folder.")
@click.option(
    "--kind",
    type=click.Choice(["element", "row"]),
    default="element",
    show_default=True,
    help="One number per item, or a row over classes.",
)
@project_options
def new(name: str, family: str, kind: str, spec: Path | None, out: Path | None) -> None:
    """Writes the frame of a formula, to be filled in."""
    if not name.isidentifier() or keyword.iskeyword(name):
        raise BuildError(f"NAME is {name!r}, expected a name that Python can import, such as log_cosh_loss")
    if not all(part.isidentifier() and not keyword.iskeyword(part) for part in family.split("/") if family):
        raise BuildError(f"--family is {family!r}, expected a folder that Python can import, such as regression")
    project = find_project(spec, out)
    path = project.spec / family / f"{name.removesuffix('_loss')}.py"
    if not path.exists():
        _check_free(name, project.spec)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write((ROW if kind == "row" else ELEMENT).format(name=name))
    except FileExistsError:
        raise BuildError(f"{path} exists already; choose another name") from None
    click.echo(f"wrote {path}: put the formula in, then `lossgen build`")


def _check_free(name: str, spec: Path) -> None:
    """Two losses of one name would stop the next build. Files are searched, not imported: some may be broken."""
    for path in sorted(spec.rglob("*.py")):
        if re.search(rf"^def {name}\(", path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE):
            raise BuildError(f"{path} defines {name} already; choose another name")
