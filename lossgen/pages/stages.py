"""The derivation step by step: each rule that was applied, the formula before and after, and why it holds."""

import inspect
from collections.abc import Iterator

from sympy import Expr

from lossgen.derive import Derivation
from lossgen.derive.lattice import LatticeDerivation
from lossgen.derive.rules import PROTECTION, STABLE
from lossgen.derive.rules.reductions import canonical_index
from lossgen.formula import Loss, Variant
from lossgen.formula.notebook import slope_of

from .blocks import Block, Paragraph, Plain, prose
from .equation import equation, equations
from .notation import latex
from .spelt import short_indices
from .variants import heading
from .widths import width_of

Step = tuple[str, Expr, Expr]

#: Rules that change no more than the letter of an index.
SILENT = (canonical_index.__name__,)
#: A formula before a step that is wider, in points, stands on lines of its own.
WIDE_LEFT = 190.0


class Stages:
    """What has been said on the page, so that nothing is said twice."""

    def __init__(self) -> None:
        self.rules: set[str] = set()
        self.steps: set[tuple[str, str, str]] = set()
        self.documents = {rule.__name__: inspect.getdoc(rule) or "" for rule in (*PROTECTION, *STABLE)}

    def applied(self, steps: list[Step]) -> Iterator[Block]:
        """Steps by one rule together, with why it holds where it is met first."""
        said = ""
        for rule, before, after in steps:
            before, after = short_indices(before), short_indices(after)
            step = (rule, latex(before), latex(after))
            if rule in SILENT or step in self.steps or step[1] == step[2]:
                continue
            self.steps.add(step)
            if rule != said:
                yield Paragraph(self._reason(rule))
                said = rule
            yield _change(before, after)

    def _reason(self, rule: str) -> tuple:
        name = rule.replace("_", " ").capitalize()
        if rule in self.rules:
            return (Plain(f"{name}:"),)
        self.rules.add(rule)
        text = " ".join(self.documents.get(rule, "").split())
        return (Plain(f"{name}: "), *prose(text))


def _change(before: Expr, after: Expr) -> Block:
    """before = after."""
    left = latex(before)
    if width_of(left) <= WIDE_LEFT and "&" not in left:
        return equation(left, after)
    return equations([("", before), ("", after)], relations=("", "="))


def staged(loss: Loss) -> tuple[Block, ...]:
    """All stages of all variants: the value, then the gradient with respect to each argument."""
    stages = Stages()
    blocks: list[Block] = []
    for variant in loss.pieces:
        found = list(_recurrent(loss, variant, stages) if variant.filled else _plain(loss, variant, stages))
        if len(loss.pieces) > 1:
            found = found or [Paragraph((Plain("The same steps as above."),))]
            blocks.append(heading(loss, [variant]))
        blocks += found
    return tuple(blocks) or (Paragraph((Plain("No rule applies: the formula is stable as it is written."),)),)


def _plain(loss: Loss, variant: Variant, stages: Stages) -> Iterator[Block]:
    derivation = Derivation(loss.name, variant)
    steps = derivation.trace.steps
    value = derivation.value
    found = list(stages.applied(steps))
    if found:
        yield Paragraph((Plain("The value, as it is written:"),))
        yield equation(r"\ell", variant.expression)
        yield from found
        yield Paragraph((Plain("So the value, in its stable form, is"),))
        yield equation(r"\ell", short_indices(value))
    for argument in variant.differentiable:
        start = len(steps)
        raw = derivation.slope(value, argument)
        result = derivation.result(argument, raw)
        found = list(stages.applied(steps[start:]))
        if found:
            yield Paragraph((Plain("Differentiated, the value gives"),))
            yield equation(slope_of(latex(result.entries[0][0])), short_indices(raw))
            yield from found


def _recurrent(loss: Loss, variant: Variant, stages: Stages) -> Iterator[Block]:
    derivation = LatticeDerivation(loss.name, variant)
    steps = derivation.trace.steps
    found = list(stages.applied(steps))
    if found:
        yield Paragraph((Plain("The value and the cells, brought into the log domain:"),))
        yield from found
    start = len(steps)
    derivation.evaluate()
    found = list(stages.applied(steps[start:]))
    if found:
        yield Paragraph((Plain("The derivatives of a cell, and of the value:"),))
        yield from found
