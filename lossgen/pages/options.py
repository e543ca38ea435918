"""The options that every loss has, as far as they are particular to one: reductions, what a mean divides by, ignored labels."""

from collections.abc import Iterator

from lossgen.formula import Loss, Variant
from lossgen.formula.calls import IGNORE_INDEX

from .blocks import Block, Code, Formula, Items, Paragraph, Plain, Runs, Section, prose
from .notation import latex
from .variants import called

#: Options that mean the same for every loss.
COMMON = "`axis`, `sample_weight`, `mask`, `denominator` and `empty` mean what they mean for every loss."


def options(loss: Loss) -> Section:
    """The reductions, and what items count."""
    items: list[tuple[Block, ...]] = [(Paragraph(runs),) for runs in _reductions(loss)]
    if any(v.labels for v in loss.variants):
        text = f"`ignore_index` (default `{IGNORE_INDEX}`): an item with this class index counts nothing, and its gradient is 0."
        items.append((Paragraph(prose(text)),))
    blocks: list[Block] = [Items(tuple(items))]
    if loss.batches:
        names = " and ".join(loss.batches)
        text = f"The loss is the sum of what the batches {names} contribute, each reduced by itself; they may differ in size."
        blocks.append(Paragraph(prose(text)))
    return Section("options", "Options", (*blocks, Paragraph(prose(COMMON))))


def _reductions(loss: Loss) -> Iterator[Runs]:
    """A line for each reduction; the default first."""
    if len(loss.reductions) == 1:
        yield prose(f"Always reduced by `{loss.reduction}`: {_WORDS[loss.reduction]}.")
        return
    for name in sorted(loss.reductions, key=lambda n: n != loss.reduction):
        head: Runs = (Code(f'reduction="{name}"'), Plain(" (default): " if name == loss.reduction else ": "))
        yield (*head, *(_mean(loss) if name == "mean" else prose(f"{_WORDS[name]}.")))


_WORDS = {
    "none": "the loss of each item",
    "sum": "the sum over the items",
    "batchmean": "the sum over the items, divided by the size of dimension 0",
    "mean": "the mean over the items",
}


def _mean(loss: Loss) -> Runs:
    """What the mean divides by, in every reading of the formula."""
    by_text: dict[Runs, list[Variant]] = {}
    for variant in loss.variants:
        by_text.setdefault(_denominator(variant), []).append(variant)
    if len(by_text) == 1:
        return (Plain("the sum over the items, divided by "), *next(iter(by_text)), Plain("."))
    runs: list[Plain | Code | Formula] = [Plain("the sum over the items, divided ")]
    for number, (text, variants) in enumerate(by_text.items()):
        runs += [Plain("; " if number else ""), *called(loss, variants), Plain(" by "), *text]
    return (*(r for r in runs if not isinstance(r, Plain) or r.text), Plain("."))


def _denominator(variant: Variant) -> Runs:
    items = "items that are not ignored" if variant.labels else "items"
    number = f"the number of {items}"
    if variant.divisor != 1:
        return (Plain(f"{number}, each first divided by "), Formula(latex(variant.divisor)))
    if variant.normalizer == 1 or variant.parts:
        return (Plain(number),)
    return (Plain(f"the sum over the {items} of "), Formula(latex(variant.normalizer)))
