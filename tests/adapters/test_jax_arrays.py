"""Losses on JAX arrays as their users meet them: dtypes, options, errors, Optax's losses, a training loop."""

import re
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from lossgen.generated import cross_entropy as on_numpy
from lossgen.generated import jax as losses
from sklearn.datasets import load_digits

from lossgen.runtime import LossError, LossTypeError

README = Path(__file__).parents[2] / "README.md"
RNG = np.random.default_rng(5)
SCORES, TARGETS = RNG.normal(size=(6, 5)).astype(np.float32), RNG.uniform(size=(6, 5)).astype(np.float32)
LABELS = np.array([0, 4, 2, 1, 1, 3])
PEERS = {
    "binary_cross_entropy_with_logits": optax.losses.sigmoid_binary_cross_entropy,
    "huber_loss": optax.losses.huber_loss,
    "log_cosh_loss": optax.losses.log_cosh,
    "sigmoid_focal_loss": lambda x, y: optax.losses.sigmoid_focal_loss(x, y, alpha=0.25, gamma=2.0),
    "mse_loss": optax.losses.squared_error,
}
REDUCE = {"mean": jnp.mean, "sum": jnp.sum, "none": lambda x: x}


@pytest.mark.parametrize("reduction", REDUCE)
@pytest.mark.parametrize("name", PEERS)
def test_agrees_with_optax(name, reduction):
    targets = TARGETS.round() if name == "sigmoid_focal_loss" else TARGETS

    def ours(x):
        return (getattr(losses, name)(x, targets, reduction=reduction) ** 2).sum()

    def theirs(x):
        return (REDUCE[reduction](PEERS[name](x, targets)) ** 2).sum()

    found, expected = (jax.jit(jax.value_and_grad(f))(SCORES) for f in (ours, theirs))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6), found, expected)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_a_result_has_the_dtype_of_the_predictions_and_a_gradient_that_of_its_argument(dtype, reduction):
    scores = jnp.asarray(SCORES, dtype)
    single = jnp.asarray(scores, "float32")

    def loss(x):
        return losses.cross_entropy(x, LABELS, reduction=reduction)

    value, slope = loss(scores), jax.grad(lambda x: loss(x).sum() * 1024)(scores)
    assert value.dtype == slope.dtype == dtype
    np.testing.assert_array_equal(value, loss(single).astype(dtype))
    np.testing.assert_array_equal(slope, (1024 * jax.grad(lambda x: loss(x).sum())(single)).astype(dtype))


def test_double_precision_and_whole_numbers():
    with jax.enable_x64(True):
        value = losses.cross_entropy(SCORES.astype(np.float64), LABELS)
        assert value.dtype == "float64" and value == on_numpy(SCORES.astype(np.float64), LABELS)
        assert losses.mse_loss(jnp.arange(3), jnp.ones(3, "float32")).dtype == "float32"
    assert losses.cross_entropy(SCORES.astype(np.float64), LABELS).dtype == "float32"
    assert losses.mse_loss(jnp.arange(3), jnp.arange(3)).dtype == "float32"


def test_small_numbers_keep_their_digits():
    """XLA's threads take denormal numbers for 0; the kernels do not, whoever calls them."""
    tiny = np.full(3, 1e-40, np.float32)
    items = jax.jit(lambda x: losses.l1_loss(x, np.zeros(3, np.float32), reduction="none"))(tiny)
    np.testing.assert_array_equal(items, tiny)


def test_options_reach_the_engine():
    weight, mask = RNG.uniform(0.5, 2, 6).astype(np.float32), np.array([1, 1, 0, 1, 0, 1], bool)
    classes = RNG.uniform(0.5, 2, 5).astype(np.float32)
    options = {"sample_weight": weight, "mask": mask, "label_smoothing": 0.1, "ignore_index": 4}
    value = on_numpy(SCORES, LABELS, classes, **options)
    assert jax.jit(lambda w: losses.cross_entropy(SCORES, LABELS, w, **options))(classes) == value
    for number in (3.0, np.float32(3), jnp.float32(3)):
        assert losses.cross_entropy(SCORES, LABELS, denominator=number) == on_numpy(SCORES, LABELS, denominator=3.0)
    assert losses.cross_entropy(SCORES.T, LABELS, axis={"C": 0}) == on_numpy(SCORES, LABELS)
    assert losses.cross_entropy(SCORES, LABELS, mask=np.zeros(6, bool), empty=7.0) == 7


