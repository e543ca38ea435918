"""The catalogue is complete, and every loss says what it is for and where it comes from."""

import inspect
import re
from pathlib import Path

import pytest
from lossgen.generated import torch as on_tensors
from torch import nn

import lossgen
from lossgen import generated
from lossgen.formula.load import load_losses

LOSSES = load_losses(Path(lossgen.__file__).parent.parent / "spec")

NEEDED = [
    "mse_loss",
    "l2_loss",
    "l1_loss",
    "l1_sum_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "categorical_cross_entropy",
    "cross_entropy",
    "nll_loss",
    "weighted_cross_entropy",
    "sigmoid_focal_loss",
    "focal_loss",
    "gan_discriminator_loss",
    "gan_generator_loss",
    "gan_generator_minimax_loss",
    "wasserstein_critic_loss",
    "wasserstein_generator_loss",
    "gradient_penalty",
    "vae_reconstruction_loss",
    "gaussian_kl_divergence",
    "vae_loss",
    "huber_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
    "multilabel_soft_margin_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "cosine_embedding_loss",
    "triplet_margin_loss",
    "kl_div",
    "poisson_nll_loss",
    "gaussian_nll_loss",
    "log_cosh_loss",
    "quantile_loss",
    "hinge_loss",
    "squared_hinge_loss",
    "dice_loss",
    "tversky_loss",
    "jaccard_loss",
    "lsgan_discriminator_loss",
    "lsgan_generator_loss",
    "hinge_gan_discriminator_loss",
    "hinge_gan_generator_loss",
    "contrastive_loss",
    "ntxent_loss",
    "jensen_shannon_loss",
    "mape",
    "msle",
    "cauchy_loss",
    "charbonnier_loss",
    "tweedie_loss",
    "gamma_nll_loss",
    "softcapped_cross_entropy",
    "dpo_loss",
    "ctc_loss",
    "rnnt_loss",
    "crf_loss",
    "soft_dtw_loss",
]


def test_the_catalogue_is_complete():
    assert set(NEEDED) <= set(LOSSES)
    assert set(LOSSES) == set(generated.__all__)
    assert set(LOSSES) == {name for name in on_tensors.__all__ if name.islower() or "_" in name}


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_loss_documents_itself(name):
    text = LOSSES[name].doc
    for part in ("Use it ", "Strength: ", "Weakness: "):
        assert part in text, f"{name}: its docstring does not say {part!r}"
    assert re.search(r"\b(1[789]\d\d|20\d\d)\b", LOSSES[name].paper), f"{name}: its paper has no year"


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_formula_is_short_and_lies_in_its_family(name):
    loss = LOSSES[name]
    assert loss.source.parent.parent.name == "spec"
    body = [line for line in inspect.getsource(loss.function).split('"""')[-1].splitlines() if line.strip()]
    most = 16 if loss.variants[0].filled else 12  # a recurrence has a formula for its cells, too
    assert len(body) <= most, f"{name}: {len(body)} lines"


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_it_has_a_function_and_a_module_for_tensors(name):
    function, module = getattr(on_tensors, name), getattr(on_tensors, LOSSES[name].module)
    assert name in function.__module__ and "Parameters" in function.__doc__
    assert issubclass(module, nn.Module)
