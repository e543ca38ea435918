"""The steps of an item on the CPU in one form, or in two: in plain numbers where its cells fit their range, else in path numbers."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from lossgen.derive.sweeps import Fill, Keep, Step, Sweeps

from .lattice_frame import WrittenSteps
from .scaled_paths import ScaledFill

Guard = Callable[[Step, Sequence[str]], Iterable[str]]


class OneForm:
    """The steps one after the other."""

    def __init__(self, steps: WrittenSteps) -> None:
        self.steps = steps

    def before(self) -> Iterator[str]:
        """Up to the value."""
        for lines in self.steps.before:
            yield from lines
        yield from self.steps.value

    def after(self, guard: Guard) -> Iterator[str]:
        """The steps after the value; `guard` says for which outputs each is done."""
        for step, lines in self.steps.after:
            yield from guard(step, lines)


class TwoForms(OneForm):
    """Each step that differs in either form; `fits` says which one the item takes.

    `cleared`: the lines that fill a table with what is outside of it, to begin anew.
    `least`: the value below which plain numbers have too few digits: those of a probability near 1 less 1.
    """

    def __init__(
        self,
        steps: WrittenSteps,
        scaled: Sweeps,
        fast: WrittenSteps,
        cleared: Sequence[str],
        least: str,
    ) -> None:
        super().__init__(steps)
        self.scaled, self.fast, self.cleared, self.least = scaled, fast, cleared, least

    def before(self) -> Iterator[str]:
        pairs = list(zip(self.scaled.before, self.fast.before, self.steps.before, strict=True))
        kept = [lines for step, lines, _ in pairs if isinstance(step, Keep)]
        for lines in kept:
            yield from lines
        yield "fits = fits_factor(factor)"
        yield "if fits:"
        for step, lines, _ in pairs:
            if not isinstance(step, Keep):
                own = [f"fits = {line}" for line in lines] if isinstance(step, ScaledFill) else lines
                yield from _indented(own)
        yield "if fits:"
        yield from _indented(self.fast.value)
        yield f"    fits = abs(value) >= {self.least}"
        yield "if not fits:"
        yield from _indented(self.cleared)
        for step, _, lines in pairs:
            if isinstance(step, Fill):
                yield from _indented(lines)
        yield from _indented(self.steps.value)

    def after(self, guard: Guard) -> Iterator[str]:
        for (step, lines), (_, fast) in zip(self.steps.after, self.fast.after, strict=True):
            yield from guard(step, lines if fast == lines else list(_either(fast, lines)))


def _either(fast: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    yield "if fits:"
    yield from _indented(fast)
    yield "else:"
    yield from _indented(lines)


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)