WRONG = [
    (lambda: losses.cross_entropy(SCORES, LABELS[:3]), "target (indices) has shape (3,)"),
    (lambda: jax.jit(losses.cross_entropy)(SCORES, LABELS[:3]), "target (indices) has shape (3,)"),
    (lambda: losses.mse_loss("a", SCORES), "input is a str"),
    (lambda: losses.mse_loss(SCORES, None), "target is missing"),
    (lambda: losses.mse_loss(SCORES * 1j, SCORES), "complex64"),
    (lambda: losses.mse_loss(SCORES, TARGETS, reduction="average"), "reduction is 'average'"),
    (lambda: losses.mse_loss(SCORES, TARGETS, denominator=-1.0), "denominator is -1.0"),
    (lambda: losses.mse_loss(SCORES, TARGETS, mask=SCORES), "mask has dtype float32"),
    (lambda: losses.huber_loss(SCORES, TARGETS, delta=jnp.ones(())), "delta is a jax.Array"),
    (lambda: losses.huber_loss(SCORES, TARGETS, delta=-1.0), "delta is -1.0"),
    (lambda: losses.cross_entropy(SCORES, LABELS, axis=7), "axis 7 is out of range"),
    (
        lambda: jax.grad(lambda w: losses.mse_loss(SCORES, TARGETS, sample_weight=w))(SCORES),
        "sample_weight is differentiated, expected a constant",
    ),
    (
        lambda: jax.grad(lambda x: jax.hessian(lambda x: losses.mse_loss(x, 0 * x))(x).sum())(SCORES[0]),
        "third derivative is not available",
    ),
]


@pytest.mark.parametrize("call, words", WRONG, ids=[words for _, words in WRONG])
def test_an_error_found_before_running_is_one_line(call, words):
    with pytest.raises(LossError) as found:
        call()
    assert words in str(found.value) and "\n" not in str(found.value)
    assert isinstance(found.value, LossTypeError) == any(w in words for w in ("is a ", "dtype", "complex"))


def test_an_error_found_while_running_says_which_entry():
    bad = jnp.asarray(LABELS).at[2].set(9)
    for call in (
        losses.cross_entropy,
        jax.jit(losses.cross_entropy),
        jax.jit(jax.value_and_grad(losses.cross_entropy)),
    ):
        with pytest.raises(Exception, match=r"cross_entropy: target\[2\] is 9, expected a label in 0 ... 4"):
            jax.block_until_ready(call(SCORES, bad))
    assert losses.cross_entropy(SCORES, LABELS) == on_numpy(SCORES, LABELS)  # and the next call is as ever


def test_transformations_within_each_other():
    x, labels = SCORES.reshape(2, 3, 5), LABELS.reshape(2, 3)
    expected = [[on_numpy(a, b) for a in x] for b in labels]
    inner = jax.vmap(losses.cross_entropy, in_axes=(0, None))
    found = jax.jit(jax.vmap(inner, in_axes=(None, 0)))(x, labels)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    plain = jax.hessian(lambda x: (jnp.sin(x) ** 2).mean())(SCORES[0])
    kept = jax.checkpoint(lambda x: losses.mse_loss(jnp.sin(x), 0 * x))
    np.testing.assert_allclose(jax.hessian(kept)(SCORES[0]), plain, rtol=1e-5, atol=1e-7)


def test_on_another_platform_the_error_says_where_to_go():
    with pytest.raises(LossError, match="mse_loss: the kernels for JAX run on the CPU"):
        jax.jit(losses.mse_loss).trace(SCORES, TARGETS).lower(lowering_platforms=("cuda",))


def test_a_defect_of_ours_is_an_error_too(monkeypatch):
    monkeypatch.setattr("lossgen.adapters.jax_run.run", lambda *_: 1 / 0)
    with pytest.raises(Exception, match="lossgen: ZeroDivisionError: division by zero"):
        jax.block_until_ready(jax.jit(losses.mse_loss)(SCORES[:2], TARGETS[:2]))


def test_without_jax_it_says_what_to_install():
    code = "import sys; sys.modules['jax'] = None; from lossgen.generated.jax import mse_loss"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last = found.stderr.strip().splitlines()[-1]
    assert last == "ImportError: losses on JAX arrays need jax, which is not installed: pip install lossgen[jax]"


def test_the_example_of_the_readme_prints_what_it_says(capsys):
    section = README.read_text(encoding="utf-8").split("## JAX\n")[1].split("\n## ")[0]
    exec(re.search(r"```python\n(.*?)```", section, re.DOTALL)[1], {})
    assert f"It prints `{capsys.readouterr().out.strip()}`" in section


def test_trains_like_optax_on_digits():
    digits = load_digits()
    images, labels = jnp.asarray(digits.data / 16, jnp.float32), jnp.asarray(digits.target)

    def trained(criterion):
        rule = optax.adam(5e-3)
        start = {"w": jnp.zeros((64, 10)), "b": jnp.zeros(10)}

        def step(carry, _):
            parameters, state = carry

            def loss(p):
                return criterion(images[:1400] @ p["w"] + p["b"], labels[:1400])

            value, slopes = jax.value_and_grad(loss)(parameters)
            updates, state = rule.update(slopes, state)
            return (optax.apply_updates(parameters, updates), state), value

        (found, _), values = jax.jit(lambda c: jax.lax.scan(step, c, length=150))((start, rule.init(start)))
        right = (images[1400:] @ found["w"] + found["b"]).argmax(1) == labels[1400:]
        return values, right.mean()

    values, right = trained(losses.cross_entropy)
    expected, as_many = trained(lambda x, y: optax.losses.softmax_cross_entropy_with_integer_labels(x, y).mean())
    np.testing.assert_allclose(values, expected, rtol=1e-3)
    assert abs(right - as_many) < 0.01 and right > 0.85 and values[-1] < 0.2 * values[0]
