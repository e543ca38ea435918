"""Names of local variables: an author's own where there is one, never one twice."""

import keyword
from collections.abc import Iterable, Mapping

from sympy import Expr

from .functions import exp_nonpositive, log1p_unit, magnitude, reciprocal

#: What a shared part is called when its author gave it no name, by the function at its head.
SHORT = {exp_nonpositive: "e", magnitude: "size", log1p_unit: "tail", reciprocal: "inverse"}

#: Names that every kernel uses for itself.
RESERVED = frozenset(
    "np njit math real integer MATH add abs sqrt range i lane first last bounds start stop scale item_scale values totals faults "
    "total part stop BLOCK TINY fault value factor s skipped below is_largest share image zero one True False None".split()
)


class Names:
    """Hands out unused names."""

    def __init__(self, taken: Iterable[str], hints: Mapping[Expr, str]) -> None:
        self._taken = {*RESERVED, *taken}
        self._hints = dict(hints)

    def new(self, wanted: str) -> str:
        """The wanted name, with a number behind it if it is taken."""
        wanted = wanted if wanted.isidentifier() and not keyword.iskeyword(wanted) else "part"
        stem, name, count = wanted.removesuffix("_1"), wanted, 1
        while name in self._taken:
            count += 1
            name = f"{stem}_{count}"
        self._taken.add(name)
        return name

    def shared(self, part: Expr) -> str:
        """A name for a part of the formula that is computed once."""
        if part in self._hints:
            return self.new(self._hints[part])
        head = SHORT.get(part.func) or {"Add": "sum", "Mul": "product", "Pow": "power_of", "Piecewise": "choice"}.get(
            part.func.__name__, part.func.__name__.lower())
        return self.new(f"{head}_1")
