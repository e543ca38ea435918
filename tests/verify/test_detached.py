"""What is detached is a constant for every derivative: of the compiler, the oracle, differences and autograd."""

import numpy as np
import pytest
import torch
from exact import exact
from mpmath import mp, mpf

from lossgen.derive import Derivation
from lossgen.formula import Abs, Axis, Max, Positive, Prediction, Real, Sum, detach, log, loss
from lossgen.kernel.expand import expand
from lossgen.verify import oracle
from lossgen.verify.plain_torch import evaluate

C = Axis("C")
c = C.index()


@loss
def reweighted(input: Prediction, target: Real):
    """A squared error with a weight that is not trained."""
    return detach(Abs(input - target)) * (input - target) ** 2


@loss
def clamped(input: Prediction, target: Real, eps: Positive = 0.5):
    """A logarithm with a clamp that the gradient does not see."""
    clamp = input + detach(Max(input, eps) - input)
    return log(clamp) + target / clamp


@loss
def over_rows(input: Prediction[C], target: Real[C]):
    """Weights of one entry each."""
    return Sum(detach(input[c] ** 2) * (input[c] - target[c]) ** 3, c)


ITEMS = {
    "reweighted": (reweighted, {"input": mpf(3), "target": mpf("0.5")}, [mpf("12.5")], [mpf(5)]),
    "clamped, below": (
        clamped,
        {"input": mpf("0.25"), "target": mpf(3), "eps": mpf("0.5")},
        [2 - mpf(3) / mpf("0.25")],
        [-mpf(4) + 6 / mpf("0.125")],
    ),
    "clamped, above": (clamped, {"input": mpf(2), "target": mpf(3), "eps": mpf("0.5")}, [mpf("-0.25")], [mpf("0.5")]),
    "over_rows": (
        over_rows,
        {"input": [mpf(2), mpf(-1)], "target": [mpf(1), mpf(1)], "C": 2},
        [mpf(12), mpf(12)],
        [mpf(24), mpf(-12)],
    ),
}
every_item = pytest.mark.parametrize("a_loss, item, slopes, bends", ITEMS.values(), ids=ITEMS)


@every_item
def test_the_oracle_and_differences_hold_it_still(a_loss, item, slopes, bends):
    expression, direction = a_loss.variants[0].expression, {"input": _like(item["input"], mpf("0.5"))}
    with mp.workdps(60):
        (jets,) = oracle.truths(expression, item, ["input"], direction)
        differences = oracle.by_differences(expression, item, ["input"], direction)
        for found in (jets, differences):
            for given, true in ((found.gradient, slopes), (found.diagonal, bends)):
                assert all(abs(x - t) < mpf(10) ** -15 for x, t in zip(given["input"], true, strict=True))
            assert all(abs(x - t / 2) < mpf(10) ** -15 for x, t in zip(found.product["input"], bends, strict=True))


@every_item
def test_the_compiler_differentiates_around_it(a_loss, item, slopes, bends):
    derivation = Derivation(a_loss.name, a_loss.variants[0])
    for results, true in ((derivation.gradient, slopes), (derivation.hessian_diagonal, bends)):
        result = next(r for r in results if r.argument.name == "input")
        for k, t in enumerate(true):
            assert abs(exact(result.generic, item, {result.index: k} if result.index else None) - t) < mpf(10) ** -40


@every_item
def test_autograd_of_the_plain_formula_holds_it_still(a_loss, item, slopes, bends):
    tensors = {
        n: torch.tensor(np.array(x, float))[None] if n in ("input", "target") else float(x) for n, x in item.items()
    }
    x = tensors["input"].requires_grad_()
    (slope,) = torch.autograd.grad(evaluate(a_loss.variants[0].expression, tensors).sum(), x)
    np.testing.assert_allclose(slope.numpy().reshape(-1), [float(t) for t in slopes], rtol=1e-14)


def test_a_kernel_computes_the_clamp_and_nothing_else():
    input, _ = clamped.variants[0].arguments
    (eps,) = clamped.variants[0].parameters
    assert expand(input + detach(Max(input, eps) - input)) == Max(input, eps)


def _like(entries, number):
    return [number] * len(entries) if isinstance(entries, list) else number
