"""The contenders in JAX: Optax's losses, their value and gradient through jax.jit."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .cases import Case
from .contenders import Contender


def ctc_with_logits_loss(
    logits: jax.Array, targets: jax.Array, input_lengths: jax.Array, target_lengths: jax.Array
) -> jax.Array:
    """The mean of Optax's loss, each divided by its number of labels as the peers do; it takes the items first."""
    rows = logits.swapaxes(0, 1)
    beyond_input = jnp.arange(rows.shape[1]) >= input_lengths[:, None]
    beyond_target = jnp.arange(targets.shape[1]) >= target_lengths[:, None]
    losses = optax.ctc_loss(rows, beyond_input.astype(rows.dtype), targets, beyond_target.astype(rows.dtype))
    return (losses / target_lengths).mean()


JITTED: dict[str, Callable[..., jax.Array]] = {"ctc_with_logits_loss": ctc_with_logits_loss}


def jitted(case: Case, arguments: tuple[np.ndarray, ...]) -> Contender:
    """Value and gradient, waited for: JAX returns before it has computed."""
    function = jax.jit(jax.value_and_grad(JITTED[case.family.loss], argnums=case.family.predictions))
    arrays = [jnp.asarray(argument) for argument in arguments]
    return lambda: jax.block_until_ready(function(*arrays))
