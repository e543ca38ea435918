"""`lossgen bench --device cuda`: cases, contenders and the report, with main memory as the device."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from lossgen.bench.command import bench
from lossgen.bench.contenders import EAGER, LIGER, TORCH
from lossgen.bench.device_bench import moved
from lossgen.bench.device_cases import FAMILIES, DeviceCase, select_on_device
from lossgen.bench.device_contenders import device_contenders
from lossgen.bench.device_report import report_on
from lossgen.bench.plain import PLAIN
from lossgen.bench.report import as_json
from lossgen.bench.text import markdown
from lossgen.runtime import LossError

SIZES = {1: (90,), 2: (9, 7), 4: (9, 2, 7, 3)}


class SteadyClock:
    """Calls once, and says that each call takes a millisecond."""

    def sample(self, function, loops):
        function()
        return loops * 1e-3


def small(family, dtype="float32"):
    return DeviceCase(family, SIZES[len(family.sizes[0])], dtype)


SMALL = [small(f, dtype) for f in FAMILIES for dtype in ("float32", "bfloat16") if f.halves or dtype == "float32"]


@pytest.mark.parametrize("case", SMALL, ids=lambda case: f"{case.loss}-{case.dtype}")
def test_contenders_compute_the_same(case):
    tensors = case.tensors("cpu")
    values = {name: float(run()) for name, run in device_contenders(case, (TORCH, EAGER), tensors).items()}
    np.testing.assert_allclose(values[TORCH], values[EAGER], rtol=1e-5 if case.dtype == "float32" else 0.02)
    assert all(t.grad is None for t in tensors)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.loss)
def test_data_are_the_same_in_each_run(family):
    first, again = small(family).tensors("cpu"), small(family).tensors("cpu")
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert [n for n, t in enumerate(first) if t.requires_grad] == list(family.predictions)


def test_the_least_that_is_moved():
    (mse,) = select_on_device(["mse_loss"], [(1000,)], ["float32"])
    assert moved(mse, mse.tensors("cpu")) == 3 * 4 * 1000  # input, target, gradient
    (half,) = select_on_device(["gaussian_kl_divergence"], [(800,)], ["bfloat16"])
    assert moved(half, half.tensors("cpu")) == 4 * 2 * 800  # two arguments and their gradients


def test_dtypes_that_torch_does_not_take_are_left_out():
    cases = select_on_device([], [], ["float32", "bfloat16"])
    assert {case.loss for case in cases} == {family.loss for family in FAMILIES}
    assert [case.dtype for case in cases if case.loss == "ctc_with_logits_loss"] == ["float32"]


def test_report():
    cases = [small(family) for family in FAMILIES]
    report = report_on("cpu", SteadyClock(), cases, {"device": "main memory"}, 2, False, lambda text: None, 1000)
    assert report.bandwidth == pytest.approx(2e6)  # 2,000 bytes in a millisecond
    mse = next(row for row in report.rows if row.case.loss == "mse_loss")
    assert mse.share(report.bandwidth) == pytest.approx(3 * 4 * 90 / 2000)
    text = markdown(report)
    assert "device main memory" in text and "of copy bandwidth" in text and "| mse_loss | 90, float32 |" in text
    assert "54%" in next(line for line in text.splitlines() if line.startswith("| mse_loss"))
    assert "Liger-Kernel is not installed" in text
    figures = json.loads(json.dumps(as_json(report)))
    assert figures["copy_bandwidth"] == pytest.approx(2e6) and figures["timings"][0]["bytes"] == 3 * 4 * 90


def test_a_loss_without_kernels_for_the_device_is_left_out_with_a_word(monkeypatch):
    def refuse(*tensors):
        raise LossError("mse_loss: not here")

    monkeypatch.setattr("lossgen.bench.device_contenders.generated_losses.mse_loss", refuse)
    cases = [small(family) for family in FAMILIES[:2]]
    report = report_on("cpu", SteadyClock(), cases, {}, 1, False, lambda text: None, 1000)
    assert [row.case.loss for row in report.rows] == [FAMILIES[1].loss]
    assert "mse_loss, 90, float32 was left out: mse_loss: not here" in report.notes


def test_liger_has_data_of_its_own(monkeypatch):
    """Its cross entropy writes the gradient over the logits."""
    family = next(f for f in FAMILIES if f.loss == "cross_entropy")
    case, seen = small(family), []

    class Functional:
        @staticmethod
        def liger_cross_entropy(logits, target):
            seen.append(logits)
            return PLAIN["cross_entropy"](logits, target)

    monkeypatch.setattr("lossgen.bench.device_contenders.import_module", lambda name: Functional)
    tensors = case.tensors("cpu")
    runs = device_contenders(case, (EAGER, LIGER), tensors)
    assert float(runs[LIGER]()) == float(runs[EAGER]())
    assert seen[0] is not tensors[0] and seen[0].requires_grad
    assert LIGER not in device_contenders(small(FAMILIES[0]), (EAGER, LIGER), small(FAMILIES[0]).tensors("cpu"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--device", "cuda", "--threads", "2"), "--threads has no meaning with --device cuda"),
        (("--device", "cuda", "--no-processes"), "--processes has no meaning with --device cuda"),
        (("--dtype", "bfloat16"), "--dtype has no meaning with --device cpu"),
        (("--device", "cuda", "rnnt_loss"), "rnnt_loss is not measured on a device"),
        (("--device", "cuda", "ctc_with_logits_loss", "--dtype", "bfloat16"), "such a size and dtype"),
    ],
)
def test_mistakes(arguments, words):
    done = CliRunner().invoke(bench, arguments)
    assert done.exit_code == 1 and words in done.output


def test_without_a_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    done = CliRunner().invoke(bench, ["--device", "cuda"])
    assert done.exit_code == 1 and "sees no CUDA device" in done.output


def test_every_case_has_its_plain_loss():
    assert all(family.loss in PLAIN for family in FAMILIES)
    assert replace(small(FAMILIES[0]), size=(10**8,)).label == "1e8, float32"
