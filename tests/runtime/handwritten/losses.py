"""The losses' schemas and surfaces, as the build prints them."""

from __future__ import annotations

from lossgen.runtime import Argument, Axis, Loss, Parameter, Schema, Variant

NAN = float("nan")


class Square(Loss):
    """weight · factor · (input - target)²."""

    schema = Schema(
        name="square",
        axes=(),
        parameters=(Parameter("factor", 1.0, "positive"),),
        variants=(
            Variant(
                label="",
                module="square",
                arguments=(
                    Argument("input", "item", None, "real"),
                    Argument("target", "item", None, "not-nan"),
                    Argument("weight", "broadcast", None, "real", 1.0),
                ),
                differentiable=("input", "target", "weight"),
                predictions=("input",),
                normalized=False,
            ),
        ),
    )

    def __call__(
        self, input, target, weight=None, *, factor=1.0, reduction="mean", axis=None,
        sample_weight=None, mask=None, denominator=None, empty=NAN,
    ):  # fmt: skip
        """The value."""
        return self._value((input, target, weight), (factor,), reduction, axis, sample_weight, mask, denominator, empty)

    def value_and_grad(
        self, input, target, weight=None, *, factor=1.0, wrt=None, reduction="mean", axis=None,
        sample_weight=None, mask=None, denominator=None, empty=NAN,
    ):  # fmt: skip
        """The value and gradients."""
        return self._value_and_grad(
            (input, target, weight), (factor,), wrt, reduction, axis, sample_weight, mask, denominator, empty
        )

    def hvp(self, input, target, direction, weight=None, *, factor=1.0, reduction="mean", sample_weight=None):
        """The product with a direction."""
        arguments = (input, target, weight)
        return self._hvp(arguments, (factor,), direction, reduction, None, sample_weight, None, None, NAN)

    def hessian_diagonal(self, input, target, weight=None, *, factor=1.0, reduction="mean"):
        """The diagonal of the Hessian."""
        return self._hessian_diagonal((input, target, weight), (factor,), reduction, None, None, None, None, NAN)


class Latent(Loss):
    """½ Σ (output - data)² + ½ Σ mean² · spread."""

    schema = Schema(
        name="latent",
        axes=(Axis("D", "features"), Axis("Z", "features")),
        parameters=(),
        variants=(
            Variant(
                label="",
                module="latent",
                arguments=(
                    Argument("output", "row", "D", "real"),
                    Argument("data", "row", "D", "real"),
                    Argument("mean", "row", "Z", "real"),
                    Argument("spread", "row", "Z", "real"),
                ),
                differentiable=("output", "data", "mean", "spread"),
                predictions=("output", "mean", "spread"),
                normalized=False,
            ),
        ),
    )

    def __call__(self, output, data, mean, spread, *, reduction="mean", axis=None, mask=None):
        """The value."""
        return self._value((output, data, mean, spread), (), reduction, axis, None, mask, None, NAN)

    def value_and_grad(self, output, data, mean, spread, *, wrt=None, reduction="mean", axis=None, mask=None):
        """The value and gradients."""
        arguments = (output, data, mean, spread)
        return self._value_and_grad(arguments, (), wrt, reduction, axis, None, mask, None, NAN)

    def hvp(self, output, data, mean, spread, directions, *, reduction="mean", axis=None):
        """The products with directions."""
        arguments = (output, data, mean, spread)
        return self._hvp(arguments, (), directions, reduction, axis, None, None, None, NAN)


_CHOICE = (Argument("input", "row", "C", "real"), Argument("weight", "shared", "C", "real", 1.0))


class Choice(Loss):
    """weight[target] · (log Σ exp(input) - input[target])."""

    schema = Schema(
        name="choice",
        axes=(Axis("C", "class"),),
        parameters=(Parameter("ignore_index", -100, "real", integer=True),),
        variants=(
            Variant(
                label="class indices",
                module="choice_indices",
                arguments=(_CHOICE[0], Argument("target", "item", "C", "class-index", integer=True), _CHOICE[1]),
                differentiable=("input", "weight"),
                predictions=("input",),
                normalized=True,
                normalizer_reads=("target", "weight"),
            ),
            Variant(
                label="class probabilities",
                module="choice_probabilities",
                arguments=(_CHOICE[0], Argument("target", "row", "C", "unit"), _CHOICE[1]),
                differentiable=("input", "weight"),
                predictions=("input",),
                normalized=False,
            ),
        ),
    )

    def __call__(
        self, input, target, weight=None, *, ignore_index=-100, reduction="mean", axis=None,
        sample_weight=None, mask=None, denominator=None, empty=NAN,
    ):  # fmt: skip
        """The value."""
        return self._value(
            (input, target, weight), (ignore_index,), reduction, axis, sample_weight, mask, denominator, empty
        )

    def value_and_grad(
        self, input, target, weight=None, *, ignore_index=-100, wrt=None, reduction="mean", axis=None,
        sample_weight=None, mask=None, denominator=None, empty=NAN,
    ):  # fmt: skip
        """The value and gradients."""
        return self._value_and_grad(
            (input, target, weight), (ignore_index,), wrt, reduction, axis, sample_weight, mask, denominator, empty
        )


square = Square(f"{__package__}.numpy")
latent = Latent(f"{__package__}.numpy")
choice = Choice(f"{__package__}.numpy")
