"""What the public module of a loss for gradient boosting prints: the objective's signature, and what is known of scores."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property

from sympy.printing.numpy import NumPyPrinter

from lossgen.derive import Derivation
from lossgen.derive.scores import Scores, find_scores, refusal
from lossgen.formula import Loss, Variant

from .documentation import documentation
from .schema import module_name

OPTIONS = (
    'hessian : the Hessian\'s diagonal: "exact"; "clipped": no less than `hessian_floor`; "fisher": its expectation under the model.',
    '    Unless given, "fisher" where the formula has a model, else "clipped"',
    "hessian_floor : a number above 0; unless given, what the formula says: 1 where its Hessian is 0 nearly everywhere, else hardly any",
    "hessian_factor : multiplies the Hessian: with 2, softmax objectives are those of XGBoost, with K/(K - 1) those of LightGBM",
)


@dataclass(frozen=True)
class Boosting:
    """A loss as an objective; there is none where `forms` is empty."""

    loss: Loss

    @cached_property
    def forms(self) -> dict[str, Scores]:
        """What is known of the variants that are losses of raw scores, by the name of their kernels."""
        scored = (v for v in self.loss.variants if not refusal(v))
        return {module_name(self.loss, v): find_scores(Derivation(self.loss.name, v)) for v in scored}

    @property
    def target(self) -> str:
        """The argument that is the target."""
        return next(a.name for a in self._form.arguments if a.role.kind in ("target", "label"))

    @property
    def required(self) -> list[str]:
        """The weights that must be given."""
        return [n for n in self.weights if self.loss.default(n) is None]

    @property
    def optional(self) -> list[str]:
        """The weights that may be left out."""
        return [n for n in self.weights if n not in self.required]

    @property
    def weights(self) -> list[str]:
        return [a.name for a in self._form.arguments if a.role.kind == "weight"]

    @property
    def links(self) -> list[str]:
        """The inverse links that the library has."""
        return sorted({"identity" if f.link is None else f.link for f in self.forms.values() if _named(f)})

    @property
    def formulas(self) -> list[tuple[str, str, str]]:
        """The inverse links that are formulas: a function's name, its arguments, and the expression."""
        return [(self._function(f), self._read(f), NumPyPrinter().doprint(f.link)) for f in self._distinct()]

    @property
    def lines(self) -> Iterator[tuple[str, str]]:
        """What is known of each form, as text."""
        for module, form in self.forms.items():
            link = ("identity" if form.link is None else form.link) if _named(form) else self._function(form)
            parts = [link, *(f"{f.name}={getattr(form, f.name)!r}" for f in fields(form)[1:] if getattr(form, f.name))]
            yield module, ", ".join(parts).replace("'", '"')

    def documentation(self) -> Sequence[str]:
        """The lines of the docstring."""
        return documentation(self.loss, OPTIONS)

    @property
    def _form(self) -> Variant:
        return next(v for v in self.loss.variants if not refusal(v))

    def _distinct(self) -> list[Scores]:
        found = {form.link: form for form in self.forms.values() if not _named(form)}
        return list(found.values())

    def _function(self, form: Scores) -> str:
        """The name of a formula's function."""
        return f"_inverse_link{[f.link for f in self._distinct()].index(form.link) or ''}"

    def _read(self, form: Scores) -> str:
        """What a formula reads: the score, and parameters by name."""
        names = {str(symbol) for symbol in form.link.free_symbols}
        read = [name for name in self.loss.settings if name in names]
        return ", ".join([self._form.predictions[0].name, *(["*", *read] if read else [])])


def _named(form: Scores) -> bool:
    return form.link is None or isinstance(form.link, str)
