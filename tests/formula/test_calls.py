"""`reductions=`, `positional=` and `forward=` of `@loss`: what they accept, and what they refuse in one line."""

import pytest

from lossgen.build.surface import Surface
from lossgen.formula import Axis, ClassIndex, Logit, Parameter, Prediction, Real, SpecError, Weight, loss

C = Axis("C")


def declared(**options):
    @loss(**options)
    def made_up(input: Prediction, target: Real, weight: Weight = 1, delta: Parameter = 1):
        """A loss."""
        return weight * delta * (input - target) ** 2

    return made_up


def test_a_loss_has_the_usual_reductions_and_tensors_by_position():
    made_up = declared()
    assert made_up.reduction == "mean" and made_up.reductions == ("mean", "sum", "none")
    assert made_up.positional == ()


def test_the_first_reduction_is_the_default_unless_another_is_named():
    assert declared(reductions=("sum",)).reduction == "sum"
    assert declared(reductions=("batchmean", "sum")).reduction == "batchmean"
    assert declared(reductions=("mean", "batchmean", "sum", "none"), reduction="none").reduction == "none"


@pytest.mark.parametrize(
    "options, message",
    [
        ({"reductions": ()}, r"reductions=\(\): expected some of 'mean', 'batchmean', 'sum', 'none', each once"),
        ({"reductions": "sum"}, "reductions='sum': expected some of"),
        ({"reductions": ("sum", "sum")}, "each once"),
        ({"reductions": ("total",)}, "reductions has 'total': expected some of"),
        ({"reductions": ("sum",), "reduction": "mean"}, "reduction='mean': expected one of 'sum'"),
        ({"positional": "input"}, "positional='input': expected a tuple of names"),
        (
            {"positional": ("input", "target", "wieght")},
            "positional has 'wieght', expected one of input, target, weight",
        ),
        ({"positional": ("input", "target", "input")}, "positional has input twice"),
        ({"positional": ("input",)}, "positional leaves out target, which must be given"),
        (
            {"positional": ("input", "delta", "target")},
            "positional has target, which must be given, after delta, which need not",
        ),
        ({"positional": ("input", "target", "ignore_index")}, "positional has 'ignore_index', expected one of"),
        ({"positional": ("input", "target", "reduce")}, "positional has reduce alone, expected both or neither"),
        ({"positional": ("input", "target", "reduction"), "reductions": ("sum",)}, "positional has 'reduction'"),
        (
            {"positional": ("input", "target", "size_average", "reduce"), "reductions": ("mean", "sum")},
            "positional has 'size_average'",
        ),
        ({"forward": {"weight": "w"}}, "forward has 'weight', expected one of input, target"),
        ({"forward": {"input": "target"}}, "forward calls input 'target', expected a name of its own"),
        ({"forward": {"input": "lambda"}}, "forward calls input 'lambda'"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(SpecError, match=message) as caught:
        declared(**options)
    assert str(caught.value).startswith("made_up: ") and "\n" not in str(caught.value)


def test_the_module_may_call_its_inputs_otherwise():
    assert declared().forward == {}
    made_up = declared(forward={"input": "log_input"})
    forward = Surface(made_up).torch.forward
    assert forward[:3] == ["log_input: Tensor", "target: Tensor", "*"]
    assert Surface(made_up).torch.function[0] == "input: Tensor"


def test_labels_bring_ignore_index():
    @loss(positional=("input", "target", "ignore_index", "reduction"))
    def made_up(input: Logit[C], target: ClassIndex[C]):
        """A loss."""
        return -input[target]

    assert made_up.positional[2] == "ignore_index"
