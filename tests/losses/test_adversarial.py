"""Adversarial losses against the plain formulas in PyTorch, with real and generated batches of different sizes."""

import numpy as np
import pytest
import torch
from accuracy import LOSSES, worst
from lossgen.generated import torch as losses
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import relu, softplus

from lossgen import generated
from lossgen.runtime import LossError
from lossgen.verify.comparison import compare
from lossgen.verify.surfaces import surfaces

#: What each batch contributes, per item.
PLAIN = {
    "gan_discriminator_loss": {"real": lambda x: softplus(-x), "fake": softplus},
    "gan_generator_loss": {"fake": lambda x: softplus(-x)},
    "gan_generator_minimax_loss": {"fake": lambda x: -softplus(x)},
    "wasserstein_critic_loss": {"real": lambda x: -x, "fake": lambda x: x * 1},
    "wasserstein_generator_loss": {"fake": lambda x: -x},
    "lsgan_discriminator_loss": {"real": lambda x: (x - 1) ** 2 / 2, "fake": lambda x: x**2 / 2},
    "lsgan_generator_loss": {"fake": lambda x: (x - 1) ** 2 / 2},
    "hinge_gan_discriminator_loss": {"real": lambda x: relu(1 - x), "fake": lambda x: relu(1 + x)},
    "hinge_gan_generator_loss": {"fake": lambda x: -x},
}
SEVERAL = [name for name, of in PLAIN.items() if len(of) > 1]
SHAPES = {"real": (5,), "fake": (2, 3, 1)}

every_loss = pytest.mark.parametrize("name", PLAIN)
over_several = pytest.mark.parametrize("name", SEVERAL)


def samples(name, shapes=SHAPES, dtype=torch.float64):
    generator = torch.Generator().manual_seed(5)
    return {
        batch: (2 * torch.randn(shapes[batch], dtype=dtype, generator=generator)).requires_grad_()
        for batch in PLAIN[name]
    }


def plain(name, given, reduction):
    items = [PLAIN[name][batch](x) for batch, x in given.items()]
    return sum(x if reduction == "none" else getattr(x, reduction)() for x in items)


def derivatives(value, given, upstream):
    """The gradients, and a product of the Hessian with their own signs."""
    slopes = torch.autograd.grad(value, list(given.values()), upstream, create_graph=True)
    moving = [(s * s.detach().sign()).sum() for s in slopes if s.requires_grad]
    if not moving:
        return [*slopes, *map(torch.zeros_like, slopes)]
    products = torch.autograd.grad(sum(moving), list(given.values()), allow_unused=True)
    return [*slopes, *(torch.zeros_like(s) if p is None else p for s, p in zip(slopes, products, strict=True))]


@every_loss
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_values_and_derivatives_are_those_of_the_plain_formula(name, reduction):
    given = samples(name, {"real": (4, 3), "fake": (4, 3)} if reduction == "none" else SHAPES)
    expected = plain(name, given, reduction)
    found = getattr(losses, name)(*given.values(), reduction=reduction)
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-15)
    upstream = torch.linspace(-1, 3, found.numel(), dtype=found.dtype).reshape(found.shape) + 0.37
    pairs = zip(derivatives(found, given, upstream), derivatives(expected, given, upstream), strict=True)
    for mine, theirs in pairs:
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-15)


@over_several
def test_gradcheck_twice_with_weights_and_masks_by_batch(name):
    given = samples(name)
    options = {
        "sample_weight": {"fake": torch.rand(2, 1, 1, dtype=torch.float64) + 0.5},
        "mask": {"real": torch.tensor([True, False, True, True, True])},
        "denominator": {"fake": 2.5},
    }
    function = getattr(losses, name)
    assert gradcheck(lambda *xs: function(*xs, **options), list(given.values()))
    assert gradgradcheck(lambda *xs: function(*xs, **options), list(given.values()))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5, 1.0])
