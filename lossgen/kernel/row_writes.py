"""Steps that add to rows of an output one after the other: a single loop over the rows does them all.

Otherwise each goes through the whole output once more. Of rows of 5,000 classes none is near the processor by then: it took a
seventh of the time of adding.
"""

from collections.abc import Iterable, Sequence

from lossgen.derive.sweeps import Step, Write
from lossgen.formula import Index
from lossgen.formula.symbols import Argument


def together(steps: Iterable[Step]) -> list[tuple[Step, ...]]:
    """The steps in their order, those side by side as one that go through the rows of the same output."""
    found: list[tuple[Step, ...]] = []
    for step in steps:
        rows = _rows(step)
        if found and rows is not None and rows == _rows(found[-1][-1]):
            found[-1] = (*found[-1], step)
        else:
            found.append((step,))
    return found


def _rows(step: Step) -> tuple[Argument, Index] | None:
    """The output, and the index of its first axis, if each round of the outermost loop adds to no other rows than its own."""
    if not isinstance(step, Write) or step.argument.role.layout != "grid" or not step.over:
        return None
    return (step.argument, step.over[0]) if step.positions[0] == step.over[0] else None


def in_one_loop(parts: Sequence[Sequence[str]]) -> list[str] | None:
    """The lines of one loop in the place of several, each of which has lines before it and none behind; else None."""
    heads = {next((line for line in lines if line.startswith("for ")), "") for lines in parts}
    if len(heads) != 1 or not (head := heads.pop()):
        return None
    places = [list(lines).index(head) for lines in parts]
    before = [line for lines, place in zip(parts, places, strict=True) for line in lines[:place]]
    body = [line for lines, place in zip(parts, places, strict=True) for line in lines[place + 1 :]]
    return [*before, head, *body] if all(line.startswith(" ") for line in body) else None
