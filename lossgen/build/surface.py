"""What the public modules of a generated package print for a loss: signatures, schema, documentation."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from sympy import sympify

from lossgen.derive import Derivation
from lossgen.formula import Axis, Loss, Option, Role, SpecError, Variant
from lossgen.formula.calls import LEGACY
from lossgen.formula.nodes import Entry
from lossgen.formula.symbols import Argument, ItemNumber
from lossgen.kernel.program import is_normalized

from .batches import Batches
from .signature import TorchSignature, spread_arguments

#: Options that every loss has; a formula may not use their names for its own arguments.
OPTIONS = (
    "reduction",
    "axis",
    "sample_weight",
    "mask",
    "denominator",
    "empty",
    "wrt",
    "direction",
    "ignore_index",
    "self",
    *LEGACY,
)

IGNORE_INDEX = -100


@dataclass(frozen=True)
class Surface:
    """One loss as its users see it."""

    loss: Loss

    def __post_init__(self) -> None:
        clash = [name for name in self.loss.signature.parameters if name in OPTIONS]
        if clash:
            raise SpecError(
                f"{self.loss.name}: argument {clash[0]} has the name of an option that every loss has; choose another"
            )

    @property
    def name(self) -> str:
        return self.loss.name

    @property
    def module(self) -> str:
        return self.loss.module

    @property
    def arguments(self) -> tuple[Argument, ...]:
        return self.loss.variants[0].arguments

    @property
    def names(self) -> list[str]:
        return [a.name for a in self.arguments]

    @property
    def required(self) -> list[str]:
        return [a.name for a in self.arguments if self.loss.default(a.name) is None]

    @property
    def optional(self) -> list[str]:
        return [a.name for a in self.arguments if self.loss.default(a.name) is not None]

    @property
    def settings(self) -> list[str]:
        """Optional arguments of the kind that a PyTorch module holds: weights."""
        return [a.name for a in self.arguments if a.role.kind == "weight"]

    @property
    def inputs(self) -> list[str]:
        return [a.name for a in self.arguments if a.role.kind != "weight"]

    @property
    def parameters(self) -> list[tuple[str, str, str]]:
        """Name, type and default of every hyperparameter, in the kernels' order."""
        found = [(name, *_typed(role, self.loss.default(name))) for name, role in self.loss.settings.items()]
        labels = any(v.labels for v in self.loss.variants)
        return found + ([("ignore_index", "int", str(IGNORE_INDEX))] if labels else [])

    @property
    def reduction(self) -> str:
        return self.loss.reduction

    @property
    def reductions(self) -> tuple[str, ...]:
        return self.loss.reductions

    @property
    def legacy(self) -> bool:
        """Whether the loss has PyTorch's older spelling of `reduction`."""
        return set(LEGACY) <= set(self.loss.positional)

    @property
    def spread(self) -> list[str]:
        """The arguments that may be a number on PyTorch tensors; see `lossgen.adapters.torch_spread`."""
        return spread_arguments(self.loss)

    @property
    def like(self) -> str:
        """The first argument that has the shape of the items."""
        return next((a.name for a in self.arguments if a.role.layout == "item"), "")

    @property
    def torch(self) -> TorchSignature:
        """How it is called on PyTorch tensors."""
        return TorchSignature(self.loss, self.inputs, self.parameters)

    @property
    def batches(self) -> Batches:
        """What is said of the batches of a loss over several ones."""
        return Batches(self.loss)

    @property
    def parts(self) -> list[tuple[str, str, list[str]]]:
        """For each batch of a loss over several batches: its name, its class's name and its schema."""
        return [
            (batch, f"_{batch.title().replace('_', '')}", list(self.schema(variants)))
            for batch, variants in self.loss.parts.items()
        ]

    def schema(self, variants: Sequence[Variant] = ()) -> Iterable[str]:
        """The lines of the schema: everything the runtime knows of the loss, or of one batch's part in it."""
        variants = variants or self.loss.variants
        axes = dict.fromkeys(axis for v in variants for axis in v.axes)
        yield f"name={_quoted(self.name)},"
        yield f"axes={_tuple(_axis(axis) for axis in axes)},"
        yield from _block("parameters", (self._parameter(name) for name, _, _ in self.parameters))
        yield from _block("variants", (line for v in variants for line in self._variant(v)))
        yield f"reduction={_quoted(self.reduction)},"
        yield f"reductions={_tuple(map(_quoted, self.reductions))},"

    def _parameter(self, name: str) -> str:
        if name == "ignore_index":
            return f'Parameter("ignore_index", {IGNORE_INDEX}, "real", integer=True),'
        role, default = self.loss.settings[name], self.loss.default(name)
        if isinstance(role, Role):
            return f"Parameter({_quoted(name)}, {float(default)!r}, {_quoted(role.domain)}),"
        other = f", {_quoted(role.other.domain)}" if role.other else ""
        return f"Parameter({_quoted(name)}, {_literal(default)}{other}, options={_tuple(map(_literal, role.values))}),"

    def _variant(self, variant: Variant) -> Iterable[str]:
        yield "Variant("
        yield f"    label={_quoted(variant.label)},"
        yield f"    module={_quoted(module_name(self.loss, variant))},"
        yield "    arguments=("
        for a in variant.arguments:
            yield f"        {self._argument(a)},"
        yield "    ),"
        yield f"    differentiable={_tuple(_quoted(a.name) for a in variant.differentiable)},"
        yield f"    predictions={_tuple(_quoted(a.name) for a in variant.predictions)},"
        yield from (f"    {line}" for line in self._normalizer(variant))
        if variant.numbered:
            yield "    numbered=True,"
            yield f"    diagonal={_tuple(map(_quoted, _read_at_item(Derivation(self.name, variant))))},"
        if variant.options:
            yield f"    choice={_tuple(_literal(value) for value in variant.options.values())},"
        yield "),"

    def _normalizer(self, variant: Variant) -> Iterable[str]:
        """What `mean` divides by, as far as it is known before any data is."""
        normalized = any(is_normalized(Derivation(self.name, piece)) for piece in variant.pieces)
        yield f"normalized={normalized},"
        if normalized and not variant.parts:
            reads = [a for a in variant.arguments if a.role.integer or a in variant.normalizer.free_symbols]
            yield f"normalizer_reads={_tuple(_quoted(a.name) for a in reads)},"
            default = self._normalizer_default(variant, reads)
            if default is not None:
                yield f"normalizer_default={default!r},"

    def _normalizer_default(self, variant: Variant, reads: Sequence[Argument]) -> float | None:
        """What every item counts where none of the arguments in `reads` is given; None if it is no number."""
        defaults = {a: sympify(self.loss.default(a.name)) for a in reads}
        if any(default is None for default in defaults.values()):
            return None
        entries = {e: defaults[e.base] for e in variant.normalizer.atoms(Entry)}
        found = variant.normalizer.xreplace(entries).xreplace(defaults)
        return float(found) if found.is_number else None

    def _argument(self, argument: Argument) -> str:
        role, default = argument.role, self.loss.default(argument.name)
        axis = _quoted(role.axis.name) if role.axis else "None"
        parts = [_quoted(argument.name), _quoted(role.layout), axis, _quoted(role.domain)]
        if default is not None:
            parts.append(f"default={float(default)!r}")
        if role.integer or role.listed:
            parts.append("integer=True")
        return f"Argument({', '.join(parts)})"

    def documentation(self, further: Sequence[str] = ()) -> list[str]:
        """The author's text, the formula, and a line for every argument; `further` lines on arguments of one target."""
        lines = [
            *self.loss.doc.splitlines(),
            "",
            f"Formula, per item{' of each batch' if self.loss.batches else ''}:",
            "",
        ]
        for variant in self.loss.pieces:
            lines.append(f"    {variant.expression}" + (f"    ({variant.label})" if variant.label else ""))
        lines += ["", "Parameters", "----------"]
        for argument in self.arguments:
            choices = [next(a for a in v.arguments if a.name == argument.name).role for v in self.loss.variants]
            meaning = "; or ".join(f"{_shape(role)}: {role.meaning}" for role in dict.fromkeys(choices))
            default = self.loss.default(argument.name)
            lines.append(f"{argument.name} : {meaning}" + (f" (default {default})" if default is not None else ""))
        for name, role in self.loss.settings.items():
            lines.append(f"{name} : {role.meaning} (default {self.loss.default(name)})")
        if any(v.labels for v in self.loss.variants):
            lines.append(f"ignore_index : items with this class index count nothing (default {IGNORE_INDEX})")
        lines += [*self.batches.documentation, *further]
        if self.loss.paper:
            lines += ["", f"Source: {self.loss.paper}"]
        return lines


