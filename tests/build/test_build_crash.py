"""Whatever goes wrong at whatever moment, the package is the whole old one or the whole new one."""

import errno
import hashlib
import itertools
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faults import before_call, run_killed
from sample_package import NEW, OLD, snapshot, texts

from lossgen.build.compare import compare
from lossgen.build.errors import BuildError
from lossgen.build.writer import write


def seen(out: Path) -> str:
    """Which package `compare` sees, which must not change anything by looking."""
    before = snapshot(out.parent)
    old, new = compare(OLD, out).up_to_date, compare(NEW, out).up_to_date
    assert old != new
    assert snapshot(out.parent) == before
    return "old" if old else "new"


def assert_importable(out: Path) -> None:
    """Every module that an `__init__.py` names is there, in whatever state the folder is."""
    for module in re.findall(r"import (.+)", (out / "__init__.py").read_text()):
        for name in module.split(", "):
            assert (out / "cpu" / f"{name}.py").exists()


def assert_recovers(out: Path, wanted: dict[str, str]) -> None:
    """The next build gives exactly the wanted package, and nothing of the interrupted one is left."""
    write(wanted, out)
    assert texts(out) == wanted
    assert compare(wanted, out).up_to_date
    assert not (out / ".lossgen-build").exists()


def test_killed_before_every_system_call(tmp_path: Path) -> None:
    views = []
    for at in itertools.count():
        out = tmp_path / str(at) / "generated"
        write(OLD, out)
        if not run_killed(lambda out=out: write(NEW, out), at):
            break
        assert_importable(out)
        views.append(seen(out))
        assert_recovers(out, (OLD, NEW)[at % 2])
    assert views == sorted(views, reverse=True)  # "old" up to some moment, "new" from then on
    assert views.count("old") > 10 and views.count("new") > 10


def test_first_build_killed_before_every_system_call(tmp_path: Path) -> None:
    for at in itertools.count():
        out = tmp_path / str(at) / "generated"
        killed = run_killed(lambda out=out: write(NEW, out), at)
        comparison = compare(NEW, out)
        assert comparison.up_to_date or comparison.missing == tuple(sorted(NEW))
        if not killed:
            break
        assert_recovers(out, NEW)
    assert at > 20


