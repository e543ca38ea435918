"""CTC against every alignment written down, against PyTorch, and against itself: adjoints, products, differences."""

import itertools

import numpy as np
import pytest
import torch
from lattice_references import ctc
from lossgen.generated import ctc_loss as on_arrays
from lossgen.generated import ctc_with_logits_loss as logits_on_arrays
from lossgen.generated.torch import ctc_loss, ctc_with_logits_loss
from torch.nn import functional

SEED = 20

#: Ragged items: a repeat, an empty one, one that just fits, one with more frames than it needs.
INPUT_LENGTHS, TARGET_LENGTHS = [7, 3, 4, 6], [3, 0, 2, 1]
TARGETS = torch.tensor([[1, 1, 2], [3, 3, 3], [2, 2, 0], [3, 0, 0]])


def ragged(seed=SEED, classes=4):
    """(T, N, C) numbers, as the predictions of the items above."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(7, 4, classes, dtype=torch.float64, generator=generator, requires_grad=True)


def of_ragged(loss, reduction="mean"):
    given = TARGETS, torch.tensor(INPUT_LENGTHS), torch.tensor(TARGET_LENGTHS)
    return lambda x: loss(x, *given, reduction=reduction)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5])
def test_every_labelling_against_every_alignment(frames, classes):
    """All labels up to one more than fit: empty ones, repeats, infeasible ones; scores that are no probabilities too."""
    rng = np.random.default_rng(SEED)
    for blank in range(classes):
        names = [c for c in range(classes) if c != blank]
        every = [labels for n in range(min(frames, 4) + 2) for labels in itertools.product(names, repeat=n)]
        scores = rng.normal(size=(frames, len(every), classes))
        lengths = np.array([len(labels) for labels in every])
        padded = np.full((len(every), lengths.max()), 10**6)  # what is beyond a target is never read
        for row, labels in zip(padded, every, strict=True):
            row[: len(labels)] = labels
        found = on_arrays(scores, padded, frames, lengths, blank=blank, reduction="none")
        _, slopes = on_arrays.value_and_grad(scores, padded, frames, lengths, blank=blank, reduction="sum")
        for n, labels in enumerate(every):
            value, slope = ctc(scores[:, n], labels, blank)
            np.testing.assert_allclose(found[n], value, rtol=1e-12, atol=1e-13, err_msg=f"seed {SEED}: {labels}")
            np.testing.assert_allclose(slopes[:, n], slope, rtol=1e-11, atol=1e-13, err_msg=f"seed {SEED}: {labels}")


def batches(number, seed):
    """Random ragged batches: logits, targets, lengths, options. Some targets do not fit their frames."""
    rng = np.random.default_rng(seed)
    for _ in range(number):
        frames, items, classes = rng.integers(1, 13), rng.integers(1, 5), rng.integers(2, 7)
        blank = int(rng.integers(classes))
        input_lengths = rng.integers(1, frames + 1, items)
        target_lengths = np.minimum(rng.integers(0, 6, items), rng.integers(0, frames + 2, items))
        names = [c for c in range(classes) if c != blank]
        labels = [rng.choice(names, n) for n in target_lengths]
        if rng.random() < 0.5:
            targets = np.concatenate(labels)
        else:
            targets = np.full((items, max(target_lengths.max(), 1)), names[0])
            for row, own in zip(targets, labels, strict=True):
                row[: len(own)] = own
        logits = rng.normal(size=(frames, items, classes)) * rng.choice([0.3, 1, 4])
        given = map(torch.tensor, (logits, targets.astype(int), input_lengths, target_lengths))
        yield *given, {"blank": blank, "reduction": str(rng.choice(["none", "sum", "mean"]))}


@pytest.mark.parametrize("seed", range(5))
def test_random_batches_against_pytorch(seed):
    """Chained through a log-softmax: PyTorch's own gradient is the one with respect to what is before it."""
    for number, (logits, *given, options) in enumerate(batches(50, seed)):
        where = f"seed {seed}, batch {number}: {options}"
        logits.requires_grad_()
        log_probs = logits.log_softmax(-1)
        theirs = functional.ctc_loss(log_probs, *given, **options)
        # PyTorch's gradient of an infinite item is NaN; with zero_infinity it is 0, as ours is without it too.
        finite = functional.ctc_loss(log_probs, *given, zero_infinity=True, **options)
        (slope,) = torch.autograd.grad(finite.sum(), logits, retain_graph=True)
        for loss, x in ((ctc_loss, log_probs), (ctc_with_logits_loss, logits)):
            value = loss(x, *given, **options)
            torch.testing.assert_close(value, theirs, rtol=1e-10, atol=1e-12, msg=lambda m, w=where: f"{w}: {m}")
            without = loss(x, *given, zero_infinity=True, **options)
            torch.testing.assert_close(without, finite, rtol=1e-10, atol=1e-12, msg=lambda m, w=where: f"{w}: {m}")
            for total in (value, without):
                (found,) = torch.autograd.grad(total.sum(), logits, retain_graph=True)
                torch.testing.assert_close(found, slope, rtol=1e-8, atol=1e-10, msg=lambda m, w=where: f"{w}: {m}")


