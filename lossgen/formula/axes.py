"""Named axes: what a row of numbers runs over (classes, features, latents)."""

from dataclasses import dataclass
from keyword import iskeyword
from typing import Literal, get_args

from sympy import Expr, Symbol

from .errors import SpecError

Place = Literal["class", "features", "first", "last"]


@dataclass(frozen=True)
class Axis:
    """A named axis of the arguments.

    `place` says where it lies in the arrays that users pass, unless they say otherwise with `axis=`:
    "class" is dimension 1 of (N, C, d1, …) and dimension 0 of (C,), as in PyTorch;
    "features" is every dimension but the first, flattened;
    "last" is the last dimension, as of the embeddings in (N, D), (D,) or (N, d1, D);
    "first" is the first dimension, as of time in (T, N, C). Of an argument with several axes, those at the end are the
    last dimensions, in the argument's order, and those at the front the first ones.

    `base` and `longer`: an axis with so many entries more than another one. `length`: an axis of a recurrence's cells
    alone, of no argument, with its length as a formula: `Axis("S", length=2 * L.size + 1)`.
    """

    name: str
    place: Place = "class"
    base: "Axis | None" = None
    longer: int = 0
    length: Expr | None = None

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or iskeyword(self.name):
            raise SpecError(f"Axis({self.name!r}): expected a name that Python allows for a variable, such as C")
        if self.place not in get_args(Place):
            raise SpecError(f"Axis({self.name!r}, place={self.place!r}): expected one of {', '.join(get_args(Place))}")

    @property
    def size(self) -> Symbol:
        """The number of entries, as a symbol for formulas: `1 / C.size`."""
        return Symbol(self.name, integer=True, positive=True)

    @property
    def extent(self) -> Expr:
        """The number of entries in terms of axes that arguments have."""
        if self.length is not None:
            return self.length
        return self.base.extent + self.longer if self.base else self.size

    def index(self, name: str | None = None) -> "Index":
        """An index that runs over the axis; its name is the axis's own in lower case unless given."""
        return Index(name or self.name.lower(), self)


class Index(Symbol):
    """An integer that runs over an axis: bound by a reduction, or the position of a gradient's entry."""

    __slots__ = ("_whole_axis", "axis")
    axis: Axis

    def __new__(cls, name: str, axis: Axis) -> "Index":
        self = Symbol.__xnew__(cls, name, integer=True, nonnegative=True)
        self.axis = axis
        self._whole_axis = repr(axis)
        return self

    def __getnewargs_ex__(self):
        return (self.name, self.axis), {}

    def _hashable_content(self):
        # All of the axis: SymPy keeps expressions, and would give those of another loss whose axis has the same name.
        return (*super()._hashable_content(), self._whole_axis)
