"""What a formula says of a raw score, such as the sum of a model's trees: its link, its model, whether it has curvature.

With g the loss's derivative in the score x and H the second one, y the target:

- The *inverse link* is a sigmoid or a softmax where the role says that the score is a logit. Of another prediction it is the
  target at which the score is best, the y that solves g(x, y) = 0, where g is a straight line in y: e^x for a Poisson
  likelihood.
- The *Fisher diagonal* is the expectation of H under the model. Where H is a straight line in y it is H at the mean, which is
  the inverse link. A loss of the error x - y alone is the negative logarithm of a density of the error, which gives H the
  same mean for all x.
"""

from dataclasses import dataclass
from typing import Literal

from sympy import Expr, Symbol, expand, simplify

from lossgen.formula import SpecError, Variant
from lossgen.formula.nodes import Entry
from lossgen.formula.symbols import ONE, Argument

from .derivation import ZERO, Derivation

#: How the expectation of H is found: see `Scores`.
Expectation = Literal["", "itself", "labels", "two values", "mean", "error"]
LOGIT, RAW = "Logit", ("Logit", "Prediction")


@dataclass(frozen=True)
class Scores:
    """What is known of a variant whose prediction is one raw score for each item, or one row of them.

    link : "sigmoid", "softmax", or a formula in the score; None where the score is what is predicted.
    expectation : "itself": H depends on no target; "labels": the mean of H over the classes, whose probabilities are the
        softmax; "two values": that over both labels, with the probabilities under which the mean of g is 0; "mean": H at the
        inverse link; "error": a number, the mean under a density exp(-loss / φ) of the error; "" where there is no model, or
        H is 0 nearly everywhere.
    steady : H depends on no target where no weights are given, and is then its own expectation.
    flat : H is 0 nearly everywhere.
    """

    link: str | Expr | None
    expectation: Expectation
    steady: bool
    flat: bool


def refusal(variant: Variant) -> str:
    """Why a variant is no loss of raw scores, in words that follow the loss's name; "" if it is one."""
    if batches := dict.fromkeys(a.role.batch for a in variant.arguments if a.role.batch):
        return f"a loss over several batches ({', '.join(batches)})"
    if variant.filled:
        return "a loss over lattices"
    if variant.numbered:
        return "a loss that reads the number of an item in its batch"
    scores, targets = variant.predictions, _targets(variant)
    if len(scores) != 1:
        return f"a loss of {len(scores)} predictions ({', '.join(a.name for a in scores)})"
    if scores[0].role.name not in RAW:
        return f"a loss whose {scores[0].name} is {scores[0].role.meaning.partition(';')[0]}, and not a raw score"
    if len(targets) != 1:
        return (
            f"a loss of {len(targets)} targets ({', '.join(a.name for a in targets)})"
            if targets
            else "without a target"
        )
    return ""


def find_scores(derivation: Derivation) -> Scores:
    """What a variant that is a loss of raw scores says of them. Raises SpecError for one that is not."""
    variant = derivation.variant
    words = refusal(variant)
    if words:
        raise SpecError(f"{derivation.name}: {words}; expected a loss of one raw score for each item or class")
    score, target = variant.predictions[0], _targets(variant)[0]
    curvature = derivation.hessian_diagonal[0]
    parts = [p for p in (curvature.generic, curvature.at_label) if p is not None]
    flat = all(part == 0 for part in parts)
    steady = not flat and not any(_reads(_without_weights(part), target) for part in parts)
    link = _link(derivation, score, target)
    itself = not flat and not any(_reads(part, target) for part in parts)
    return Scores(link, "itself" if itself else _expectation(derivation, score, target, link, flat), steady, flat)


def _targets(variant: Variant) -> list[Argument]:
    return [a for a in variant.arguments if a.role.kind in ("target", "label")]


def _reads(expression: Expr, argument: Argument) -> bool:
    return argument in expression.free_symbols or any(e.base == argument for e in expression.atoms(Entry))


def _without_weights(expression: Expr) -> Expr:
    """The expression with all weights 1, multiplied out so that what cancels is gone."""
    weights = {e: ONE for e in expression.atoms(Entry) if e.base.role.kind == "weight"}
    weights |= {s: ONE for s in expression.free_symbols if isinstance(s, Argument) and s.role.kind == "weight"}
    return expand(expression.xreplace(weights))


def _link(derivation: Derivation, score: Argument, target: Argument) -> str | Expr | None:
    if score.role.name == LOGIT:
        if score.role.axis and (target.role.chooses or target.role.label == "probabilities"):
            return "softmax"
        return "sigmoid" if target.role.domain in ("unit", "binary") else None
    if score.role.axis or target.role.domain == "sign" or _of_error(derivation.variant.expression, score, target):
        return None
    slope = _slope(derivation, derivation.variant.expression, score)
    turn = _slope(derivation, slope, target)
    if turn == 0 or simplify(_slope(derivation, turn, target)) != 0:
        return None
    best = simplify(target - slope / turn)
    return None if best == score or _reads(best, target) or not best.is_real else best


def _expectation(
    derivation: Derivation, score: Argument, target: Argument, link: str | Expr | None, flat: bool
) -> Expectation:
    if not score.role.axis and _of_error(derivation.variant.expression, score, target):
        return "error"
    if flat:
        return ""
    if target.role.chooses:
        return "labels" if link == "softmax" else ""
    if link is None or not _straight(derivation, score, target):
        return ""
    return "two values" if link == "sigmoid" and not score.role.axis else "mean"


def _of_error(expression: Expr, score: Argument, target: Argument) -> bool:
    """Whether the loss is one of x - y alone: the same where both are moved by the same amount."""
    by = Symbol("by", real=True)
    return expression.xreplace({score: score + by, target: target + by}) == expression


def _straight(derivation: Derivation, score: Argument, target: Argument) -> bool:
    """Whether the derivative in the score is a straight line in the target, or the target has two values only."""
    if target.role.domain == "binary":
        return True
    slope = derivation.gradient[derivation.variant.differentiable.index(score)].generic
    return simplify(_slope(derivation, _slope(derivation, slope, target), target)) == 0


def _slope(derivation: Derivation, expression: Expr, argument: Argument) -> Expr:
    """The derivative along a constant direction over an argument."""
    along = Argument(f"along_{argument.name}", argument.role)

    def seed(leaf: Expr) -> Expr:
        if isinstance(leaf, Entry):
            return Entry(along, *leaf.indices) if leaf.base == argument else ZERO
        return ONE if leaf == argument else ZERO

    return derivation.derive(expression, seed)
