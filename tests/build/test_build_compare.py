"""What `compare` reports, and the diff."""

import shutil
import subprocess
from pathlib import Path

import pytest
from sample_package import NEW, OLD, snapshot, texts

from lossgen.build import difference
from lossgen.build.compare import compare
from lossgen.build.errors import BuildError
from lossgen.build.writer import write

DIFF = """\
--- a/generated/__init__.py
+++ b/generated/__init__.py
@@ -1 +1,2 @@
 from .cpu import kept, text
+from .cpu import fresh
--- /dev/null
+++ b/generated/cpu/fresh.py
@@ -0,0 +1 @@
+VALUE = 4
--- a/generated/cpu/gone.py
+++ /dev/null
@@ -1 +0,0 @@
-VALUE = 2
--- a/generated/cpu/text.py
+++ b/generated/cpu/text.py
@@ -1 +1 @@
-WORD = 'alt: σ(x) − y'
+WORD = 'neu: ‖x‖₂'
--- a/generated/legacy/deep/module.py
+++ /dev/null
@@ -1 +0,0 @@
-VALUE = 3
--- /dev/null
+++ b/generated/torch/fresh/module.py
@@ -0,0 +1 @@
+VALUE = 5
"""


def test_every_kind_of_difference(out: Path) -> None:
    before = snapshot(out.parent)
    comparison = compare(NEW, out)
    assert not comparison.up_to_date
    assert comparison.stale == ("__init__.py", "cpu/text.py")
    assert comparison.missing == ("cpu/fresh.py", "torch/fresh/module.py")
    assert comparison.left_over == ("cpu/gone.py", "legacy/deep/module.py")
    assert comparison.edited == comparison.foreign == ()
    assert comparison.diff() == DIFF
    assert snapshot(out.parent) == before


def test_up_to_date(out: Path) -> None:
    comparison = compare(OLD, out)
    assert comparison.up_to_date
    assert comparison.diff() == ""


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    comparison = compare(NEW, tmp_path / "generated")
    assert comparison.missing == tuple(sorted(NEW))
    assert not comparison.up_to_date
    assert list(tmp_path.iterdir()) == []


def test_foreign_files_make_a_difference_but_no_diff(out: Path) -> None:
    (out / "notes.txt").write_text("mine")
    comparison = compare(OLD, out)
    assert comparison.foreign == ("notes.txt",)
    assert not comparison.up_to_date
    assert comparison.diff() == ""


def test_stale_manifest_alone(out: Path) -> None:
    """A build would write it, so the package is not up to date."""
    (out / ".lossgen-manifest.json").write_text("{}")
    comparison = compare(OLD, out)
    assert comparison.stale == (".lossgen-manifest.json",)
    assert "-{}\n" in comparison.diff()


def test_damaged_text_can_be_shown(out: Path) -> None:
    (out / "cpu/text.py").write_bytes(b"\xff\xfe\n")
    comparison = compare(OLD, out)
    assert comparison.edited == ("cpu/text.py",)
    assert "-��\n" in comparison.diff()


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs patch")
def test_diff_can_be_applied(out: Path) -> None:
    wanted = {**NEW, "odd.py": "no end\fof\u2028line", "__init__.py": "", "cpu/__init__.py": "now\nit\nhas text"}
    diff = compare(wanted, out).diff()
    subprocess.run(["patch", "-p1", "--silent"], input=diff, text=True, cwd=out.parent, check=True)
    assert {path: text for path, text in texts(out).items() if text} == {p: t for p, t in wanted.items() if t}


def test_build_that_commits_during_the_look(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the files were read before, half after: the look is repeated."""
    read = difference.read_bytes
    reads = []

    def read_bytes(path: Path) -> bytes | None:
        reads.append(path)
        if reads.count(out / "cpu/text.py") == 1 and path.name == "text.py":
            write(NEW, out)
        return read(path)

    monkeypatch.setattr(difference, "read_bytes", read_bytes)
    assert compare(NEW, out).up_to_date
    assert reads.count(out / "__init__.py") >= 2


def test_folder_that_never_rests(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter(range(1000))
    monkeypatch.setattr(difference, "_stamp", lambda _: next(numbers))
    with pytest.raises(BuildError, match="keeps changing: another build is writing to it"):
        compare(OLD, out)
