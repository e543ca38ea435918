"""Lines of code that draw an argument at random, in the shape and the domain of its role."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lossgen.formula import Axis, Role, Variant

Shape = tuple[int, ...]

#: How many items the batches have.
ITEMS = (8, 6)
#: The entries of an axis, by its place; of a recurrence's axes: of one that labels point into, that labels lie along, other.
PLACES = {"class": 5, "features": 16, "last": 16, "first": 16}
CLASSES, LABELS, STEPS = 6, 4, 20


@dataclass(frozen=True)
class Sizes:
    """The numbers of items and of entries on each axis."""

    items: int
    axes: Mapping[Axis, int]

    def shape(self, role: Role) -> Shape:
        """The shape of an argument."""
        sizes = [self.axes[axis] for axis in role.axes]
        if role.layout in ("shared", "table"):
            return tuple(sizes)
        if role.layout in ("item", "broadcast", "length"):
            return (self.items,)
        first = sum(axis.place == "first" for axis in role.axes)
        return (*sizes[:first], self.items, *sizes[first:])


def batch_sizes(variant: Variant, batch: int) -> Sizes:
    """Sizes to show a loss with: room for every label in a recurrence, a column for each item where items are compared."""
    items = ITEMS[batch % len(ITEMS)]
    pointed = {a.role.points_to for a in variant.arguments if a.role.points_to}
    numbers = {axis for a in variant.arguments if not a.role.integer for axis in a.role.axes}
    sizes: dict[Axis, int] = {}
    for axis in sorted(variant.axes + tuple(pointed - set(variant.axes)), key=lambda a: a.base is not None):
        if axis.base is not None:
            sizes[axis] = sizes[axis.base] + axis.longer
        elif variant.filled:
            sizes[axis] = CLASSES if axis in pointed else STEPS if axis in numbers else LABELS
        else:
            taken = sum(other.place == axis.place for other in sizes)
            sizes[axis] = items if variant.numbered else max(2, PLACES[axis.place] >> 2 * taken)
    return Sizes(items, sizes)


@dataclass(frozen=True)
class Library:
    """How a library draws numbers: each field makes the code for a shape.

    start : the line that comes first, if any.
    integers : also takes the lowest number and the first that is too high. `full`: takes the number.
    listed : takes the rows of a list of lists, of which there are so many.
    trained : an expression made a leaf that has a gradient.
    """

    start: str
    normal: Callable[[Shape], str]
    uniform: Callable[[Shape], str]
    integers: Callable[[int, int, Shape], str]
    flags: Callable[[Shape], str]
    signs: Callable[[Shape], str]
    simplex: Callable[[Shape], str]
    full: Callable[[int, Shape], str]
    listed: Callable[[str], str]
    log: Callable[[str], str]
    trained: Callable[[str], str]

    def draw(self, name: str, role: Role, sizes: Sizes, avoid: int | None = None) -> str:
        """The statement that draws the argument; `avoid` is a class that no label may be."""
        shape = sizes.shape(role)
        if role.listed:
            row = [0, 2, *[-1] * (sizes.axes[role.axis] - 2)]
            return f"{name} = {self.listed(f'[{row}] * {sizes.items}')}"
        if role.layout == "length":
            return f"{name} = {self.full(sizes.axes[role.axis], shape)}"
        if role.integer:
            classes = sizes.axes[role.points_to or role.axis]
            low, high = (1, classes) if avoid == 0 else (0, avoid or classes)
            return f"{name} = {self.integers(low, high, shape)}"
        drawn = self._number(role, shape)
        return f"{name} = {self.trained(drawn) if role.kind == 'prediction' else drawn}"

    def _number(self, role: Role, shape: Shape) -> str:
        sums_to_one = role.axis is not None and role.axis.place == "class"
        if role.name == "LogProbability":
            return self.log(self.simplex(shape) if role.axes and role.grid else self.uniform(shape))
        if role.domain == "unit":
            return self.simplex(shape) if sums_to_one else self.uniform(shape)
        drawn: dict[str, Callable[[Shape], str]] = {
            "binary": self.flags,
            "sign": self.signs,
            "nonnegative": self.uniform,
            "positive": self.uniform,
            "above-minus-one": self.uniform,
        }
        return drawn.get(role.domain, self.normal)(shape)


def _numpy_shape(shape: Shape) -> str:
    return f"size={shape[0] if len(shape) == 1 else shape}"


def _listed(shape: Sequence[int]) -> str:
    return ", ".join(map(str, shape))


def _whole(shape: Shape) -> str:
    return str(shape[0]) if len(shape) == 1 else str(shape)


NUMPY = Library(
    start="rng = np.random.default_rng(0)",
    normal=lambda shape: f"rng.normal({_numpy_shape(shape)})",
    uniform=lambda shape: f"rng.uniform(0.1, 0.9, {_numpy_shape(shape)})",
    integers=lambda low, high, shape: f"rng.integers({low}, {high}, {_numpy_shape(shape)})",
    flags=lambda shape: f"rng.choice([0.0, 1.0], {_numpy_shape(shape)})",
    signs=lambda shape: f"rng.choice([-1.0, 1.0], {_numpy_shape(shape)})",
    simplex=lambda shape: f"rng.dirichlet(np.ones({shape[-1]}), size={_whole(shape[:-1])})",
    full=lambda number, shape: f"np.full({_whole(shape)}, {number})",
    listed=lambda rows: f"np.array({rows})",
    log=lambda text: f"np.log({text})",
    trained=lambda text: text,
)

TORCH = Library(
    start="",
    normal=lambda shape: f"torch.randn({_listed(shape)})",
    uniform=lambda shape: f"torch.rand({_listed(shape)})",
    integers=lambda low, high, shape: f"torch.randint({low}, {high}, {shape})",
    flags=lambda shape: f"torch.randint(2, {shape}).float()",
    signs=lambda shape: f"torch.randint(2, {shape}) * 2.0 - 1",
    simplex=lambda shape: f"torch.randn({_listed(shape)}).softmax(-1)",
    full=lambda number, shape: f"torch.full({shape}, {number})",
    listed=lambda rows: f"torch.tensor({rows})",
    log=lambda text: f"{text}.log()",
    trained=lambda text: f"{text}.requires_grad_()",
)
