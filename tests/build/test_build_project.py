"""Where a generated package is imported from, and under which name."""

import sys
from pathlib import Path

import pytest

import lossgen
from lossgen.build.errors import BuildError
from lossgen.build.project import package_name, package_place, source_name
from lossgen.verify.check import open_package

ROOT = Path(lossgen.__file__).parents[1]


def test_the_own_package_is_imported_from_where_lossgen_is():
    assert package_place(ROOT / "generated") == (ROOT, "lossgen.generated")
    before = list(sys.path)
    assert open_package(ROOT / "generated").__name__ == "lossgen.generated"
    assert sys.path == before


def test_a_package_within_packages_has_their_names(tmp_path, monkeypatch):
    out = tmp_path / "work" / "application" / "losses"
    out.mkdir(parents=True)
    for folder in (out, out.parent):
        (folder / "__init__.py").touch()
    monkeypatch.chdir(out.parent)
    assert package_name(Path("losses")) == "application.losses"
    before = list(sys.path)
    assert Path(open_package(Path("losses")).__file__) == out / "__init__.py"
    assert sys.path == before
    other = tmp_path / "other" / "application"
    other.mkdir(parents=True)
    (other / "__init__.py").touch()
    with pytest.raises(BuildError, match="another package is already called application: "):
        open_package(other)


def test_a_formula_is_named_with_its_folder(tmp_path):
    assert source_name(tmp_path / "spec" / "regression" / "mse.py", tmp_path / "spec") == "spec/regression/mse.py"
