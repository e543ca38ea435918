"""Everything that is derived from one variant of a loss: value, gradient, curvature, each in a stable form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from sympy import Expr, Integer, Ne, true

from lossgen.formula import Axis, Index, SpecError, Variant
from lossgen.formula.nodes import Delta, Entry
from lossgen.formula.notebook import displayed, latex, slope_of
from lossgen.formula.roles import Role
from lossgen.formula.symbols import Argument

from .differentiate import Seed, differentiate
from .rewrite import Rewriter, Trace
from .rules import LAST, PROTECTION, STABLE

ZERO, ONE = Integer(0), Integer(1)


@dataclass(frozen=True)
class Result:
    """A derived quantity laid out like an argument.

    generic : its value, at the entry `index` where the argument has an axis (None otherwise).
    label, at_label : where a class index y gives its own entry another form: y, and the value at that entry.
    """

    argument: Argument
    generic: Expr
    index: Index | None = None
    label: Argument | None = None
    at_label: Expr | None = None

    @property
    def entries(self) -> tuple[tuple[Expr, Expr], ...]:
        """The entry of the argument and the value there, for the two forms if there are two."""
        argument = self.argument
        first = (argument if self.index is None else Entry(argument, self.index), self.generic)
        return (first,) if self.at_label is None else (first, (Entry(argument, self.label), self.at_label))

    def __repr__(self) -> str:
        return f"<result at {', '.join(str(entry) for entry, _ in self.entries)}>"

    def _repr_latex_(self) -> str:
        """The entries, for notebooks."""
        return displayed(((latex(entry), value) for entry, value in self.entries), r"\mapsto")


@dataclass(frozen=True)
class Curvature:
    """The derivative of the gradient along a direction: the slope of the loss, and one product for each argument."""

    directions: Mapping[Argument, Argument]
    slope: Expr
    products: tuple[Result, ...]


@dataclass
class Derivation:
    """The derived forms of one variant; each is computed when it is asked for.

    Raises SpecError, naming the loss, where a derivative does not exist.
    """

    name: str
    variant: Variant
    trace: Trace = field(default_factory=Trace)

    def __repr__(self) -> str:
        return f"<derivation of {self.name}: {self.variant!r}>"

    def _repr_latex_(self) -> str:
        """The value and the gradient, for notebooks."""
        entries = (entry for result in self.gradient for entry in result.entries)
        return displayed([(r"\ell", self.value), *((slope_of(latex(entry)), value) for entry, value in entries)])

    def __post_init__(self) -> None:
        if len(self.variant.labels) > 1:
            raise SpecError(
                f"{self.name}: arguments {', '.join(map(str, self.variant.labels))}: at most one class index per loss"
            )
        self._stabilise = Rewriter(STABLE, self.trace)
        self._prepare = Rewriter([rule for rule in STABLE if rule not in LAST], self.trace)

    @cached_property
    def value(self) -> Expr:
        """The loss of one item."""
        return self.stable(self.variant.expression)

    @cached_property
    def normalizer(self) -> Expr:
        """What an item counts in the denominator of the mean."""
        return self.stable(self.variant.normalizer)

    @cached_property
    def names(self) -> dict[Expr, str]:
        """The author's names for parts of the formula, by the parts' stable form."""
        return {self.stable(part): name for name, part in self.variant.names.items()}

    @cached_property
    def gradient(self) -> tuple[Result, ...]:
        """The gradient of the value, for each differentiable argument."""
        return tuple(self.result(a, self.slope(self.value, a)) for a in self.variant.differentiable)

    @cached_property
    def normalizer_gradient(self) -> tuple[Result, ...]:
        """The gradient of the normaliser, for each differentiable argument."""
        return tuple(self.result(a, self.slope(self.normalizer, a)) for a in self.variant.differentiable)

    @cached_property
    def hessian_diagonal(self) -> tuple[Result, ...]:
        """The second derivative with respect to each entry of each prediction."""
        diagonal = []
        for argument in self.variant.predictions:
            slope = self._prepare(self.slope(self.value, argument))
            diagonal.append(self.result(argument, self.slope(slope, argument)))
        return tuple(diagonal)

    def curvature(self, wrt: Sequence[Argument]) -> Curvature:
        """The slope along directions for these arguments, and the Hessian's product with them."""
        directions = {a: direction_of(a) for a in wrt}

        def along(leaf: Expr) -> Expr:
            base, index = (leaf.base, leaf.index) if isinstance(leaf, Entry) else (leaf, None)
            if base not in directions:
                return ZERO
            return directions[base] if index is None else Entry(directions[base], index)

        products = []
        for argument in wrt:
            slope = self._prepare(self.slope(self.value, argument))
            products.append(self.result(argument, self.derive(slope, along)))
        return Curvature(directions, self._simplify(self.derive(self.value, along)), tuple(products))

    def stable(self, raw: Expr) -> Expr:
        """The stable form of a raw formula."""
        return self._simplify(Rewriter(PROTECTION, self.trace)(raw))

    def _simplify(self, expression: Expr) -> Expr:
        return self._stabilise(expression)

    def slope(self, expression: Expr, argument: Argument) -> Expr:
        """The derivative with respect to the argument, or to its entry at the argument's own index."""
        index = self.entry_index(argument)

        def seed(leaf: Expr) -> Expr:
            if isinstance(leaf, Entry) and leaf.base == argument:
                return Delta(leaf.index, index)
            return ONE if leaf == argument else ZERO

        return self.derive(expression, seed)

    def derive(self, expression: Expr, seed: Seed) -> Expr:
        try:
            return differentiate(expression, seed)
        except SpecError as error:
            raise SpecError(f"{self.name}: {error}") from None

    def entry_index(self, argument: Argument) -> Index | None:
        """An index over the argument's axis that the formula does not use itself."""
        axis = argument.role.axis
        if axis is None:
            return None
        taken = {index.name for index in self.variant.expression.atoms(Index)}
        return axis.index(next(n for n in _index_names(axis.name) if n not in taken and not _is_canonical(n, axis)))

    def result(self, argument: Argument, raw: Expr) -> Result:
        expression = self._simplify(raw)
        index = self.entry_index(argument)
        label = next(iter(self.variant.labels), None)
        mark = (
            Delta(index, label) if index is not None and label is not None and label.role.axis == index.axis else None
        )
        if mark is None or not any(expression.has(at) for at in (mark, Ne(index, label), Ne(label, index))):
            return Result(argument, expression, index)
        at_label = self._simplify(expression.xreplace({index: label}))
        elsewhere = {mark: ZERO, Ne(index, label): true, Ne(label, index): true}
        return Result(argument, self._simplify(expression.xreplace(elsewhere)), index, label, at_label)


def direction_of(argument: Argument) -> Argument:
    """An argument laid out like this one, for the direction of a derivative."""
    role = argument.role
    kind = "weight" if role.layout == "shared" else "prediction"
    meaning = f"the direction of {role.name}"
    direction = Role("Direction", kind, "real", meaning, False, role.axis, grid=role.grid, same=role.same)
    return Argument(f"direction_{argument.name}", direction)


def _is_canonical(name: str, axis: Axis) -> bool:
    """Whether the rules may give the name to an index of a reduction over the axis."""
    stem = axis.name.lower()
    return name == stem or name.removeprefix(stem).isdigit()


def _index_names(axis: str):
    letter = axis.lower()
    yield from ("k", "m", f"{letter}_k")
    yield from (f"{letter}_{n}" for n in range(1, 1000))
