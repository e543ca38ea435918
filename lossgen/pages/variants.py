"""The variants of a loss on a page: what each is called, and those of which the same is to be said."""

from collections.abc import Callable, Sequence

from lossgen.formula import Loss, Variant

from .blocks import Block, Code, Paragraph, Plain, Runs

Blocks = tuple[Block, ...]


def by_default(loss: Loss, variant: Variant) -> bool:
    """Whether the variant is what the loss is where no option is given."""
    defaults = {name: loss.default(name) for name in loss.options}
    chosen = {name: value if loss.options[name].accepts(value) else None for name, value in defaults.items()}
    return all(variant.options[name] == value for name, value in chosen.items())


def each_variant(loss: Loss, say: Callable[[Variant], Blocks]) -> Blocks:
    """What is said of every variant under its heading; variants of which the same is said share one."""
    groups: dict[Blocks, list[Variant]] = {}
    for variant in loss.pieces:
        groups.setdefault(say(variant), []).append(variant)
    if len(groups) == 1:
        return next(iter(groups))
    return tuple(block for said, variants in groups.items() for block in (heading(loss, variants), *said))


def heading(loss: Loss, variants: Sequence[Variant]) -> Paragraph:
    """With `p=2`; and with `p=3`:"""
    first, *rest = called(loss, variants)
    return Paragraph((Plain(first.text[0].upper() + first.text[1:]), *rest, Plain(":")))


def called(loss: Loss, variants: Sequence[Variant]) -> Runs:
    """What is chosen in the variants, in words: with `target` (the number of the right class, from 0), `p=2`."""
    runs: list[Plain | Code] = []
    for variant in variants:
        runs += [Plain("; and ")] * bool(runs) + _choices(loss, variant)
    return tuple(runs)


def _choices(loss: Loss, variant: Variant) -> list[Plain | Code]:
    found: list[tuple[Plain | Code, ...]] = []
    for argument in variant.arguments:
        alike = (v for v in loss.variants if v.options == variant.options)
        if len({a.role for v in alike for a in v.arguments if a.name == argument.name}) > 1:
            found.append((Code(argument.name), Plain(f" ({argument.role.meaning})")))
    for name, value in variant.options.items():
        found.append((Code(f"{name}={value!r}"),) if value is not None else (Plain("any other "), Code(name)))
    batch = next((a.role.batch for a in variant.arguments if a.role.batch), "")
    words: list[Plain | Code] = [Plain("the part of the batch "), Code(batch)] if batch else []
    for number, choice in enumerate(found):
        start = ", " if number else ", with " if batch else "with "
        words += [Plain(start), *choice]
    return words