def test_label_smoothing_is_one_sided(smoothing):
    given = samples("gan_discriminator_loss")
    real, fake = given.values()
    target = torch.full_like(real, 1 - smoothing)
    expected = bce(real, target) + bce(fake, torch.zeros_like(fake))
    found = losses.gan_discriminator_loss(real, fake, label_smoothing=smoothing)
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=0)
    for mine, theirs in zip(derivatives(found, given, None), derivatives(expected, given, None), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-15)


@every_loss
def test_the_digits_of_confident_scores(name):
    """Scores away from kinks and from zeros of the loss, in float32: within 8 units of rounding of the raw formula."""
    scores = np.array(
        [-1e4, -104.0, -88.9, -60.0, -17.3, -15.0, -3.0, -1e-3, 0.0, 1e-30, 0.5, 2.0, 16.6, 20.0, 89.0, 1e4]
    )
    (variant,) = LOSSES[name].variants
    for piece, every in surfaces(LOSSES[name], variant, generated):
        parameters = {p.name: 0.0 for p in piece.parameters}
        arrays = {piece.arguments[0].name: scores}
        assert worst(compare(LOSSES[name], piece, every, arrays, parameters, np.float32)) <= 8


@over_several
def test_saturated_scores_have_finite_gradients(name):
    real, fake = (np.array([-1e4, 1e4, 0.0], np.float32), np.array([1e4, -1e4], np.float32))
    value, slopes = getattr(generated, name).value_and_grad(real, fake)
    curvature = getattr(generated, name).hvp(real, fake, (real, fake))
    for found in (value, *slopes, *curvature, *getattr(generated, name).hessian_diagonal(real, fake)):
        assert np.isfinite(found).all()


@over_several
def test_an_empty_batch(name):
    real, nothing = np.array([0.5, -1.0]), np.empty((0, 3))
    function = getattr(generated, name)
    value, slopes = function.value_and_grad(real, nothing)
    assert np.isnan(value) and np.isfinite(slopes[0]).all() and slopes[1].shape == (0, 3)
    alone = function(real, nothing, reduction="sum")
    assert function(real, nothing, empty=0.0) == pytest.approx(alone / 2)
    assert function(real, real, empty=0.0, mask={"fake": np.zeros(2, bool)}) == pytest.approx(alone / 2)
    x = torch.tensor([0.5, -1.0], requires_grad=True)
    y = torch.empty(0, requires_grad=True)
    getattr(losses, name)(x, y, empty=0.0).backward()
    np.testing.assert_allclose(x.grad, slopes[0], rtol=1e-6)
    assert y.grad.shape == (0,)


@over_several
def test_one_number_for_each_batch(name):
    given = samples(name, {"real": (), "fake": ()})
    for reduction in ("mean", "sum", "none"):
        found = getattr(losses, name)(*given.values(), reduction=reduction)
        torch.testing.assert_close(found, plain(name, given, "none"), rtol=1e-13, atol=0)


