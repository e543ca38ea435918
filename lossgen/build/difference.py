"""What a build would change in an output folder: a look at the disk that takes no lock and writes nothing."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .disk import read_bytes
from .errors import BuildError
from .journal import NAME as JOURNAL
from .journal import read_journal
from .manifest import print_manifest, read_manifest
from .tree import CACHE, MANIFEST, WORK, digest

_FOREIGN_LISTED = 20
"""As many files of others are named at most: a home folder given by mistake is not searched to its end."""

_ATTEMPTS = 50


@dataclass(frozen=True, slots=True)
class Difference:
    """The output folder against the wanted text. All tuples hold relative POSIX paths, sorted.

    added, changed, removed, unchanged: what a build would do to each file.
    edited: the changed or removed files that were edited since the build wrote them.
    foreign: files, links and the like that no build wrote (at most the first 20); a build refuses to touch the folder.
    old: the bytes on the disk of the changed and removed files, and of the manifest if there is one.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]
    edited: tuple[str, ...]
    foreign: tuple[str, ...]
    old: dict[str, bytes]
    manifest: bytes

    @property
    def manifest_changes(self) -> bool:
        """True if the manifest has to be written."""
        return self.old.get(MANIFEST) != self.manifest

    @property
    def pending(self) -> bool:
        """True if a build would write or remove anything."""
        return bool(self.added or self.changed or self.removed or self.manifest_changes)


def examine(contents: Mapping[str, bytes], out: Path) -> Difference:
    """Compare the output folder with the wanted bytes.

    An interrupted build counts as finished if its journal was complete, else as not begun: what is seen is what the
    next build will start from. A build that finishes while this looks is noticed, and the look repeated.
    """
    if os.path.lexists(out) and not out.is_dir():
        raise BuildError(f"the output folder {out} is not a folder")
    for _ in range(_ATTEMPTS):
        stamp = _stamp(out)
        difference = _examine(contents, out)
        if _stamp(out) == stamp:
            return difference
    raise BuildError(f"the output folder {out} keeps changing: another build is writing to it")


def _stamp(out: Path) -> tuple[tuple[int, int, int] | None, ...]:
    """Changes whenever a build commits: its journal appears first and its manifest is replaced last."""
    return tuple(_identity(out / name) for name in (f"{WORK}/{JOURNAL}", MANIFEST))


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _examine(contents: Mapping[str, bytes], out: Path) -> Difference:
    view = _View(out)
    listed = read_manifest(view.read(MANIFEST))
    old = {} if (manifest := view.read(MANIFEST)) is None else {MANIFEST: manifest}
    changed, removed, unchanged, edited, foreign = [], [], [], [], []
    for path, regular in view.paths():
        wanted = contents.get(path)
        known = regular and (wanted is not None or path in listed)
        data = view.read(path) if known else None
        if data is not None and data == wanted:
            unchanged.append(path)
        elif path not in listed or not regular:
            foreign.append(path)
            if len(foreign) == _FOREIGN_LISTED:
                break
        elif data is not None:
            (removed if wanted is None else changed).append(path)
            old[path] = data
            if digest(data) != listed[path]:
                edited.append(path)
    present = {*changed, *removed, *unchanged, *foreign}
    added = sorted(contents.keys() - present)
    _check_room(added, {*changed, *removed, *unchanged}, out)
    groups = (added, changed, removed, unchanged, edited, foreign)
    return Difference(*(tuple(sorted(group)) for group in groups), old, print_manifest(contents))


def _check_room(added: list[str], present: set[str], out: Path) -> None:
    """Nothing of another kind stands where a file or its folder has to be made."""
    for path in added:
        if (out / path).is_dir():
            raise BuildError(f"{out / path} is a folder where the build writes a file: move it away")
        for parent in PurePosixPath(path).parents:
            if str(parent) in present:
                raise BuildError(f"{out / parent} is a file where the build needs a folder: move it away")


class _View:
    """The output folder as it is once an interrupted build has been finished."""

    def __init__(self, out: Path) -> None:
        self._out = out
        journal = read_journal(out)
        self._steps = {step.path: step for step in journal.steps} if journal else {}

    def read(self, path: str) -> bytes | None:
        """The bytes of a file; None if there is none (or no longer)."""
        step = self._steps.get(path)
        return read_bytes(self._out / path) if step is None else step.content(self._out)

    def paths(self) -> Iterator[tuple[str, bool]]:
        """Every path that is not a folder, and whether it is a regular file."""
        yield from ((path, True) for path, step in self._steps.items() if step.after is not None and path != MANIFEST)
        for path, regular in _walk(self._out, ""):
            if path not in self._steps:
                yield path, regular


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, bool]]:
    """Files below a folder in sorted order, without caches and the build's own; links are not followed."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except FileNotFoundError:  # not there yet, or removed meanwhile
        return
    for entry in entries:
        if not prefix and entry.name in (WORK, MANIFEST):
            continue
        path = prefix + entry.name
        if not entry.is_dir(follow_symlinks=False):
            yield path, entry.is_file(follow_symlinks=False)
        elif entry.name != CACHE:
            yield from _walk(folder / entry.name, f"{path}/")
