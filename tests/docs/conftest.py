"""The handbook of the whole catalogue, written once for all tests that read it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

import lossgen
from lossgen.cli.group import lossgen as command
from lossgen.docs.places import Places

ROOT = Path(lossgen.__file__).parent.parent


@pytest.fixture(scope="session")
def handbook(tmp_path_factory) -> Places:
    """LaTeX, drawings and site; no PDF, which needs TeX."""
    out = tmp_path_factory.mktemp("handbook")
    where = ("--out", str(out), "--spec", str(ROOT / "spec"), "--package", str(ROOT / "generated"))
    done = CliRunner().invoke(command, ["docs", "--html", *where])
    assert done.exit_code == 0, done.output
    return Places(out)
