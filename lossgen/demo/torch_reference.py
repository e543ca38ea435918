"""The losses that the demonstration compares with, composed of torch's own functions."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .linear import ScoreLoss


def focal(logits: Tensor, target: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """The mean sigmoid focal loss, as torchvision composes it."""
    p = torch.sigmoid(logits)
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    p_t = p * target + (1 - p) * (1 - target)
    alpha_t = alpha * target + (1 - alpha) * (1 - target)
    return (alpha_t * entropy * (1 - p_t) ** gamma).mean()


def vae(reconstruction: Tensor, data: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    """The mean negative evidence lower bound, as textbooks compose it."""
    error = functional.binary_cross_entropy_with_logits(reconstruction, data, reduction="sum")
    divergence = -0.5 * torch.sum(1 + log_var - mu**2 - log_var.exp())
    return (error + divergence) / len(data)


def focal_score_loss(targets: np.ndarray) -> ScoreLoss:
    """`focal` over NumPy scores, with autograd's gradient."""
    target = torch.from_numpy(targets)

    def loss(scores: np.ndarray) -> tuple[float, np.ndarray]:
        logits = torch.from_numpy(scores).requires_grad_()
        value = focal(logits, target)
        (gradient,) = torch.autograd.grad(value, logits)
        return value.item(), gradient.numpy()

    return loss
