"""What the public modules of a generated package print for a loss: signatures, schema, documentation."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lossgen.formula import Loss, Option, Role, SpecError, Variant
from lossgen.formula.calls import IGNORE_INDEX, LEGACY
from lossgen.formula.symbols import Argument

from .batches import Batches
from .documentation import documentation
from .literals import literal
from .schema import SchemaText
from .signature import TorchSignature, length_arguments, spread_arguments

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
    "through",
    "prediction_shape",
    "hessian",
    "hessian_floor",
    "hessian_factor",
    *LEGACY,
)


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
    def held(self) -> list[str]:
        """Every argument as the module's `forward` has it: an input by the name that it has there, or a weight."""
        return [self.loss.forward.get(n, n) if n in self.inputs else f'self.held("{n}")' for n in self.names]

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
    def lengths(self) -> list[str]:
        """The arguments that may be Python's own numbers; see `lossgen.adapters.torch_lengths`."""
        return length_arguments(self.loss)

    def converted(self, names: Mapping[str, str]) -> list[str]:
        """Statements that make tensors of such arguments, which may have other `names`."""
        like = next((a.name for a in self.arguments if a.role.layout == "item"), "")
        by = {name: f"spread({names.get(name, name)}, {names.get(like, like)})" for name in self.spread}
        by |= {name: f"as_lengths({names.get(name, name)})" for name in self.lengths}
        return [f"{names.get(name, name)} = {call}" for name, call in by.items()]

    @property
    def diagonal(self) -> bool:
        """Whether it has the Hessian's diagonal."""
        return not any(variant.filled for variant in self.loss.pieces)

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
        """The lines of the schema of the loss, or of one batch's part in it."""
        return SchemaText(self.loss).lines(variants)

    def documentation(self, further: Sequence[str] = ()) -> list[str]:
        """The lines of the docstring; `further` ones are on arguments of one target."""
        return documentation(self.loss, further)


def _typed(role: Role | Option, default: object) -> tuple[str, str]:
    """The type and the default of a hyperparameter, as text."""
    if isinstance(role, Role) and role.integer:
        return "int", str(int(default))
    values = (*role.values, default) if isinstance(role, Option) else (0.0,)
    kind = next((k for k in (bool, str) if all(isinstance(v, k) for v in values)), float)
    return kind.__name__, literal(default if kind is not float else float(default))