def test_killed_again_while_recovering(tmp_path: Path) -> None:
    """Interrupted in the middle of the renames, and the recovery interrupted at each of its own steps."""
    with before_call(lambda *_: None) as made:
        write(OLD, tmp_path / "a")
        start = len(made)
        write(NEW, tmp_path / "a")
    replaced = [number - start for number, name in enumerate(made) if name == "replace" and number >= start]
    middle = replaced[len(replaced) // 2]
    interrupted = tmp_path / "b"
    write(OLD, interrupted)
    assert run_killed(lambda: write(NEW, interrupted), middle)
    assert seen(interrupted) == "new"
    for at in itertools.count():
        out = shutil.copytree(interrupted, tmp_path / str(at) / "generated")
        if not run_killed(lambda out=out: write(OLD, out), at):
            break
        seen(out)
        assert_recovers(out, NEW)
    assert texts(out) == OLD


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_failure_at_every_system_call_is_undone(tmp_path: Path, error: BaseException) -> None:
    """The call fails once: the old package is back as it was, inodes and times too, or the new one is complete."""
    undone = 0
    for at in itertools.count():
        out = tmp_path / str(at) / "generated"
        write(OLD, out)
        before = {path: facts for path, facts in snapshot(out).items() if path in OLD}

        def fail(number: int, _: str, at: int = at) -> None:
            if number == at:
                raise error

        with before_call(fail) as made:
            try:
                write(NEW, out)
                result = "new"
            except BuildError as raised:
                assert "No space left on device" in str(raised) and "\n" not in str(raised)
                result = "old"
            except KeyboardInterrupt:
                result = seen(out)
        if len(made) <= at:
            break
        assert seen(out) == result
        if result == "old":
            undone += 1
            after = snapshot(out)
            assert {path: after[path] for path in before} == before
            assert texts(out) == OLD
        assert_recovers(out, NEW)
    assert undone > 20


@pytest.mark.parametrize("names", [("fsync",), ("replace",), ("fsync", "replace", "link", "unlink", "mkdir", "open")])
def test_lasting_failure_from_every_system_call_on(tmp_path: Path, names: tuple[str, ...]) -> None:
    """The disk is gone from some call on, so that going back fails as well: the next build finishes what there is."""
    for at in itertools.count():
        out = tmp_path / str(at) / "generated"
        write(OLD, out)

        def fail(number: int, _: str, at: int = at) -> None:
            if number >= at:
                raise OSError(errno.EIO, "Input/output error")

        with before_call(fail, names) as made:
            try:
                write(NEW, out)
            except BuildError as raised:
                assert "Input/output error" in str(raised) and "\n" not in str(raised)
        seen(out)
        assert_recovers(out, (OLD, NEW)[at % 2])
        if len(made) <= at:
            break


def test_everything_is_on_the_disk_before_the_first_rename(out: Path) -> None:
    with before_call(lambda *_: None) as made:
        write(NEW, out)
    staged = ["fsync"] * (
        len(set(NEW) - {"cpu/__init__.py", "cpu/kept.py"}) + 1 + 2 + 1
    )  # files, manifest, journals, folder
    calls = [name for name in made if name in ("fsync", "replace")]
    journal = calls.index("replace")
    assert calls[:journal] == staged
    assert calls[journal + 1] == "fsync"  # the journal's name
    last = len(calls) - 1 - calls[::-1].index("replace")
    assert set(calls[journal + 2 : last]) == {"replace"}
    assert calls[last + 1 :].count("fsync") >= 4  # the folders that were changed


def test_first_build_that_fails_leaves_no_folder(tmp_path: Path) -> None:
    with before_call(lambda *_: _full(), ("fsync",)), pytest.raises(BuildError, match="No space left"):
        write(NEW, tmp_path / "a" / "generated")
    assert list(tmp_path.iterdir()) == []


def _full() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_limit_on_file_size_in_the_middle_of_a_file(out: Path) -> None:
    """No simulation: the kernel itself cuts a write short."""
    before = snapshot(out.parent)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(BuildError, match="File too large"):
            write({**NEW, "cpu/zz_large.py": "#" * 200_000}, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    after = snapshot(out.parent)
    del before["generated"], after["generated"]  # the folder's own time
    assert after == before


def test_edit_after_an_interrupted_build_is_not_lost(out: Path) -> None:
    with before_call(lambda *_: None) as made:
        write(NEW, out)
        write(OLD, out)
    text = out / "cpu/text.py"
    for at in range(len(made)):
        write(OLD, out)
        run_killed(lambda: write(NEW, out), at)
        if (out / ".lossgen-build/journal.json").exists() and text.read_text() == OLD["cpu/text.py"]:
            break
    text.write_text("mine")
    with pytest.raises(BuildError, match="edited by hand since the last build"):
        write(NEW, out)
    assert text.read_text() == "mine"
    write(NEW, out, force=True)
    assert texts(out) == NEW


HOSTILE = [
    [["../victim.py", None, None, None]],
    [["../victim.py", None, "0" * 64, "new-0"]],
    [["cpu/text.py", None, "0" * 64, "../../victim.py"]],
    [["cpu/text.py", None]],
    [[3, None, None, None]],
    "text",
]


@pytest.mark.parametrize("steps", HOSTILE)
def test_journal_that_the_build_did_not_write_is_discarded(out: Path, steps: object) -> None:
    """Such as one that came with a cloned repository."""
    victim = out.parent / "victim.py"
    victim.write_text("mine")
    plant(out, steps)
    assert compare(OLD, out).up_to_date
    assert_recovers(out, NEW)
    assert victim.read_text() == "mine"


def test_journal_does_not_reach_through_a_link(out: Path, tmp_path: Path) -> None:
    victim = tmp_path / "outside" / "victim.py"
    victim.parent.mkdir()
    victim.write_text("mine")
    (out / "link").symlink_to(victim.parent)
    plant(out, [["link/victim.py", None, None, None]])
    with pytest.raises(BuildError, match=r"link/victim\.py is, or lies behind, a symbolic link"):
        write(NEW, out, force=True)
    assert victim.read_text() == "mine"


def plant(out: Path, steps: object) -> None:
    (out / ".lossgen-build").mkdir()
    (out / ".lossgen-build/new-0").write_text("theirs")
    code = hashlib.sha256(json.dumps(steps).encode()).hexdigest()
    journal = {"format": 1, "steps": steps, "digest": code}
    (out / ".lossgen-build/journal.json").write_text(json.dumps(journal))


LOOP = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from sample_package import NEW, OLD
from lossgen.build.writer import write
print("ready", flush=True)
while True:
    write(NEW, Path(sys.argv[1]))
    write(OLD, Path(sys.argv[1]))
"""


def test_killed_at_random_times(tmp_path: Path) -> None:
    chance = random.Random(1)
    for number in range(12):
        out = tmp_path / "generated"
        command = [sys.executable, "-c", LOOP, str(out), str(Path(__file__).parent)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(chance.uniform(0.02, 0.1))
            os.kill(process.pid, signal.SIGKILL)
        if (out / "__init__.py").exists():
            seen(out)
        assert_recovers(out, (OLD, NEW)[number % 2])
