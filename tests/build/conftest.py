"""An output folder to build into, and system calls that cost no time."""

import os
from pathlib import Path

import pytest
from sample_package import OLD

from lossgen.build.writer import write


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An output folder that holds the old package."""
    folder = tmp_path / "generated"
    write(OLD, folder)
    return folder


@pytest.fixture(autouse=True)
def fast_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for the disk guards against power failures, which no test makes, and takes most of a build's time."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
