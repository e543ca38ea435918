"""Losses on JAX arrays over several devices, in threads, after a fork, and in programs kept from an earlier process."""

import os
import subprocess
import sys
import textwrap
from functools import partial
from threading import Thread

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from lossgen.generated.jax import cross_entropy, mse_loss

RNG = np.random.default_rng(2)
N, C = 64, 5
SCORES, LABELS = RNG.normal(size=(N, C)).astype(np.float32), RNG.integers(0, C, N)
WEIGHT = RNG.uniform(0.5, 2, C).astype(np.float32)


@pytest.fixture
def mesh():
    assert len(jax.devices()) > 1, "tests/conftest.py asks for two"
    return Mesh(np.array(jax.devices()[:2]), ("batch",))


def close(found, expected):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-7), found, expected)


@pytest.mark.parametrize("checked", [True, False])
def test_shards_of_a_batch_give_the_whole(mesh, checked):
    """Class weights are the same everywhere: JAX adds up their gradients over the shards."""
    both = partial(jax.value_and_grad, argnums=(0, 2))
    expected = both(lambda x, y, w: cross_entropy(x, y, w, reduction="sum"))(SCORES, LABELS, WEIGHT)

    @partial(jax.shard_map, mesh=mesh, in_specs=(P("batch"), P("batch"), P()), out_specs=P(), check_vma=checked)
    def total(x, y, w):
        return jax.lax.psum(cross_entropy(x, y, w, reduction="sum"), "batch")

    close(jax.jit(both(total))(SCORES, LABELS, WEIGHT), expected)

    @partial(jax.shard_map, mesh=mesh, in_specs=(P("batch"), P("batch")), out_specs=P("batch"), check_vma=checked)
    def items(x, y):
        return cross_entropy(x, y, reduction="none")

    close(jax.jit(items)(SCORES, LABELS), cross_entropy(SCORES, LABELS, reduction="none"))
    turned = jax.jit(jax.grad(lambda x: (items(x, LABELS) ** 2).sum()))(SCORES)
    close(turned, jax.grad(lambda x: (cross_entropy(x, LABELS, reduction="none") ** 2).sum())(SCORES))


def test_the_mean_over_shards_has_the_denominator_of_the_whole(mesh):
    @partial(jax.shard_map, mesh=mesh, in_specs=(P("batch"), P("batch")), out_specs=P())
    def mean(x, y):
        count = jax.lax.psum(jnp.float32(len(y)), "batch")
        return jax.lax.psum(cross_entropy(x, y, denominator=count), "batch")

    close(jax.jit(jax.value_and_grad(mean))(SCORES, LABELS), jax.value_and_grad(cross_entropy)(SCORES, LABELS))


def test_a_sharded_array_is_gathered(mesh):
    shards = NamedSharding(mesh, P("batch"))
    scores, labels = jax.device_put(SCORES, shards), jax.device_put(LABELS, shards)
    found = jax.jit(jax.value_and_grad(cross_entropy))(scores, labels)
    close(found, jax.value_and_grad(cross_entropy)(SCORES, LABELS))


def test_large_arrays_on_several_devices_do_not_lock_up(mesh):
    """What callbacks of Python are known to do when JAX's threads wait for each other."""
    code = """
        from functools import partial
        import jax, jax.numpy as jnp, numpy as np
        from jax.sharding import Mesh, PartitionSpec as P
        from lossgen.generated.jax import mse_loss
        mesh = Mesh(np.array(jax.devices()), ("batch",))
        shard = partial(jax.shard_map, mesh=mesh, in_specs=(P("batch"), P("batch")), out_specs=P())
        total = shard(lambda x, y: jax.lax.psum(mse_loss(x, y, reduction="sum"), "batch"))
        step = jax.jit(lambda x, y: jax.lax.scan(lambda x, _: (x - 0.1 * jax.grad(total)(x, y), ()), x, length=4)[0])
        x, y = jnp.ones((1 << 21, 2)), jnp.zeros((1 << 21, 2))
        for _ in range(3):
            x = step(x, y)
        np.testing.assert_allclose(x, 0.8**12, rtol=1e-5)
        print("done")
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    assert subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout == "done\n"


def test_threads_have_the_same_results():
    step = jax.jit(jax.value_and_grad(mse_loss))
    arrays = [RNG.normal(size=1000 + 100 * k).astype(np.float32) for k in range(4)]
    expected = [step(x, 0 * x) for x in arrays]
    found = {}

    def work(k):
        for _ in range(20):
            found[k] = jax.block_until_ready(step(arrays[k], 0 * arrays[k]))

    threads = [Thread(target=work, args=(k,)) for k in range(4)]
    [thread.start() for thread in threads]
    [thread.join(60) for thread in threads]
    for k in range(4):
        jax.tree.map(np.testing.assert_array_equal, found[k], expected[k])


def test_a_child_forked_before_jax_has_run_can_use_it():
    """Afterwards JAX itself cannot be used in a child."""
    code = """
        import os, numpy as np
        from lossgen.generated.jax import mse_loss
        if not os.fork():
            import jax
            print(float(jax.jit(jax.grad(lambda x: mse_loss(x, 0 * x)))(np.ones(4, np.float32))[0]), flush=True)
            os._exit(0)
        assert os.wait()[1] == 0
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    assert subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout == "0.5\n"


def test_a_compiled_program_is_taken_from_the_cache_of_another_process(tmp_path):
    code = """
        import jax, numpy as np
        from lossgen.generated.jax import huber_loss
        for name, value in (("min_compile_time_secs", 0), ("min_entry_size_bytes", -1)):
            jax.config.update(f"jax_persistent_cache_{name}", value)
        hits = []
        jax.monitoring.register_event_listener(lambda event, **_: hits.append("cache_hits" in event))
        loss = jax.jit(lambda x: huber_loss(x, np.zeros(3, np.float32), delta=0.5))
        print(float(loss(np.full(3, 2, np.float32))), any(hits))
    """
    environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    runs = [subprocess.run(command, capture_output=True, text=True, env=environment, check=True) for _ in range(2)]
    assert [run.stdout.split() for run in runs] == [["0.875", "False"], ["0.875", "True"]]
