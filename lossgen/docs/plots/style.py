"""How the pictures look: sizes in centimetres, colours that colour-blind readers tell apart, and files that are the same every time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib import colormaps, rc_context, rcdefaults, rcParams
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lossgen.formula.letters import set_name

#: The width of a picture, which is at most that of a page's text.
WIDTH = 15.5
CM = 1 / 2.54
SMALL, NORMAL = 7.5, 8.5

#: Okabe and Ito's colours, in the order in which curves take them, each with dashes and a width of its own: where curves
#: fall together, those below are seen beside and between the dashes of those above.
BLUE, VERMILLION, GREEN, PURPLE, ORANGE = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00"
LINES = (
    {"color": BLUE, "linestyle": "-", "linewidth": 1.7},
    {"color": VERMILLION, "linestyle": (0, (5, 1.8)), "linewidth": 1.4},
    {"color": GREEN, "linestyle": (0, (1.2, 1.3)), "linewidth": 1.4},
    {"color": PURPLE, "linestyle": (0, (6, 1.6, 1.2, 1.6)), "linewidth": 1.2},
)
INK, GREY, PALE = "#222222", "#8a8a8a", "#cccccc"

#: Between ticks lie 1, 2, 2.5 or 5 times a power of ten.
STEPS = (1, 2, 2.5, 5, 10)

RULES = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": NORMAL,
    "axes.titlesize": NORMAL,
    "axes.labelsize": NORMAL,
    "legend.fontsize": NORMAL,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "axes.titlelocation": "left",
    "lines.linewidth": 1.3,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "pdf.fonttype": 42,
    "pdf.compression": 6,
    "svg.fonttype": "path",
    "svg.hashsalt": "lossgen",
    "path.simplify": True,
}


#: What would change from run to run, or from version to version, is left out of files.
METADATA = {
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    ".svg": {"Date": None, "Creator": None},
}


@contextmanager
def style() -> Iterator[None]:
    """The rules above, whatever the user's own settings are, and those settings again afterwards."""
    with rc_context():
        rcdefaults()
        rcParams.update(RULES)
        yield


class Sheet:
    """A picture of some height, on which axes are placed in centimetres from the top left corner."""

    def __init__(self, height: float) -> None:
        self.height = height
        self.figure = Figure(figsize=(WIDTH * CM, height * CM))

    def axes(self, left: float, top: float, width: float, height: float, **options: Any) -> Axes:
        """Axes whose frame has this place and this size."""
        place = (left / WIDTH, 1 - (top + height) / self.height, width / WIDTH, height / self.height)
        return self.figure.add_axes(place, **options)

    def text(self, left: float, top: float, words: str, **options: Any) -> None:
        """A text at a place."""
        self.figure.text(left / WIDTH, 1 - top / self.height, words, **options)

    def save(self, path: Path) -> None:
        """Writes the file, a PDF or an SVG by its name. It holds no date, no version and no random names."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.figure.savefig(path, metadata=METADATA[path.suffix])


def light_cividis() -> Colormap:
    """Cividis without its darkest part, on which no dark line could be read."""
    return ListedColormap(colormaps["cividis"].resampled(256)(range(64, 256)), name="light cividis")


def maths(name: str, *subscripts: str) -> str:
    """A name of the formula as mathtext."""
    return f"${set_name(name, *subscripts)}$"


def few_ticks(axes: Axes, most: int = 5) -> None:
    """No more ticks than are needed."""
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=STEPS))
    axes.yaxis.set_major_locator(MaxNLocator(most, steps=STEPS))
