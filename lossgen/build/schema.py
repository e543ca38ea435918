"""The schema that a public module prints: everything the runtime knows of a loss, as data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sympy import sympify

from lossgen.derive import Derivation
from lossgen.formula import Axis, Loss, Role, Variant
from lossgen.formula.calls import IGNORE_INDEX
from lossgen.formula.nodes import Entry
from lossgen.formula.symbols import Argument, ItemNumber
from lossgen.kernel.lattice_program import base_axes
from lossgen.kernel.program import is_normalized

from .literals import block, literal, quoted, tuple_of


@dataclass(frozen=True)
class SchemaText:
    """The schema of one loss."""

    loss: Loss

    def lines(self, variants: Sequence[Variant] = ()) -> Iterable[str]:
        """The lines of the schema: everything the runtime knows of the loss, or of one batch's part in it."""
        variants = variants or self.loss.variants
        given = dict.fromkeys(axis for v in variants for axis in v.axes)
        axes = dict.fromkeys([*given, *(axis.base for axis in given if axis.base)])
        yield f"name={quoted(self.loss.name)},"
        yield f"axes={tuple_of(_axis(axis) for axis in axes)},"
        yield from block("parameters", (self._parameter(name) for name in self._parameters))
        yield from block("variants", (line for v in variants for line in self._variant(v)))
        yield f"reduction={quoted(self.loss.reduction)},"
        yield f"reductions={tuple_of(map(quoted, self.loss.reductions))},"

    def _parameter(self, name: str) -> str:
        if name == "ignore_index":
            return f'Parameter("ignore_index", {IGNORE_INDEX}, "real", integer=True),'
        role, default = self.loss.settings[name], self.loss.default(name)
        if isinstance(role, Role) and role.points_to:
            axis = quoted(role.points_to.name)
            return f'Parameter({quoted(name)}, {int(default)}, "class-index", integer=True, axis={axis}),'
        if isinstance(role, Role):
            return f"Parameter({quoted(name)}, {float(default)!r}, {quoted(role.domain)}),"
        other = f", {quoted(role.other.domain)}" if role.other else ""
        return f"Parameter({quoted(name)}, {literal(default)}{other}, options={tuple_of(map(literal, role.values))}),"

    def _variant(self, variant: Variant) -> Iterable[str]:
        yield "Variant("
        yield f"    label={quoted(variant.label)},"
        yield f"    module={quoted(module_name(self.loss, variant))},"
        yield "    arguments=("
        for a in variant.arguments:
            yield f"        {self._argument(a)},"
        yield "    ),"
        yield f"    differentiable={tuple_of(quoted(a.name) for a in variant.differentiable)},"
        yield f"    predictions={tuple_of(quoted(a.name) for a in variant.predictions)},"
        yield from (f"    {line}" for line in self._normalizer(variant))
        if variant.filled:
            yield f"    sizes={tuple_of(quoted(axis.name) for axis in base_axes(variant))},"
            if variant.divisor != 1:
                yield "    divided=True,"
        if variant.numbered:
            yield "    numbered=True,"
            yield f"    diagonal={tuple_of(map(quoted, _read_at_item(Derivation(self.loss.name, variant))))},"
        if variant.options:
            yield f"    choice={tuple_of(literal(value) for value in variant.options.values())},"
        yield "),"

    def _normalizer(self, variant: Variant) -> Iterable[str]:
        """What `mean` divides by, as far as it is known before any data is."""
        if variant.filled:
            yield f"normalized={variant.normalizer != 1},"
            return
        normalized = any(is_normalized(Derivation(self.loss.name, piece)) for piece in variant.pieces)
        yield f"normalized={normalized},"
        if normalized and not variant.parts:
            reads = [a for a in variant.arguments if a.role.integer or a in variant.normalizer.free_symbols]
            yield f"normalizer_reads={tuple_of(quoted(a.name) for a in reads)},"
            default = self._normalizer_default(variant, reads)
            if default is not None:
                yield f"normalizer_default={default!r},"

    def _normalizer_default(self, variant: Variant, reads: Sequence[Argument]) -> float | None:
        """What every item counts where none of `reads` is given, but for class indices; None if it is no number."""
        defaults = {a: sympify(self.loss.default(a.name)) for a in reads if not a.role.integer}
        if any(default is None for default in defaults.values()):
            return None
        entries = {e: defaults[e.base] for e in variant.normalizer.atoms(Entry)}
        found = variant.normalizer.xreplace(entries).xreplace(defaults)
        return float(found) if found.is_number else None

    def _argument(self, argument: Argument) -> str:
        role, default = argument.role, self.loss.default(argument.name)
        axis = quoted(role.axis.name) if role.axis else "None"
        parts = [quoted(argument.name), quoted(role.layout), axis, quoted(role.domain)]
        if default is not None:
            parts.append(f"default={float(default)!r}")
        if role.integer or role.listed:
            parts.append("integer=True")
        if role.broadcast and role.layout == "row":
            parts.append("broadcast=True")
        if role.grid:
            parts.append(f"axes={tuple_of(quoted(a.name) for a in role.grid)}")
        if role.points_to:
            parts.append(f"points_to={quoted(role.points_to.name)}")
        if role.barred:
            parts.append(f"barred={quoted(role.barred)}")
        return f"Argument({', '.join(parts)})"

    @property
    def _parameters(self) -> list[str]:
        """The hyperparameters in the kernels' order."""
        return [*self.loss.settings, *(["ignore_index"] if any(v.labels for v in self.loss.variants) else [])]


def module_name(loss: Loss, variant: Variant) -> str:
    """The stem of a variant's kernel modules."""
    return f"{loss.name}_{variant.label}" if variant.label else loss.name


def _read_at_item(derivation: Derivation) -> list[str]:
    """The axes of which an item reads the entry of its own number."""
    parts = (derivation.value, derivation.normalizer, *(r.generic for r in derivation.gradient))
    entries = {entry for part in parts for entry in part.atoms(Entry) if isinstance(entry.index, ItemNumber)}
    return sorted({entry.base.role.axis.name for entry in entries})


def _axis(axis: Axis) -> str:
    longer = f", base={quoted(axis.base.name)}, longer={axis.longer}" if axis.base else ""
    return f"Axis({quoted(axis.name)}, {quoted(axis.place)}{longer})"
