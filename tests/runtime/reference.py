"""The handwritten losses in plain NumPy, float64, with derivatives by hand: what the runtime is compared against."""

from __future__ import annotations

import numpy as np


def softmax(x: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def choice(
    x: np.ndarray, y: np.ndarray, w: np.ndarray | None = None, ignore_index: int = -100
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Value, gradient and normaliser of each item; classes last."""
    x = x.astype(float)
    kept = y != ignore_index
    label = np.where(kept, y, 0).astype(int)
    weight = np.where(kept, 1.0 if w is None else w.astype(float)[label], 0.0)
    p = softmax(x)
    value = -weight * np.log(np.take_along_axis(p, label[..., None], -1)[..., 0])
    gradient = weight[..., None] * (p - np.eye(x.shape[-1])[label])
    return value, gradient, weight


def choice_product(x: np.ndarray, y: np.ndarray, v: np.ndarray, w: np.ndarray | None = None) -> np.ndarray:
    """The Hessian of the summed items times v; classes last."""
    p = softmax(x.astype(float))
    weight = 1.0 if w is None else w[y][..., None]
    return weight * p * (v - (p * v).sum(-1, keepdims=True))


def latent(r: np.ndarray, d: np.ndarray, m: np.ndarray, s: np.ndarray) -> np.ndarray:
    """The value of each item: (N, D), (N, D), (N, Z), (N, Z)."""
    return 0.5 * ((r - d) ** 2).sum(-1) + 0.5 * (m**2 * s).sum(-1)
