"""Pictures of a loss as vector graphics, chosen by the roles of its arguments and the nodes of its formula."""

from importlib import import_module
from importlib.util import find_spec

from lossgen.build.errors import BuildError
from lossgen.formula import Loss
from lossgen.pages.blocks import Figure

from ..places import Places

__all__ = ["draw"]


def draw(loss: Loss, places: Places, html: bool = True) -> tuple[Figure, ...]:
    """Draws a loss and writes each picture as PDF to `places.latex`/figures and, for `html`, as SVG to `places.site`/figures.

    A loss with recurrences gets the lattice of each. A row of class scores gets the loss over the simplex of three classes
    (over two scores, where no softmax is taken of them), embeddings get it over the plane of one of them; all but recurrences get
    value and gradient over their predictions for several targets, hyperparameters and options. The numbers are those of
    the raw formula and of the derived gradient, in double precision; the files have the same bytes every time.

    Raises BuildError where matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise BuildError("pictures need matplotlib, which is not installed: pip install lossgen[docs]")
    return import_module("lossgen.docs.plots.figures").draw_figures(loss, places, html)
