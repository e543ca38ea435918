"""A loss and what is derived from it, for programs."""

from typing import Any

from lossgen.derive import Derivation, Result
from lossgen.derive.lattice import LatticeDerivation
from lossgen.derive.sweeps import lines_of
from lossgen.formula import Loss, Variant
from lossgen.formula.recurrence import Lattice
from lossgen.pages.notation import latex
from lossgen.pages.shapes import shape


def describe(loss: Loss) -> dict[str, Any]:
    """Name, texts, arguments and reductions of a loss; of every variant the formula and its derivatives, as text and LaTeX."""
    return {
        "name": loss.name,
        "module": loss.module,
        "doc": loss.doc,
        "paper": loss.paper,
        "parameters": {name: loss.default(name) for name in loss.settings},
        "reduction": loss.reduction,
        "reductions": list(loss.reductions),
        "variants": [_variant(loss, variant) for variant in loss.pieces],
    }


def _variant(loss: Loss, variant: Variant) -> dict[str, Any]:
    derived = _recurrences(loss, variant) if variant.filled else _derivatives(loss, variant)
    return {
        "label": variant.label,
        "options": dict(variant.options),
        "arguments": [
            {
                "name": a.name,
                "role": str(a.role),
                "shape": shape(a.role),
                "domain": a.role.domain,
                "default": loss.default(a.name),
            }
            for a in variant.arguments
        ],
        "formula": _both(variant.expression),
        **derived,
    }


def _derivatives(loss: Loss, variant: Variant) -> dict[str, Any]:
    derivation = Derivation(loss.name, variant)
    return {
        "stable": _both(derivation.value),
        "gradient": list(map(_result, derivation.gradient)),
        "hessian_diagonal": list(map(_result, derivation.hessian_diagonal)),
    }


def _recurrences(loss: Loss, variant: Variant) -> dict[str, Any]:
    """The cells as written, and in order all that is filled and added to."""
    lattices = sorted(variant.expression.atoms(Lattice), key=str)
    sweeps = LatticeDerivation(loss.name, variant).evaluate()
    return {
        "recurrences": [
            {
                "name": str(la.name),
                "indices": [i.name for i in la.indices],
                "cell": _both(la.cell),
                "outside": str(la.outside),
            }
            for la in lattices
        ],
        "steps": [{"title": title, **_both(value)} for title, value in lines_of(sweeps)],
    }


def _result(result: Result) -> dict[str, Any]:
    """A derivative; where a label gives its own entry another form, that form."""
    found = {"argument": result.argument.name, "index": result.index and result.index.name, **_both(result.generic)}
    if result.at_label is not None:
        found["at_label"] = {"label": str(result.label), **_both(result.at_label)}
    return found


def _both(expression: Any) -> dict[str, str]:
    return {"text": str(expression), "latex": latex(expression)}
