"""The variants of a loss on a page: what each is called, and those of which the same is to be said."""

from collections.abc import Callable

from lossgen.formula import Loss, Variant

from .blocks import Block, Code, Paragraph, Plain, Runs

Blocks = tuple[Block, ...]


def each_variant(loss: Loss, say: Callable[[Variant], Blocks]) -> Blocks:
    """What is said of every variant under its heading; variants of which the same is said share one."""
    groups: dict[Blocks, list[Variant]] = {}
    for variant in loss.pieces:
        groups.setdefault(say(variant), []).append(variant)
    if len(groups) == 1:
        return next(iter(groups))
    return tuple(block for said, variants in groups.items() for block in (heading(loss, variants), *said))


def heading(loss: Loss, variants: list[Variant]) -> Paragraph:
    """With `p=2` and `target` of indices:"""
    runs: list[Plain | Code] = []
    for variant in variants:
        own = list(choices(loss, variant))
        if runs and own:
            own[0] = Plain(f"; and {own[0].text[0].lower()}{own[0].text[1:]}")
        runs += own
    return Paragraph((*(r for r in runs if r.text), Plain(":")))


def choices(loss: Loss, variant: Variant) -> Runs:
    """What is chosen in the variant, in words."""
    found: list[tuple[Plain | Code, ...]] = []
    for argument in variant.arguments:
        roles = {a.role.label for v in loss.variants for a in v.arguments if a.name == argument.name}
        if argument.role.label and len(roles) > 1:
            found.append((Code(argument.name), Plain(f" of {argument.role.label}")))
    for name, value in variant.options.items():
        found.append((Code(f"{name}={value!r}"),) if value is not None else (Plain("any other "), Code(name)))
    batch = next((a.role.batch for a in variant.arguments if a.role.batch), "")
    start: list[Plain | Code] = [Plain("The part of the batch "), Code(batch)] if batch else []
    for number, choice in enumerate(found):
        start += [Plain((", with " if batch else "With ") if number == 0 else ", "), *choice]
    return tuple(start)
