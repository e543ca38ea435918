"""The same losses as a user of torch alone would write them.

Torch has no transducer loss, conditional random field or soft dynamic time warping (torchaudio's `rnnt_loss` has no wheel
for this torch without CUDA): these are plain vectorised loops, over the steps or the anti-diagonals of the table, under
autograd. They take full lengths only.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

NEVER = 1e30  # minus the logarithm of 0, with a gradient that is no NaN


def sigmoid_focal_loss(input: Tensor, target: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """The mean of torchvision's formula."""
    p = torch.sigmoid(input)
    entropy = functional.binary_cross_entropy_with_logits(input, target, reduction="none")
    p_t = p * target + (1 - p) * (1 - target)
    loss = entropy * ((1 - p_t) ** gamma)
    alpha_t = alpha * target + (1 - alpha) * (1 - target)
    return (alpha_t * loss).mean()


def gaussian_kl_divergence(mu: Tensor, log_var: Tensor) -> Tensor:
    """The divergence from the standard normal distribution, summed over features and averaged over items."""
    return (-0.5 * (1 + log_var - mu.pow(2) - log_var.exp()).sum(dim=1)).mean()


def ctc_with_logits_loss(logits: Tensor, targets: Tensor, input_lengths: Tensor, target_lengths: Tensor) -> Tensor:
    """The mean of torch's loss of the log-softmax."""
    return functional.ctc_loss(logits.log_softmax(dim=2), targets, input_lengths, target_lengths)


def rnnt_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean over the items: all cells of an anti-diagonal of (frame, labels so far) at once."""
    frames, labels = logits.shape[1], targets.shape[1]
    log_probs = logits.log_softmax(dim=3)
    emitted = functional.pad(targets, (0, 1))[:, None, :, None].expand(-1, frames, -1, 1)
    stay = _skewed(log_probs[..., 0].transpose(1, 2), -NEVER)
    emit = _skewed(log_probs.gather(3, emitted)[..., 0].transpose(1, 2), -NEVER)
    alpha = functional.pad(torch.zeros_like(stay[:, :1, 0]), (0, labels), value=-NEVER)
    for d in range(frames + labels - 1):
        alpha = torch.logaddexp(alpha + stay[:, :, d], _moved(alpha + emit[:, :, d], -NEVER))
    return -(alpha[:, -1] + stay[:, -1, -1]).mean()


def crf_loss(emissions: Tensor, tags: Tensor, transitions: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """The mean over the items: one step for all tags before and after at once."""
    alpha = start + emissions[:, 0]
    for t in range(1, emissions.shape[1]):
        alpha = torch.logsumexp(alpha[:, :, None] + transitions, dim=1) + emissions[:, t]
    log_partition = torch.logsumexp(alpha + end, dim=1)
    within = emissions.gather(2, tags[:, :, None])[:, :, 0].sum(dim=1) + start[tags[:, 0]] + end[tags[:, -1]]
    return (log_partition - within - transitions[tags[:, :-1], tags[:, 1:]].sum(dim=1)).mean()


def soft_dtw_loss(distances: Tensor) -> Tensor:
    """The mean over the items, γ = 1: all cells of an anti-diagonal at once."""
    rows = distances.shape[1]
    skewed = _skewed(distances, NEVER)
    before = torch.full_like(skewed[:, :, 0], NEVER)
    last = functional.pad(skewed[:, :1, 0], (0, rows - 1), value=NEVER)
    for d in range(1, skewed.shape[2]):
        paths = torch.stack((last, _moved(last, NEVER), _moved(before, NEVER)))
        before, last = last, skewed[:, :, d] - torch.logsumexp(-paths, dim=0)
    return last[:, -1].mean()


def _skewed(table: Tensor, outside: float) -> Tensor:
    """(N, I, J) as (N, I, I + J - 1): row i moved i to the right, so that a column holds an anti-diagonal."""
    rows, columns = table.shape[1:]
    wide = functional.pad(table, (0, rows), value=outside).flatten(1)
    return wide[:, : rows * (rows + columns - 1)].unflatten(1, (rows, rows + columns - 1))


def _moved(row: Tensor, outside: float) -> Tensor:
    """(N, I): each entry in the place of the next."""
    return functional.pad(row[:, :-1], (1, 0), value=outside)


PLAIN: dict[str, Callable[..., Tensor]] = {
    "mse_loss": functional.mse_loss,
    "l1_loss": functional.l1_loss,
    "binary_cross_entropy_with_logits": functional.binary_cross_entropy_with_logits,
    "sigmoid_focal_loss": sigmoid_focal_loss,
    "gaussian_kl_divergence": gaussian_kl_divergence,
    "cross_entropy": functional.cross_entropy,
    "ctc_with_logits_loss": ctc_with_logits_loss,
    "rnnt_loss": rnnt_loss,
    "crf_loss": crf_loss,
    "soft_dtw_loss": soft_dtw_loss,
}
