"""Losses that take lengths and sequences of labels, as the build prints them."""

from __future__ import annotations

from lossgen.runtime import Argument, Axis, Loss, Parameter, Schema, Variant

NAN = float("nan")


class Path(Loss):
    """See `path.py`."""

    schema = Schema(
        name="path",
        axes=(Axis("T", "first"), Axis("C", "last"), Axis("L", "last")),
        parameters=(Parameter("blank", 0, "class-index", integer=True, axis="C"),),
        variants=(
            Variant(
                label="",
                module="path",
                arguments=(
                    Argument("input", "grid", None, "not-nan", axes=("T", "C")),
                    Argument("labels", "sequence", "L", "class-index", integer=True, points_to="C"),
                    Argument("frames", "length", "T", "length", -1.0, integer=True),
                    Argument("lengths", "length", "L", "length", -1.0, integer=True),
                    Argument("links", "table", None, "real", 0.0, axes=("C", "C")),
                ),
                differentiable=("input", "links"),
                predictions=("input", "links"),
                normalized=False,
                sizes=("T", "L"),
                divided=True,
            ),
        ),
    )

    def __call__(self, input, labels, frames=None, lengths=None, links=None, *, blank=0, **options):
        """The value."""
        return self._value((input, labels, frames, lengths, links), (blank,), *_spread(options))

    def value_and_grad(self, input, labels, frames=None, lengths=None, links=None, *, blank=0, wrt="input", **options):
        """The value and gradients."""
        arguments = (input, labels, frames, lengths, links)
        return self._value_and_grad(arguments, (blank,), wrt, *_spread(options))

    def hvp(self, input, labels, direction, frames=None, lengths=None, links=None, *, blank=0, **options):
        """The product with a direction."""
        return self._hvp((input, labels, frames, lengths, links), (blank,), direction, *_spread(options))

    def hessian_diagonal(self, input, labels, frames=None, lengths=None, links=None, *, blank=0, **options):
        """Not available."""
        return self._hessian_diagonal((input, labels, frames, lengths, links), (blank,), *_spread(options))


class Sheet(Loss):
    """See `sheet.py`."""

    schema = Schema(
        name="sheet",
        axes=(Axis("T", "last"), Axis("V", "last", base="U", longer=1), Axis("C", "last"), Axis("U", "last")),
        parameters=(Parameter("blank", 0, "class-index", integer=True, axis="C"),),
        variants=(
            Variant(
                label="",
                module="sheet",
                arguments=(
                    Argument("input", "grid", None, "real", axes=("T", "V", "C")),
                    Argument("labels", "sequence", "U", "class-index", integer=True, points_to="C"),
                    Argument("times", "length", "T", "length", -1.0, integer=True),
                    Argument("lengths", "length", "U", "length", -1.0, integer=True),
                ),
                differentiable=("input",),
                predictions=("input",),
                normalized=False,
                sizes=("T", "U", "V"),
            ),
        ),
    )

    def __call__(self, input, labels, times=None, lengths=None, *, blank=0, **options):
        """The value."""
        return self._value((input, labels, times, lengths), (blank,), *_spread(options))

    def value_and_grad(self, input, labels, times=None, lengths=None, *, blank=0, wrt=None, **options):
        """The value and gradients."""
        return self._value_and_grad((input, labels, times, lengths), (blank,), wrt, *_spread(options))


def _spread(options: dict) -> tuple:
    """The options in their order."""
    usual = dict(reduction="mean", axis=None, sample_weight=None, mask=None, denominator=None, empty=NAN)
    return tuple({**usual, **options}.values())


path = Path(f"{__package__}.numpy")
sheet = Sheet(f"{__package__}.numpy")
