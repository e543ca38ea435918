"""What a build writes, keeps and refuses."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sample_package import NEW, OLD, snapshot, texts

from lossgen.build.compare import compare
from lossgen.build.errors import BuildError
from lossgen.build.writer import Changes, write


def refused(out: Path, files: dict[str, str], *words: str, force: bool = False) -> None:
    """The build raises one line with these words, and changes nothing at all in the parent folder."""
    before = snapshot(out.parent)
    with pytest.raises(BuildError) as caught:
        write(files, out, force=force)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message
    assert snapshot(out.parent) == before


def test_first_build_makes_folders_and_reports(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b" / "generated"
    assert write(OLD, out) == Changes(tuple(sorted(OLD)), (), (), ())
    assert texts(out) == OLD
    assert {path.name for path in out.iterdir()} == {"__init__.py", "cpu", "legacy", ".lossgen-manifest.json"}


def test_second_build_adds_changes_removes(out: Path) -> None:
    changes = write(NEW, out)
    assert changes == Changes(
        added=("cpu/fresh.py", "torch/fresh/module.py"),
        changed=("__init__.py", "cpu/text.py"),
        removed=("cpu/gone.py", "legacy/deep/module.py"),
        unchanged=("cpu/__init__.py", "cpu/kept.py"),
    )
    assert changes.any
    assert texts(out) == NEW
    assert not (out / "legacy").exists()
    assert not (out / ".lossgen-build").exists()


def test_nothing_to_do_touches_nothing(out: Path) -> None:
    before = snapshot(out.parent)
    changes = write(OLD, out)
    assert changes == Changes((), (), (), tuple(sorted(OLD)))
    assert not changes.any
    assert snapshot(out.parent) == before


def test_unchanged_files_keep_time_and_inode(out: Path) -> None:
    before = snapshot(out)
    write(NEW, out)
    after = snapshot(out)
    for path in ("cpu/__init__.py", "cpu/kept.py"):
        assert after[path] == before[path]
    assert after["cpu/text.py"][0] != before["cpu/text.py"][0]


def test_manifest_depends_on_the_package_alone(out: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    write(dict(reversed(NEW.items())), other)
    write(NEW, out)
    manifest = (out / ".lossgen-manifest.json").read_text()
    assert manifest == (other / ".lossgen-manifest.json").read_text()
    assert list(json.loads(manifest)["files"]) == sorted(NEW)
    assert str(tmp_path) not in manifest


def test_text_is_written_as_utf8_without_translation(tmp_path: Path) -> None:
    write({"größe_σ.py": "a\nb\r\n∂\f\u2028x"}, tmp_path / "out")
    assert (tmp_path / "out" / "größe_σ.py").read_bytes() == "a\nb\r\n∂\f\u2028x".encode()
    assert not write({"größe_σ.py": "a\nb\r\n∂\f\u2028x"}, tmp_path / "out").any


def test_empty_mapping_removes_the_package(out: Path) -> None:
    assert write({}, out).removed == tuple(sorted(OLD))
    assert texts(out) == {}


def test_output_folder_may_be_a_link(out: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(out, target_is_directory=True)
    write(NEW, link)
    assert texts(out) == NEW


def test_relative_output_folder(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(out)
    write(NEW, Path())
    assert texts(out) == NEW
    monkeypatch.chdir(out.parent)
    assert compare(NEW, Path("generated")).up_to_date


@pytest.mark.parametrize("name", ["notes.txt", "cpu/my_kernel.py", "legacy/deep/.hidden"])
@pytest.mark.parametrize("force", [False, True])
def test_foreign_files_are_refused_and_kept(out: Path, name: str, force: bool) -> None:
    (out / name).write_text("mine")
    refused(out, NEW, name, "not written by the build", force=force)
    assert not compare(NEW, out).up_to_date
    assert compare(OLD, out).foreign == (name,)


@pytest.mark.parametrize("force", [False, True])
def test_foreign_file_at_a_new_path_is_kept(out: Path, force: bool) -> None:
    (out / "cpu/fresh.py").write_text("mine")
    refused(out, NEW, "cpu/fresh.py", "not written by the build", force=force)


def test_foreign_folder_is_refused_quickly(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"{number:02}.txt").write_text("mine")
    refused(tmp_path, NEW, "00.txt", "not written by the build")
    assert len(compare(NEW, tmp_path).foreign) == 20


def test_edited_files_are_refused_unless_forced(out: Path) -> None:
    (out / "cpu/text.py").write_text("mine")
    (out / "cpu/gone.py").write_text("mine too")
    refused(out, NEW, "cpu/gone.py", "edited by hand since the last build", "move it away or build with --force")
    assert compare(NEW, out).edited == ("cpu/gone.py", "cpu/text.py")
    assert write(NEW, out, force=True).removed == ("cpu/gone.py", "legacy/deep/module.py")
    assert texts(out) == NEW


def test_edit_that_equals_the_new_text_is_no_conflict(out: Path) -> None:
    (out / "cpu/text.py").write_text(NEW["cpu/text.py"])
    assert "cpu/text.py" in write(NEW, out).unchanged


def test_deleted_files_come_back(out: Path) -> None:
    (out / "cpu/text.py").unlink()
    (out / "cpu/gone.py").unlink()
    assert write(OLD, out).added == ("cpu/gone.py", "cpu/text.py")
    (out / "cpu/gone.py").unlink()
    assert write(NEW, out).removed == ("legacy/deep/module.py",)


DAMAGED = [
    None,
    b"",
    b"\xff\xfe",
    b"<<<<<<< HEAD\n{}",
    b"[]",
    b'{"format": 2, "files": {}}',
    b'{"format": 1, "files": {"../x": ""}}',
    b'{"format": 1, "files": {"x.py": 3}}',
]


@pytest.mark.parametrize("manifest", DAMAGED)
def test_without_a_manifest_equal_files_are_adopted_and_others_refused(out: Path, manifest: bytes | None) -> None:
    right = (out / ".lossgen-manifest.json").read_bytes()
    (out / ".lossgen-manifest.json").unlink()
    if manifest is not None:
        (out / ".lossgen-manifest.json").write_bytes(manifest)
    refused(out, NEW, "not written by the build", force=True)
    comparison = compare(OLD, out)
    assert comparison.stale + comparison.missing == (".lossgen-manifest.json",)
    assert write(OLD, out) == Changes((), (), (), tuple(sorted(OLD)))
    assert (out / ".lossgen-manifest.json").read_bytes() == right


BAD_PATHS = [
    "../x.py",
    "a/../../x.py",
    "/etc/x.py",
    "",
    ".",
    "a//b.py",
    "./a.py",
    "a/",
    "C:/x.py",
    "a\\b.py",
    "a\0b",
    "a\nb.py",
    "\ud800.py",
    ".lossgen-manifest.json",
    ".lossgen-build/x",
    "__pycache__/x.pyc",
]


@pytest.mark.parametrize("path", BAD_PATHS)
def test_paths_that_lead_elsewhere_are_rejected(out: Path, path: str) -> None:
    refused(out, {**NEW, path: ""}, "output path")
    with pytest.raises(BuildError):
        compare({path: ""}, out)


def test_inconsistent_mappings_and_texts_are_rejected(out: Path) -> None:
    refused(out, {"a": "", "a/b.py": ""}, "'a' is a file of the same package")
    refused(out, {"a.py": "\ud800"}, "'a.py'", "not valid Unicode")


def test_links_inside_are_refused(out: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (out / "torch").symlink_to(outside)
    refused(out, NEW, "torch", "not written by the build")
    (out / "torch").unlink()
    text = out / "cpu/text.py"
    text.rename(outside / "text.py")
    text.symlink_to(outside / "text.py")
    refused(out, NEW, "cpu/text.py", "not written by the build", force=True)
    assert list(outside.iterdir()) == [outside / "text.py"]


def test_something_of_another_kind_in_the_way(out: Path) -> None:
    (out / "cpu/fresh.py").mkdir()
    refused(out, NEW, "cpu/fresh.py", "is a folder")
    (out / "cpu/fresh.py").rmdir()
    refused(out, {**NEW, "cpu/gone.py/x.py": ""}, "cpu/gone.py", "is a file where the build needs a folder")


def test_output_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    refused(tmp_path / "file", NEW, "is not a folder")
    refused(tmp_path / "file" / "below", NEW, "Not a directory")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    refused(tmp_path / "dangling", NEW, "is not a folder")
    with pytest.raises(BuildError, match="is not a folder"):
        compare(NEW, tmp_path / "file")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_output_that_cannot_be_made() -> None:
    with pytest.raises(BuildError, match="/proc/lossgen"):
        write(NEW, Path("/proc/lossgen/out"))


def test_folder_without_permission(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may run as root, for whom permission bits mean nothing: the system call is made to fail."""

    def denied(path: os.PathLike[str], *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    for name in ("mkdir", "open", "replace"):
        monkeypatch.setattr(os, name, denied)
    refused(out, NEW, str(out), "Permission denied")
    assert not write(OLD, out).any  # nothing to write, nothing to fail


def test_caches_are_left_alone_but_not_those_of_old_code(out: Path) -> None:
    cache = out / "cpu/__pycache__"
    cache.mkdir()
    names = ["kept.cpython-311.pyc", "kept.f-1.py311.nbi", "text.cpython-311.pyc", "text.f-1.py311.nbi", "gone.f.nbc"]
    for name in [*names, "notes.txt"]:
        (cache / name).write_text("")
    (out / "legacy/deep/__pycache__").mkdir()
    (out / "legacy/deep/__pycache__/module.cpython-311.pyc").write_text("")
    before = snapshot(cache)
    write(OLD, out)
    assert snapshot(cache) == before
    write(NEW, out)
    kept = {"kept.cpython-311.pyc", "kept.f-1.py311.nbi", "text.f-1.py311.nbi", "notes.txt"}
    assert {path.name for path in cache.iterdir()} == kept
    assert not (out / "legacy").exists()


def test_two_builds_in_one_second_are_both_seen_by_python(tmp_path: Path) -> None:
    """Same size, same second: Python alone would take the old bytecode for fresh."""
    for value in (1, 2, 3):
        write({"module.py": f"VALUE = {value}\n"}, tmp_path / "out")
        os.utime(tmp_path / "out/module.py", (10**9, 10**9))
        code = "import module; print(module.VALUE)"
        environment = {**os.environ, "PYTHONPATH": str(tmp_path / "out"), "PYTHONDONTWRITEBYTECODE": ""}
        run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert run.stdout == f"{value}\n"
        assert Path(importlib.util.cache_from_source(str(tmp_path / "out/module.py"))).exists()
