"""The rendered package: the same bytes everywhere, and what is committed is what the formulas give."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import lossgen
from lossgen.build.compare import compare
from lossgen.build.package import render
from lossgen.formula import Prediction, Real, SpecError, loss
from lossgen.formula.load import load_losses

ROOT = Path(lossgen.__file__).parent.parent
SPEC = ROOT / "spec"

DIGEST = """
import hashlib, json, pathlib, sys
from lossgen.build.package import render
from lossgen.formula.load import load_losses
spec = pathlib.Path(sys.argv[1])
print(hashlib.sha256(json.dumps(render(load_losses(spec), spec), sort_keys=True).encode()).hexdigest())
"""


def digest(seed: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", DIGEST, str(SPEC)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": seed},
    )
    return run.stdout.strip()


def test_the_same_bytes_for_any_hash_seed():
    first = digest("1")
    assert len(first) == len(hashlib.sha256().hexdigest())
    assert {digest(seed) for seed in ("2", "31337")} == {first}


def test_the_committed_package_is_up_to_date():
    comparison = compare(render(load_losses(SPEC), SPEC), ROOT / "generated")
    assert comparison.up_to_date, comparison.diff()


def test_the_text_does_not_depend_on_where_the_project_lies(tmp_path):
    copy = tmp_path / "elsewhere" / "spec"
    copy.parent.mkdir()
    subprocess.run(["cp", "-r", str(SPEC), str(copy)], check=True)
    assert render(load_losses(copy), copy) == render(load_losses(SPEC), SPEC)


def test_no_losses_is_an_error():
    with pytest.raises(SpecError, match="no losses found"):
        render({}, SPEC)


def test_an_argument_may_not_take_the_name_of_an_option(tmp_path):
    @loss
    def clashing(input: Prediction, mask: Real):
        """A loss."""
        return (input - mask) ** 2

    clashing.source = tmp_path / "a.py"
    with pytest.raises(SpecError, match="clashing: argument mask has the name of an option"):
        render({"clashing": clashing}, tmp_path)
