"""The few file operations that the build needs beyond pathlib's."""

import contextlib
import errno
import os
import shutil
from pathlib import Path


def read_bytes(path: Path) -> bytes | None:
    """The bytes of a file, or None if there is no such file."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def write_synced(path: Path, data: bytes) -> None:
    """Create a file and return once its bytes are on the disk."""
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def link_or_copy(source: Path, target: Path) -> None:
    """A second name for the same file, or a copy with the same times where the file system has no hard links."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS):
            raise
        shutil.copy2(source, target)


def sync_folder(folder: Path) -> None:
    """Return once the names in a folder (new, renamed, removed) are on the disk, where the system can promise that."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network and user-space file systems cannot
            raise
    finally:
        os.close(descriptor)


def remove_if_empty(folder: Path) -> bool:
    """Remove a folder that holds nothing; True if it is gone."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:  # not empty, or not ours to remove
        return False
    return True


def remove_quietly(path: Path) -> None:
    """Remove a file whose survival would do no harm."""
    with contextlib.suppress(OSError):
        path.unlink()
