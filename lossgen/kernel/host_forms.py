"""The steps of an item on the CPU in one form, or in two: in plain numbers where its cells fit their range, else in path numbers."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from lossgen.derive.sweeps import Keep, Step

from .lattice_frame import WrittenSteps
from .rounds import Rounds, single_steps
from .scaled_paths import ScaledFill

Guard = Callable[[Step | Rounds, Sequence[str]], Iterable[str]]


class OneForm:
    """The steps one after the other."""

    def __init__(self, steps: WrittenSteps) -> None:
        self.steps = steps

    def before(self) -> Iterator[str]:
        """Up to the value."""
        for _, lines in self.steps.before:
            yield from lines
        yield from self.steps.value

    def after(self, guard: Guard) -> Iterator[str]:
        """The steps after the value; `guard` says for which outputs each is done."""
        for step, lines in self.steps.after:
            yield from guard(step, lines)


class TwoForms(OneForm):
    """What all items need of their rows, then the steps of one form or of the other; `fits` says which the item takes.

    `cleared`: the lines that fill a table with what is outside of it, to begin anew.
    `least`: the value below which plain numbers have too few digits: those of a probability near 1 less 1.
    """

    def __init__(
        self,
        steps: WrittenSteps,
        fast: WrittenSteps,
        cleared: Sequence[str],
        least: str,
    ) -> None:
        super().__init__(steps)
        self.fast, self.cleared, self.least = fast, cleared, least

    def before(self) -> Iterator[str]:
        for step, lines in self.fast.before:
            if isinstance(step, Keep):
                yield from lines
        yield "fits = fits_factor(factor)"
        yield "if fits:"
        for step, lines in self.fast.before:
            if not isinstance(step, Keep):
                says = any(isinstance(own, ScaledFill) for own in single_steps([step]))
                yield from _indented([f"fits = {line}" for line in lines] if says else lines)
        yield "if fits:"
        yield from _indented(self.fast.value)
        yield f"    fits = abs(value) >= {self.least}"
        yield "if not fits:"
        yield from _indented(self.cleared)
        for step, lines in self.steps.before:
            if not isinstance(step, Keep):
                yield from _indented(lines)
        yield from _indented(self.steps.value)

    def after(self, guard: Guard) -> Iterator[str]:
        yield "if fits:"
        for step, lines in self.fast.after:
            yield from _indented(guard(step, lines))
        yield "else:"
        for step, lines in self.steps.after:
            yield from _indented(guard(step, lines))


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)
