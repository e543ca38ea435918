"""`lossgen bench` from end to end, at tiny sizes."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import lossgen.generated
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from lossgen.bench.cases import FAMILIES, Case, select
from lossgen.bench.command import bench
from lossgen.bench.contenders import COMPILE, EAGER, NUMPY, OPTAX, TORCH, columns, make_contenders, missing
from lossgen.bench.plain import PLAIN
from lossgen.bench.processes import ProbeError, measure_memory, measure_startup

ROOT = Path(__file__).parents[2]
QUICK = ("--size", "64", "--size", "4x6", "--size", "5x2x4", "--size", "9x2x7x3", "--repeats", "1")
SIZES = {1: (90,), 2: (9, 7), 3: (6, 2, 4), 4: (9, 2, 7, 3)}


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
    assert "Optax and JAX are not installed" in done.output
    assert "Optax and JAX" not in invoke("mse_loss", *QUICK, "--no-compile", "--no-processes").output


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
    value, gradient = results.pop(NUMPY)
    np.testing.assert_allclose([value, float(results[TORCH])], float(results[EAGER]), rtol=1e-5)
    if OPTAX in results:
        np.testing.assert_allclose(value, float(results[OPTAX][0]), rtol=1e-5)
        np.testing.assert_allclose(gradient, np.asarray(results[OPTAX][1][0]), atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.loss)
def test_contenders_have_the_same_gradients(family):
    arguments = family.arguments(SIZES[len(family.sizes[0])])
    _, gradients = getattr(lossgen.generated, family.loss).value_and_grad(*arguments, **dict(family.options))
    tensors = [torch.from_numpy(argument) for argument in arguments]
    leaves = [tensors[position].requires_grad_() for position in family.predictions]
    PLAIN[family.loss](*tensors).backward()
    for ours, leaf in zip(gradients if len(leaves) > 1 else [gradients], leaves, strict=True):
        np.testing.assert_allclose(ours, leaf.grad, rtol=1e-4, atol=1e-6)


def test_what_is_left_out_is_said():
    cases = select(["rnnt_loss", "mse_loss", "crf_loss"], [], False)
    (line,) = [line for line in missing(cases) if line.startswith("Torch has no")]
    assert "rnnt_loss, crf_loss:" in line
    assert not any(line.startswith("Torch has no") for line in missing(select(["mse_loss"], [], False)))
    assert COMPILE not in make_contenders(Case(cases[0].family, SIZES[4]), columns())


def test_the_extra_that_the_notes_name_has_what_they_miss():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {"jax", "optax", "torch"} <= {re.split("[>=]", requirement)[0] for requirement in extras["bench"]}
    assert not {"jax", "optax"} & {re.split("[>=]", requirement)[0] for requirement in extras["demo"]}


def test_without_a_compiler_torch_compile_is_left_out_with_a_word(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    done = invoke("mse_loss", *QUICK, "--no-processes", "--markdown")
    assert done.exit_code == 0, done.output
    assert "There is no C++ compiler: torch.compile was left out." in done.output
    assert COMPILE not in done.output.replace("torch.compile was left out", "")


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
