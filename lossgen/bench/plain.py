"""The same losses as a user of torch alone would write them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional


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


PLAIN: dict[str, Callable[..., Tensor]] = {
    "mse_loss": functional.mse_loss,
    "l1_loss": functional.l1_loss,
    "binary_cross_entropy_with_logits": functional.binary_cross_entropy_with_logits,
    "sigmoid_focal_loss": sigmoid_focal_loss,
    "gaussian_kl_divergence": gaussian_kl_divergence,
    "cross_entropy": functional.cross_entropy,
    "ctc_with_logits_loss": ctc_with_logits_loss,
}
