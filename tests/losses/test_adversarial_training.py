"""Networks in competition, trained with the generated losses and with the plain formulas: the same trajectory."""

import pytest
import torch
from lossgen.generated.torch import (
    GanDiscriminatorLoss,
    GanGeneratorLoss,
    GradientPenaltyLoss,
    WassersteinCriticLoss,
    WassersteinGeneratorLoss,
)
from torch import nn
from torch.nn.functional import softplus

REAL, FAKE, STEPS, LATENT = 48, 32, 60, 2


def network(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 24), nn.Tanh(), nn.Linear(24, outputs)).double()


def mixture(count):
    """Two Gaussian clusters in the plane, away from where the generator begins."""
    centres = torch.tensor([[3.0, 2.0], [1.0, 3.0]], dtype=torch.float64)
    return centres[torch.randint(0, 2, (count,))] + 0.3 * torch.randn(count, 2, dtype=torch.float64)


def train(critic_loss, generator_loss, penalty=None, rate=1e-2):
    """Trains from the same start; returns every loss, the distances between the means, and all parameters."""
    torch.manual_seed(1)
    generator, critic = network(LATENT, 2), network(2, 1)
    steps = [torch.optim.Adam(n.parameters(), rate, betas=(0.5, 0.9)) for n in (critic, generator)]
    history, distances = [], []
    for _ in range(STEPS):
        for _ in range(2):
            real, latent = mixture(REAL), torch.randn(FAKE, LATENT, dtype=torch.float64)
            fake = generator(latent).detach()
            value = critic_loss(critic(real), critic(fake))
            if penalty is not None:
                between = (real[:FAKE] + torch.rand(FAKE, 1) * (fake - real[:FAKE])).requires_grad_()
                (slopes,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
                value = value + penalty(slopes)
            descend(steps[0], value)
            history.append(value.item())
        samples = generator(torch.randn(FAKE, LATENT, dtype=torch.float64))
        value = generator_loss(critic(samples))
        descend(steps[1], value)
        history.append(value.item())
        distances.append((samples.mean(0) - mixture(400).mean(0)).norm().item())
    parameters = torch.cat([p.detach().flatten() for n in (generator, critic) for p in n.parameters()])
    return torch.tensor(history), distances, parameters


def descend(optimiser, value):
    optimiser.zero_grad()
    value.backward()
    optimiser.step()


def plain_penalty(slopes):
    return 10 * ((slopes.norm(dim=1) - 1) ** 2).mean()


GAN = (
    (GanDiscriminatorLoss(label_smoothing=0.1), GanGeneratorLoss()),
    (
        lambda real, fake: (0.9 * softplus(-real) + 0.1 * softplus(real)).mean() + softplus(fake).mean(),
        lambda fake: softplus(-fake).mean(),
    ),
)
WGAN = (
    (WassersteinCriticLoss(), WassersteinGeneratorLoss(), GradientPenaltyLoss()),
    (lambda real, fake: fake.mean() - real.mean(), lambda fake: -fake.mean(), plain_penalty),
)


@pytest.mark.parametrize("ours, plain", [GAN, WGAN], ids=["gan", "wgan with gradient penalty"])
def test_the_trajectory_is_that_of_the_plain_formulas(ours, plain):
    found, distances, parameters = train(*ours)
    expected, _, truth = train(*plain)
    assert found.isfinite().all() and distances[0] > 2
    assert min(distances) < 0.8  # the samples have come to the data
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(parameters, truth, rtol=1e-7, atol=1e-9)