@over_several
def test_strided_scores(name):
    given = samples(name, {"real": (6, 4), "fake": (5, 8)})
    views = {"real": given["real"].T, "fake": given["fake"][::2, 1::3]}
    expected = torch.autograd.grad(plain(name, views, "mean"), list(given.values()))
    found = torch.autograd.grad(getattr(losses, name)(*views.values()), list(given.values()))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-15)
    numpy = getattr(generated, name).value_and_grad(*(v.detach().numpy() for v in views.values()))[1]
    contiguous = getattr(generated, name).value_and_grad(*(v.detach().numpy().copy() for v in views.values()))[1]
    for mine, theirs in zip(numpy, contiguous, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@over_several
@pytest.mark.parametrize("dtypes", [(torch.float16, torch.float16), (torch.bfloat16, torch.bfloat16)], ids=str)
def test_half_precision(name, dtypes):
    given = {b: x.detach().to(d).requires_grad_() for (b, x), d in zip(samples(name).items(), dtypes, strict=True)}
    found = getattr(losses, name)(*given.values())
    expected = plain(name, {b: x.float() for b, x in given.items()}, "mean")
    assert found.dtype == dtypes[0]
    torch.testing.assert_close(
        found.float(), expected, rtol=2 * torch.finfo(dtypes[0]).eps, atol=torch.finfo(dtypes[0]).eps
    )
    slopes = torch.autograd.grad(found, list(given.values()))
    for mine, theirs in zip(slopes, torch.autograd.grad(expected, list(given.values())), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=2 * torch.finfo(dtypes[0]).eps, atol=0)


def test_gradients_for_named_arguments():
    function, (real, fake) = generated.lsgan_discriminator_loss, (np.array([3.0, 2.0]), np.array([4.0]))
    assert isinstance(function.value_and_grad(real, fake)[1], tuple)
    np.testing.assert_array_equal(function.value_and_grad(real, fake, wrt="fake")[1], [4.0])
    slopes = function.value_and_grad(real, fake, wrt=("fake", "real"))[1]
    np.testing.assert_array_equal(slopes[0], [4.0])
    np.testing.assert_array_equal(slopes[1], [1.0, 0.5])
    assert function.value_and_grad(real, fake, wrt=())[1] == ()


@pytest.mark.parametrize(
    "options, words",
    [
        (
            {"reduction": "none"},
            r"the items of batch 'fake' have shape \(2,\), expected \(3,\), the shape of those of batch",
        ),
        ({"sample_weight": np.ones(3)}, r"sample_weight is of type ndarray, expected a dict .* \(real, fake\)"),
        ({"mask": [True]}, "mask is of type list, expected a dict from the names of batches"),
        (
            {"mask": {"rael": np.ones(3, bool)}},
            "a batch of mask is 'rael', expected one of 'real', 'fake'; did you mean",
        ),
        ({"mask": {"fake": np.ones(3, bool)}}, r"mask has shape \(3,\), expected \(2,\)"),
        ({"sample_weight": {"fake": np.ones(3)}}, r"sample_weight has shape \(3,\), expected .* the items \(2,\)"),
        ({"denominator": {"real": 0}}, "denominator is 0, expected a positive number"),
        ({"axis": 1}, "axis is 1, expected None"),
        ({"reduction": "man"}, "reduction is 'man', expected one of .* did you mean 'mean'"),
        ({"label_smoothing": 2}, "label_smoothing is 2, expected a number in"),
    ],
)
def test_what_cannot_be_is_one_line(options, words):
    arguments = np.zeros(3), np.zeros(2)
    with pytest.raises(LossError, match=f"gan_discriminator_loss: {words}") as caught:
        generated.gan_discriminator_loss(*arguments, **options)
    assert "\n" not in str(caught.value)


def test_errors_on_tensors_and_of_derivatives():
    x = torch.zeros(3)
    with pytest.raises(LossError, match=r"fake is a list, expected a torch\.Tensor"):
        losses.gan_discriminator_loss(x, [1.0])
    with pytest.raises(LossError, match="mask is of type Tensor, expected a dict from the names of batches"):
        losses.gan_discriminator_loss(x, x, mask=x > 0)
    with pytest.raises(LossError, match=r"batch 'fake' have shape \(1,\), expected \(3,\)"):
        losses.gan_discriminator_loss(x, x[:1], reduction="none")
    with pytest.raises(LossError, match="wrt is 'rael', expected one of 'real', 'fake'"):
        generated.gan_discriminator_loss.value_and_grad(np.zeros(3), np.zeros(3), wrt="rael")
    with pytest.raises(LossError, match="direction has 1 arrays, expected 2 arrays, one for each of real, fake"):
        generated.gan_discriminator_loss.hvp(np.zeros(3), np.zeros(3), np.zeros(3))
