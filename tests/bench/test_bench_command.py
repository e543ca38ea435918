"""`lossgen bench` from end to end, at tiny sizes."""

import json
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from lossgen.bench.cases import FAMILIES, Case
from lossgen.bench.command import bench
from lossgen.bench.contenders import COMPILE, EAGER, NUMPY, OPTAX, TORCH, columns, make_contenders
from lossgen.bench.processes import ProbeError, measure_memory, measure_startup

QUICK = ("--size", "64", "--size", "4x6", "--size", "9x2x7x3", "--repeats", "1")
SIZES = {1: (90,), 2: (9, 7), 4: (9, 2, 7, 3)}


def invoke(*arguments: str):
    return CliRunner().invoke(bench, arguments)


def test_all_losses(tmp_path):
    file = tmp_path / "figures.json"
    done = invoke(*QUICK, "--no-compile", "--no-processes", "--json", str(file))
    assert done.exit_code == 0, done.output
    figures = json.loads(file.read_text())
    assert [timing["loss"] for timing in figures["timings"]] == [family.loss for family in FAMILIES]
    for timing in figures["timings"]:
        assert set(timing["seconds"]) - {OPTAX} == {NUMPY, TORCH, EAGER}
    assert figures["conditions"]["samples"] == "1"
    assert {"processor", "cores", "numpy", "numba", "torch"} <= set(figures["facts"])
    for family in FAMILIES:
        assert family.loss in done.output


def test_markdown_without_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    done = invoke("mse_loss", *QUICK, "--no-processes", "--markdown")
    assert done.exit_code == 0, done.output
    assert "| loss | size | lossgen NumPy |" in done.output
    assert "pip install 'lossgen[torch]'" in done.output


def test_without_optax_its_column_is_left_out_with_a_word(monkeypatch):
    monkeypatch.setitem(sys.modules, "optax", None)
    done = invoke("ctc_with_logits_loss", *QUICK, "--no-compile", "--no-processes", "--markdown")
    assert done.exit_code == 0, done.output
    assert OPTAX not in done.output
    assert "pip install jax optax" in done.output
    assert "pip install jax" not in invoke("mse_loss", *QUICK, "--no-compile", "--no-processes").output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nothing_loss",), "nothing_loss is not measured"),
        (("--size", "huge"), "size"),
        (("mse_loss", "--size", "4x6"), "none of these losses"),
        (("--repeats", "0"), "repeats"),
        (("--json", "/no/such/folder/figures.json"), "there is no folder"),
    ],
)
def test_wrong_arguments(arguments, words):
    done = invoke(*arguments)
    assert done.exit_code != 0
    assert words in done.output
    assert isinstance(done.exception, SystemExit)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.loss)
def test_contenders_compute_the_same(family):
    case = Case(family, SIZES[len(family.sizes[0])])
    results = {name: run() for name, run in make_contenders(case, columns(compiled=False)).items()}
    value, _ = results.pop(NUMPY)
    np.testing.assert_allclose([value, float(results[TORCH])], float(results[EAGER]), rtol=1e-5)
    if OPTAX in results:
        np.testing.assert_allclose(value, float(results[OPTAX][0]), rtol=1e-5)


def test_reused_memory():
    command = [sys.executable, "-m", "lossgen", "bench", "mse_loss", *QUICK, "--no-compile", "--no-processes"]
    done = subprocess.run([*command, "--allocator", "reuse"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "freed memory is kept" in done.stdout


def test_processes():
    np.ones(5 * 10**7)  # 400 MB: a process must not take the peak of the one that starts it for its own
    (memory,) = measure_memory([NUMPY], 10**6).values()
    assert memory.inputs == 8 * 10**6
    assert 0 < memory.extra < 10**8
    (startup,) = measure_startup([NUMPY]).values()
    assert 0 < startup.imports < startup.cached


def test_a_failing_process_is_reported():
    with pytest.raises(ProbeError, match="memory_probe"):
        measure_memory(["no such contender"], 10)


@pytest.mark.bench
def test_compiled_and_processes():
    done = invoke("mse_loss", *QUICK)
    assert done.exit_code == 0, done.output
    assert COMPILE in done.output
    assert "Peak memory" in done.output
