"""Roles: what an argument of a loss is. An author writes them as annotations: `target: Binary`, `input: Logit[C]`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from keyword import iskeyword
from typing import Any, Literal

from .axes import Axis
from .errors import SpecError

Kind = Literal["prediction", "target", "label", "weight", "parameter", "length"]
Layout = Literal["item", "row", "shared", "broadcast", "grid", "table", "sequence", "length"]
Domain = Literal[
    "real",
    "not-nan",
    "binary",
    "sign",
    "unit",
    "nonnegative",
    "positive",
    "above-minus-one",
    "between-1-and-2",
    "class-index",
    "class-number",
    "label-list",
    "length",
]


@dataclass(frozen=True)
class Role:
    """What an argument is: its kind, the numbers it may hold, whether a gradient with respect to it exists.

    `layout` follows from the kind and the axes: one number per item, one row per item, one row shared by all items
    (class weights), an array that broadcasts against the items (weights); with several axes a grid per item, or a table
    shared by all; a sequence of class indices per item; a length per item.
    `label` names the variant of a loss when an argument may have one role or another (`ClassIndex[C] | Simplex[C]`).
    `batch` is the batch that the argument belongs to, in a loss over several batches of different sizes.
    `broadcast` says of a prediction that one number of it may be for several items, and of a weight with an axis that it
    is any array that broadcasts against the rows.
    `grid` are the axes of an argument with several; `points_to` is the axis that a sequence's class indices, or the number
    of a class among the hyperparameters, point into. `same` says of an argument that all items have the same. `barred` is
    the hyperparameter whose class a sequence may not have among its labels.
    """

    name: str
    kind: Kind
    domain: Domain
    meaning: str
    differentiable: bool = True
    axis: Axis | None = None
    label: str = ""
    batch: str = ""
    broadcast: bool = False
    grid: tuple[Axis, ...] = ()
    points_to: Axis | None = None
    same: bool = False
    barred: str = ""

    def __getitem__(self, axis: "Axis | tuple[Axis, ...]") -> "Role":
        axes = axis if isinstance(axis, tuple) else (axis,)
        for given in axes:
            if not isinstance(given, Axis):
                raise SpecError(f"{self.name}[{given!r}]: expected an Axis, as in {self.name}[C] with C = Axis('C')")
        if len(axes) > 1 and self.kind not in ("prediction", "target"):
            names = ", ".join(given.name for given in axes)
            raise SpecError(f"{self.name}[{names}]: expected one axis; predictions and targets alone may have several")
        if self.domain == "class-number":
            return replace(self, points_to=axes[0])
        if self.kind == "length":
            return replace(self, axis=axes[0], meaning=f"how many entries on {axes[0].name} an item has")
        if self.kind == "parameter":
            raise SpecError(
                f"{self.name}[{axes[0].name}]: a parameter is one number; use ClassWeight[{axes[0].name}] for one per class"
            )
        return replace(self, axis=axis) if isinstance(axis, Axis) else replace(self, grid=axes)

    def __or__(self, other: "Role") -> "Choice":
        return Choice((self, other))

    def of(self, batch: str) -> "Role":
        """This role, for an argument of one of several batches: `real: Logit.of("real"), fake: Logit.of("fake")`."""
        if self.kind == "parameter":
            raise SpecError(f"{self}.of({batch!r}): a hyperparameter belongs to no batch; all batches share it")
        if not isinstance(batch, str) or not batch.isidentifier() or iskeyword(batch):
            raise SpecError(f"{self}.of({batch!r}): expected a name that Python allows for a variable, such as real")
        return replace(self, batch=batch)

    def along(self, axis: Axis) -> "Role":
        """A sequence of class indices for each item: `ClassIndex[C].along(L)` has one of the classes C at each entry of L."""
        if self.kind != "label" or self.axis is None or self.points_to or not isinstance(axis, Axis):
            given = getattr(axis, "name", repr(axis))
            raise SpecError(f"{self}.along({given}): expected class indices and an axis, as in ClassIndex[C].along(L)")
        return replace(self, axis=axis, points_to=self.axis)

    def other_than(self, number: str) -> "Role":
        """No label is the class of a hyperparameter: `ClassIndex[C].along(L).other_than("blank")`, `blank: ClassNumber[C]`."""
        if not self.points_to or self.kind != "label":
            raise SpecError(
                f"{self}.other_than({number!r}): expected a sequence of class indices, as in ClassIndex[C].along(L)"
            )
        return replace(self, barred=number)

    def shared(self) -> "Role":
        """The same for all items: `Prediction[K, K].shared()` is one table of scores between the states of a chain."""
        if not self.axes or self.kind not in ("prediction", "target"):
            raise SpecError(
                f"{self}.shared(): expected a prediction or a target with axes, as in Prediction[K, K].shared()"
            )
        return replace(self, same=True)

    def given(self, **cases: "Role | Mapping[Any, Role]") -> "Conditional":
        """This role, but another where an option has a value: `Unit.given(log_target=Real)`, for a flag that is set;
        `Unit.given(likelihood={"gaussian": Real})`."""
        pairs = ((n, ((True, c),) if isinstance(c, Role) else tuple(c.items())) for n, c in cases.items())
        return Conditional(self, tuple(pairs))

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the argument, in the order of its indices."""
        return self.grid or ((self.axis,) if self.axis else ())

    @property
    def layout(self) -> Layout:
        if self.kind == "length":
            return "length"
        if self.kind == "label" and self.points_to:
            return "sequence"
        if self.grid:
            return "table" if self.same else "grid"
        if self.same:
            return "shared"
        if self.axis and self.kind == "weight" and self.broadcast:
            return "row"
        if self.kind == "weight" or self.broadcast:
            return "shared" if self.axis else "broadcast"
        return "row" if self.axis and self.kind != "label" else "item"

    @property
    def chooses(self) -> bool:
        """Whether it is one class index for each item."""
        return self.kind == "label" and self.points_to is None

    @property
    def integer(self) -> bool:
        return self.kind in ("label", "length") or self.domain == "class-number"

    @property
    def listed(self) -> bool:
        """Whether users give the numbers of classes, and the formula reads how often each class is among them."""
        return self.domain == "label-list"

    def __str__(self) -> str:
        axes = ", ".join(axis.name for axis in self.axes)
        entries = f"{self.name}[{axes}]" if axes else self.name
        if self.points_to and self.axis:
            entries = f"{self.name}[{self.points_to.name}].along({axes})"
            entries += f".other_than({self.barred!r})" if self.barred else ""
        return f"{entries}.of({self.batch!r})" if self.batch else entries