def module_name(loss: Loss, variant: Variant) -> str:
    """The stem of a variant's kernel modules."""
    return f"{loss.name}_{variant.label}" if variant.label else loss.name


def _typed(role: Role | Option, default: object) -> tuple[str, str]:
    """The type and the default of a hyperparameter, as text."""
    values = (*role.values, default) if isinstance(role, Option) else (0.0,)
    kind = next((k for k in (bool, str) if all(isinstance(v, k) for v in values)), float)
    return kind.__name__, _literal(default if kind is not float else float(default))


def _literal(value: object) -> str:
    if value in (inf, -inf):
        return f'float("{value}")'
    return _quoted(value) if isinstance(value, str) else repr(value)


def _read_at_item(derivation: Derivation) -> list[str]:
    """The axes of which an item reads the entry of its own number."""
    parts = (derivation.value, derivation.normalizer, *(r.generic for r in derivation.gradient))
    entries = {entry for part in parts for entry in part.atoms(Entry) if isinstance(entry.index, ItemNumber)}
    return sorted({entry.base.role.axis.name for entry in entries})


def _quoted(text: str) -> str:
    return f'"{text}"'


def _shape(role: Role) -> str:
    if role.axis is None:
        return "broadcasts to the items" if role.layout == "broadcast" else "one number per item"
    name = role.axis.name
    if role.layout == "shared":
        return f"({name},)"
    if role.integer:
        return f"one integer per item, over {name}"
    return f"(N, {name}, …)" if role.axis.place == "class" else f"(N, …), the dimensions after the first forming {name}"


def _axis(axis: Axis) -> str:
    return f"Axis({_quoted(axis.name)}, {_quoted(axis.place)})"


def _tuple(items: Iterable[str]) -> str:
    items = list(items)
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


def _block(name: str, lines: Iterable[str]) -> list[str]:
    lines = list(lines)
    return [f"{name}=(", *(f"    {line}" for line in lines), "),"] if lines else [f"{name}=(),"]
