"""One build at a time for an output folder."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from .disk import remove_if_empty, remove_quietly
from .errors import BuildError
from .tree import WORK

NAME = "lock"
_LOST = 100


@contextmanager
def locked(out: Path, timeout: float) -> Iterator[Path]:
    """Hold the lock of an output folder; gives the work folder, which exists (as does `out`) while the lock is held.

    The lock is the operating system's, so it ends with the process that holds it, however that ends. Afterwards the
    lock file is removed, and so are the folders made for it that are still empty (unless other builds wait: whichever
    made them again need not be the last).

    Raises BuildError that names the lock file if another build still holds it after `timeout` seconds.
    """
    made = [folder for folder in (out, *out.parents) if not os.path.lexists(folder)]
    work = out / WORK
    try:
        lock = _acquire(work / NAME, timeout)
        try:
            yield work
        finally:
            try:
                remove_quietly(work / NAME)  # while it is held: whoever waits for this file then sees that it is gone
            finally:
                lock.release()
    finally:
        all(remove_if_empty(folder) for folder in (work, *made))


def _acquire(path: Path, timeout: float) -> FileLock:
    """Take the lock, and make sure that what was locked is the file that now has this name.

    A file that another build removed can still be locked, but guards nothing. Keeping it open here means that no new
    file can have its identity.
    """
    deadline = time.monotonic() + timeout
    lost = 0
    while True:
        try:
            lock = _try_acquire(path, max(0.0, deadline - time.monotonic()))
        except FileNotFoundError:  # the other build removed the folder just now, or there can be none
            lost += 1
            if lost == _LOST:
                raise
            time.sleep(0.01)
            continue
        except Timeout as error:
            raise BuildError(f"another build is writing: its lock {path} was still held after {timeout:g} s") from error
        if lock is not None:
            return lock


def _try_acquire(path: Path, timeout: float) -> FileLock | None:
    path.parent.mkdir(parents=True, exist_ok=True)
    witness = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        lock = FileLock(path)
        lock.acquire(timeout=timeout, poll_interval=0.02)
        if os.path.samestat(os.fstat(witness), path.lstat()):
            return lock
        lock.release()
    finally:
        os.close(witness)
    return None
