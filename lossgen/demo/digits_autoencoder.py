"""Digits with a small variational autoencoder in torch: the generated loss in place of the composed one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lossgen.generated.torch import vae_loss

from . import torch_reference
from .data import digits
from .result import Curve, Result
from .training import Trained, train

LATENT = 8
TOLERANCE = 0.3  # nats per picture, of about 20
PICTURES = 5
Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


class Autoencoder(nn.Module):
    """64 pixels to the mean and log-variance of LATENT numbers, and back to 64 logits."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 2 * LATENT))
        self.decoder = nn.Sequential(nn.Linear(LATENT, 128), nn.ReLU(), nn.Linear(128, 64))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The logits of reconstructed pictures, from a random point of each latent distribution; its parameters."""
        mu, log_var = self.encoder(pictures).split(LATENT, dim=1)
        latent = mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)
        return self.decoder(latent), mu, log_var


def run(epochs: int) -> list[Result]:
    """Train the same autoencoder twice; both are scored with the composed loss and the same noise."""
    data = digits()
    pictures = torch.from_numpy(data.features).float()
    test = torch.from_numpy(data.test_features).float()
    fit, reference = _trained(vae_loss, pictures, epochs), _trained(torch_reference.vae, pictures, epochs)
    return [
        Result(
            task="digits, torch VAE",
            loss="vae_loss",
            metric="−ELBO (nats)",
            score=_bound(fit.model, test),
            reference="composed torch loss",
            reference_score=_bound(reference.model, test),
            tolerance=TOLERANCE,
            seconds=fit.seconds,
            reference_seconds=reference.seconds,
            curve=Curve("epoch", fit.curve, reference.curve, "torch"),
            higher_is_better=False,
            images=_images(fit.model, test[:PICTURES]),
            caption="test pictures, their reconstructions",
        )
    ]


def _trained(loss: Loss, pictures: Tensor, epochs: int) -> Trained:
    def batch_loss(model: nn.Module, batch: Tensor, targets: Tensor) -> Tensor:
        reconstruction, mu, log_var = model(batch)
        return loss(reconstruction, targets, mu, log_var)

    return train(Autoencoder, batch_loss, pictures, pictures, epochs)


def _bound(model: nn.Module, pictures: Tensor) -> float:
    torch.manual_seed(0)
    with torch.no_grad():
        reconstruction, mu, log_var = model(pictures)
        return torch_reference.vae(reconstruction, pictures, mu, log_var).item()


def _images(model: nn.Module, pictures: Tensor) -> np.ndarray:
    """The pictures in a row and, below, what the autoencoder makes of them."""
    torch.manual_seed(0)
    with torch.no_grad():
        reconstructed = torch.sigmoid(model(pictures)[0])
    rows = [torch.cat([_framed(image) for image in images], dim=1) for images in (pictures, reconstructed)]
    return torch.cat(rows).numpy()


def _framed(image: Tensor) -> Tensor:
    return functional.pad(image.reshape(8, 8), (1, 1, 1, 1))
