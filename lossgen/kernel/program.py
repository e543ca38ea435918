"""What a kernel computes, before it is scheduled: inputs, outputs and the expressions between them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sympy import Expr, Integer

from lossgen.derive import Derivation, Result
from lossgen.formula import Axis, Loss, SpecError, Variant
from lossgen.formula.symbols import Argument

from .names import RESERVED, check_axis_names, free_names

ZERO = Integer(0)


@dataclass(frozen=True)
class Output:
    """One output array: a derived result and the name of the array that receives it."""

    name: str
    result: Result


@dataclass(frozen=True)
class Program:
    """A kernel: the value of an item, and results laid out like arguments.

    value : written to `values`, summed into `totals`; None where the kernel has none.
    directions : the extra inputs of a Hessian-vector product, by the argument they belong to.
    """

    name: str
    summary: str
    variant: Variant
    value: Expr | None
    outputs: tuple[Output, ...] = ()
    directions: Mapping[Argument, Argument] = field(default_factory=dict)
    hints: Mapping[Expr, str] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    defaults: Mapping[str, float | int | None] = field(default_factory=dict)

    @property
    def arrays(self) -> tuple[Argument, ...]:
        """Every array input, in the order of the kernel's arguments before and after the parameters."""
        return (*self.variant.arguments, *self.directions.values())

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the arguments."""
        return self.variant.axes

    @property
    def has_rows(self) -> bool:
        """Whether an item has loops of its own."""
        return any(a.role.layout in ("row", "shared") for a in self.arrays)

    def expressions(self) -> list[Expr]:
        results = [e for o in self.outputs for e in (o.result.generic, o.result.at_label) if e is not None]
        return [*([self.value] if self.value is not None else []), *results]


def programs(loss: Loss, variant: Variant, lower: Callable[[Expr], Expr]) -> tuple[Program, ...]:
    """The kernels of one variant, each expression brought into kernel functions by `lower`."""
    defaults = {a: loss.default(a.name) for a in variant.arguments}
    _check_axes(loss.name, variant, defaults)
    variant, renamed = with_free_names(variant)
    derivation = Derivation(loss.name, variant)
    hints = {lower(part): name for part, name in derivation.names.items()}
    parameters = tuple(p.name for p in variant.parameters) + (
        ("ignore_index",) if any(v.labels for v in loss.variants) else ()
    )
    parameters += ("first_item",) if variant.numbered else ()
    defaults = {renamed[a.name]: default for a, default in defaults.items()}

    def program(name, summary, value, prefix="", results: Sequence[Result] = (), directions=None) -> Program:
        outputs = tuple(Output(f"{prefix}_{r.argument.name}", _lowered(r, lower)) for r in results)
        return Program(
            name,
            summary,
            variant,
            None if value is None else lower(value),
            outputs,
            directions or {},
            hints,
            parameters,
            defaults,
        )

    found = [
        program("evaluate", "The loss of each item and its gradient.", derivation.value, "grad", derivation.gradient)
    ]
    for name, wrt in curvatures(variant):
        curvature = derivation.curvature(wrt)
        summary = "The slope along a direction and the Hessian times the direction."
        found.append(program(name, summary, curvature.slope, "product", curvature.products, curvature.directions))
    found.append(
        program(
            "hessian_diagonal",
            "The second derivative with respect to each entry.",
            None,
            "diagonal",
            derivation.hessian_diagonal,
        )
    )
    if is_normalized(derivation):
        summary = "What each item counts in the denominator of the mean."
        found.append(program("normalizer", summary, derivation.normalizer))
        if any(r.generic != 0 or r.at_label for r in derivation.normalizer_gradient):
            found.append(
                program(
                    "normalizer_gradient",
                    summary + " With its gradient.",
                    derivation.normalizer,
                    "grad",
                    derivation.normalizer_gradient,
                )
            )
    return tuple(found)


def _check_axes(name: str, variant: Variant, defaults: Mapping[Argument, float | int | None]) -> None:
    check_axis_names(name, variant.axes)
    for axis in variant.axes:
        entries = [a for a in variant.arguments if a.role.axis == axis and not a.role.integer]
        if all(defaults[a] is not None for a in entries):
            raise SpecError(
                f"{name}: axis {axis.name}: no required argument has entries over it, so that its length is unknown; "
                f"add one, such as input: Logit[{axis.name}]"
            )


def with_free_names(variant: Variant, reserved: Collection[str] = RESERVED) -> tuple[Variant, dict[str, str]]:
    """The variant with other symbols for arguments whose names the kernels use themselves, and the names by the author's own."""
    symbols = (*variant.arguments, *variant.parameters)
    renamed = free_names([s.name for s in symbols], variant.axes, reserved)
    new = {s: type(s)(renamed[s.name], s.role) for s in symbols if renamed[s.name] != s.name}
    if not new:
        return variant, renamed
    found = replace(
        variant,
        arguments=tuple(new.get(a, a) for a in variant.arguments),
        expression=variant.expression.xreplace(new),
        normalizer=variant.normalizer.xreplace(new),
        divisor=variant.divisor.xreplace(new),
        names={n: part.xreplace(new) for n, part in variant.names.items()},
        parameters=tuple(new.get(p, p) for p in variant.parameters),
    )
    return found, renamed


def is_normalized(derivation: Derivation) -> bool:
    """Whether items count otherwise than 1 each in the denominator of the mean."""
    return bool(derivation.variant.labels) or derivation.normalizer != 1


def curvatures(variant: Variant) -> list[tuple[str, tuple[Argument, ...]]]:
    """The kernels of Hessian-vector products, and the arguments of each: the predictions, and all differentiable ones."""
    full = [("hvp_full", variant.differentiable)] if variant.differentiable != variant.predictions else []
    return [("hvp", variant.predictions), *full]


def _lowered(result: Result, lower: Callable[[Expr], Expr]) -> Result:
    """The result in kernel functions. Outputs shared by all items are added to: at the label only what it adds is left."""
    at_label = result.at_label
    if at_label is not None and result.argument.role.layout == "shared":
        at_label = at_label - result.generic.xreplace({result.index: result.label})
    return Result(
        result.argument,
        lower(result.generic),
        result.index,
        result.label,
        None if at_label is None else lower(at_label),
    )