@pytest.mark.parametrize("loss", [ctc_loss, ctc_with_logits_loss])
@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_derivatives_are_those_of_what_is_given(loss, reduction):
    """Raw scores: PyTorch's CTC fails the first of these, and has no second derivative."""
    made = of_ragged(loss, reduction)
    assert torch.autograd.gradcheck(made, (ragged(),))
    assert torch.autograd.gradgradcheck(made, (ragged(),))


def test_pytorchs_gradient_is_another_one():
    """What the documentation says of it; should this fail, the documentation can be shorter."""
    lengths = tuple(INPUT_LENGTHS), tuple(TARGET_LENGTHS)
    targets = TARGETS.clone()
    targets[2, 2:], targets[3, 1:] = 1, 1
    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        torch.autograd.gradcheck(lambda x: functional.ctc_loss(x, targets, *lengths), (ragged(),))


@pytest.mark.parametrize("loss", [on_arrays, logits_on_arrays])
def test_products_with_the_hessian(loss):
    """<u, Hv> = <v, Hu>; <g, v> and Hv are what differences of values and of gradients along v say."""
    given = TARGETS.numpy(), np.array(INPUT_LENGTHS), np.array(TARGET_LENGTHS)
    x = ragged().detach().numpy()
    u, v = np.random.default_rng(SEED).normal(size=(2, *x.shape))
    _, slope = loss.value_and_grad(x, *given)
    along_u, along_v = (loss.hvp(x, *given, direction) for direction in (u, v))
    np.testing.assert_allclose((u * along_v).sum(), (v * along_u).sum(), rtol=1e-11)
    step = 1e-5
    (above, slope_above), (below, slope_below) = (loss.value_and_grad(x + s * v, *given) for s in (step, -step))
    np.testing.assert_allclose((above - below) / (2 * step), (slope * v).sum(), rtol=1e-8)
    np.testing.assert_allclose((slope_above - slope_below) / (2 * step), along_v, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("dtype, error", [(torch.float32, 1e-6), (torch.float64, 1e-14)])
def test_the_gradient_of_a_frames_logits_sums_to_0(dtype, error):
    x = (3 * ragged().detach()).to(dtype).requires_grad_()
    of_ragged(ctc_with_logits_loss, "sum")(x).backward()
    assert x.grad.sum(-1).abs().max() <= error
    y = x.detach().double().log_softmax(-1).requires_grad_()
    of_ragged(ctc_loss, "sum")(y).backward()
    for n, length in enumerate(INPUT_LENGTHS):
        torch.testing.assert_close(y.grad[:length, n].sum(-1), -torch.ones(length, dtype=torch.float64))
        assert not y.grad[length:, n].any() and not x.grad[length:, n].any()
