"""`lossgen demo` from end to end, with few epochs."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from lossgen.demo import run
from lossgen.demo.command import demo
from lossgen.demo.result import Curve, Result

PNG = b"\x89PNG\r\n\x1a\n"
RESULT = Result(
    task="a task",
    loss="a_loss",
    metric="accuracy",
    score=0.9,
    reference="a reference",
    reference_score=0.9,
    tolerance=0.01,
    seconds=0.001,
    reference_seconds=2.0,
    curve=Curve("step", (3.0, 1.0), (1.0,), "optimum"),
)


def invoke(*arguments: str | Path):
    return CliRunner().invoke(demo, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


def test_scores_reach_their_references_and_the_picture_is_written(tmp_path):
    picture = tmp_path / "curves.png"
    done = invoke("--out", picture, "--epochs", 2)
    assert done.exit_code == 0, done.output
    assert picture.read_bytes().startswith(PNG)
    for loss in (
        "binary_cross_entropy_with_logits",
        "sigmoid_focal_loss",
        "mse_loss",
        "l1_loss",
        "vae_loss",
        "ctc_loss",
    ):
        assert loss in done.output
    assert done.output.count("cross_entropy") >= 3
    assert str(picture) in done.output


def test_without_torch_its_tasks_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    done = invoke("--out", tmp_path / "curves.png")
    assert done.exit_code == 0, done.output
    assert "vae_loss" not in done.output
    assert "pip install 'lossgen[torch]'" in done.output


@pytest.mark.parametrize("package", ["matplotlib", "sklearn"])
def test_a_missing_package_is_one_line(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    done = invoke("--out", tmp_path / "curves.png")
    assert done.exit_code == 1
    assert "pip install 'lossgen[demo]'" in done.output
    assert len(done.output.splitlines()) == 1


def test_a_missing_folder_is_said_before_training(tmp_path):
    done = invoke("--out", tmp_path / "none" / "curves.png")
    assert done.exit_code == 1
    assert "there is no folder" in done.output


@pytest.mark.parametrize(
    "failed",
    [
        replace(RESULT, score=0.88),
        replace(RESULT, score=float("nan")),
        replace(RESULT, score=0.92, higher_is_better=False),
    ],
)
def test_a_score_that_falls_short_fails(tmp_path, monkeypatch, failed):
    monkeypatch.setattr(run, "run_tasks", lambda epochs, announce: [RESULT, failed])
    done = invoke("--out", tmp_path / "curves.png")
    assert done.exit_code == 1
    assert "falls short" in done.output


def test_a_better_score_passes(tmp_path, monkeypatch):
    better = [replace(RESULT, score=1.0), replace(RESULT, score=0.1, higher_is_better=False)]
    monkeypatch.setattr(run, "run_tasks", lambda epochs, announce: better)
    assert invoke("--out", tmp_path / "curves.png").exit_code == 0
