"""Builds of one folder at the same time."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sample_package import NEW, OLD, texts

from lossgen.build.compare import compare
from lossgen.build.errors import BuildError
from lossgen.build.lock import locked
from lossgen.build.writer import write

WRITE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import sample_package
from lossgen.build.writer import write
print("ready", flush=True)
sys.stdin.readline()
for _ in range(20):
    write(getattr(sample_package, sys.argv[3]), Path(sys.argv[1]))
"""


@contextmanager
def process(out: Path, package: str) -> Iterator[subprocess.Popen[str]]:
    """A process that writes a package 20 times, once it is told to start."""
    command = [sys.executable, "-c", WRITE, str(out), str(Path(__file__).parent), package]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        started.stdout.readline()
        yield started


def test_two_processes_never_mix(tmp_path: Path) -> None:
    out = tmp_path / "generated"
    write(OLD, out)
    with process(out, "OLD") as first, process(out, "NEW") as second:
        for each in (first, second):
            each.stdin.write("\n")
            each.stdin.flush()
        looks = 0
        while first.poll() is None or second.poll() is None:
            views = texts_of_one_moment(out)
            assert views in ((True, False), (False, True), None)
            looks += views is not None
    assert first.returncode == second.returncode == 0
    assert looks > 0
    assert texts(out) in (OLD, NEW)
    assert not (out / ".lossgen-build").exists()


def texts_of_one_moment(out: Path) -> tuple[bool, bool] | None:
    """Whether the folder holds the old or the new package; None if it changed between the two looks."""
    first, new, last = (compare(package, out).up_to_date for package in (OLD, NEW, OLD))
    return (first, new) if first == last else None


def test_many_threads_and_several_packages(tmp_path: Path) -> None:
    """An empty package among them, whose modules go and come back."""
    out = tmp_path / "generated"
    errors: list[BaseException] = []

    def work(package: dict[str, str]) -> None:
        try:
            for _ in range(10):
                write(package, out)
        except BuildError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(package,)) for package in (OLD, NEW, {}, {"x.py": ""})]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert texts(out) in (OLD, NEW, {}, {"x.py": ""})


def test_lock_folder_that_comes_and_goes(tmp_path: Path) -> None:
    """The holder removes everything it made, which others were just about to use; still one at a time."""
    out = tmp_path / "a" / "generated"
    inside = []
    overlaps = []

    def work() -> None:
        for _ in range(30):
            with locked(out, 20):
                inside.append(1)
                overlaps.append(len(inside))
                time.sleep(0.001)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert overlaps == [1] * 120
    assert [path for path in tmp_path.rglob("*") if path not in (out, out.parent)] == []


def test_lock_that_is_held_is_named(tmp_path: Path) -> None:
    out = tmp_path / "generated"
    write(OLD, out)
    done = threading.Event()
    held = threading.Event()

    def hold() -> None:
        with locked(out, 1):
            held.set()
            done.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(20)
    start = time.monotonic()
    with pytest.raises(BuildError, match=r"its lock .*generated/\.lossgen-build/lock was still held after 0\.2 s"):
        write(NEW, out, timeout=0.2)
    assert 0.2 <= time.monotonic() - start < 2
    assert compare(OLD, out).up_to_date
    done.set()
    thread.join()
    assert write(NEW, out, timeout=0.2).any