@dataclass(frozen=True)
class Conditional:
    """The role of an argument that depends on the loss's options: for each option some values with another role."""

    role: Role
    cases: tuple[tuple[str, tuple[tuple[Any, Role], ...]], ...]

    @property
    def roles(self) -> tuple[Role, ...]:
        """Every role that the argument may have."""
        return (self.role, *(role for _, cases in self.cases for _, role in cases))


@dataclass(frozen=True)
class Choice:
    """An argument that may have one role or another: the loss has a variant for each."""

    roles: tuple[Role, ...]

    def __or__(self, other: Role) -> "Choice":
        return Choice((*self.roles, other))

    def of(self, batch: str) -> "Choice":
        """These roles, for an argument of one of several batches."""
        return Choice(tuple(role.of(batch) for role in self.roles))


Prediction = Role("Prediction", "prediction", "real", "any real number that a model predicts")
Logit = Role("Logit", "prediction", "real", "an unnormalised score; any real number")
Probability = Role("Probability", "prediction", "unit", "a predicted probability in [0, 1]")
LogProbability = Role("LogProbability", "prediction", "real", "the logarithm of a predicted probability")
PositivePrediction = Role("PositivePrediction", "prediction", "positive", "a predicted number above 0")
NonNegativePrediction = Role("NonNegativePrediction", "prediction", "nonnegative", "a predicted number of at least 0")
Variance = Role(
    "Variance",
    "prediction",
    "nonnegative",
    "a predicted variance, at least 0; it may be one for several items",
    broadcast=True,
)
PredictionAboveMinusOne = Role(
    "PredictionAboveMinusOne", "prediction", "above-minus-one", "a predicted number above -1"
)

Real = Role("Real", "target", "not-nan", "a real target")
Amount = Role("Amount", "target", "nonnegative", "a target of at least 0: a count or another amount")
AboveMinusOne = Role("AboveMinusOne", "target", "above-minus-one", "a target above -1")
Unit = Role("Unit", "target", "unit", "a target in [0, 1]: a hard label or a probability")
Binary = Role("Binary", "target", "binary", "a label, 0 or 1", differentiable=False)
Sign = Role("Sign", "target", "sign", "a label, -1 or 1", differentiable=False)
Simplex = Role("Simplex", "target", "unit", "the target probability of each class", label="probabilities")
ClassIndex = Role(
    "ClassIndex", "label", "class-index", "the number of the right class, from 0", differentiable=False, label="indices"
)
Length = Role(
    "Length", "length", "length", "how many entries of an axis the item has; -1 for all of them", differentiable=False
)
LabelList = Role(
    "LabelList",
    "target",
    "label-list",
    "the numbers of the right classes, ended by -1; in the formula, how often each class is listed",
    differentiable=False,
)

Weight = Role("Weight", "weight", "real", "a weight that broadcasts against the items")
ClassWeight = Role("ClassWeight", "weight", "real", "one weight per class")
EntryWeight = Role(
    "EntryWeight", "weight", "real", "a weight that broadcasts against the rows", label="entries", broadcast=True
)

Parameter = Role("Parameter", "parameter", "real", "a real hyperparameter", differentiable=False)
NonNegative = Role("NonNegative", "parameter", "nonnegative", "a hyperparameter of at least 0", differentiable=False)
Positive = Role("Positive", "parameter", "positive", "a hyperparameter above 0", differentiable=False)
Fraction = Role("Fraction", "parameter", "unit", "a hyperparameter in [0, 1]", differentiable=False)
BetweenOneAndTwo = Role(
    "BetweenOneAndTwo",
    "parameter",
    "between-1-and-2",
    "a hyperparameter strictly between 1 and 2",
    differentiable=False,
)
ClassNumber = Role("ClassNumber", "parameter", "class-number", "the number of a class, from 0", differentiable=False)
