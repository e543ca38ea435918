"""Make an output package on the disk equal to a mapping of path to text.

What is guaranteed, on a POSIX file system, for the files that the build writes:

- A file whose bytes are right already is not touched: its time and its inode stay, and with them Numba's cache.
- Until everything is staged and on the disk, nothing of the package changes. A full disk, a missing permission or a
  process that dies up to then leaves the old package.
- Then the staged files are renamed into place, one after the other (milliseconds). Each file is at any moment the old
  or the new one, never a part of one. An *error* among the renames is undone, and the old package is back when `write`
  raises. A *kill* or power failure among them leaves both kinds of files; the journal in the output folder says
  which are to follow. The next `write` first completes it, and `compare` sees it as completed: both see the whole old
  package or the whole new one, whatever the moment. New modules come first and removed ones go last, each module holds
  all it needs, so that the package can as a rule be imported even then.
- Two builds at once come one after the other: the package is the one or the other, entirely.
- No file that the build did not write is replaced or removed, and one that was edited since only on request. Writing to
  a folder that holds such files is refused as a whole.

The same mapping gives the same bytes, the manifest's included. Folders `__pycache__` are not looked at; only the
compiled files of replaced and removed modules are deleted there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from os.path import lexists
from pathlib import Path

from .difference import Difference, examine
from .errors import BuildError
from .lock import locked
from .transaction import commit, recover
from .tree import MANIFEST, WORK, encode


@dataclass(frozen=True, slots=True)
class Changes:
    """What a build did. The tuples hold relative POSIX paths, sorted; the manifest is not among them."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]

    @property
    def any(self) -> bool:
        """True if a file was added, changed or removed."""
        return bool(self.added or self.changed or self.removed)


def write(files: Mapping[str, str], out: Path, *, force: bool = False, timeout: float = 30.0) -> Changes:
    """Make the package in folder `out` equal to `files` (relative POSIX path -> text, written as UTF-8).

    Files of earlier builds that are not in `files` are removed. See the module's docstring for what is guaranteed.

    force: also replace or remove files that were edited since the build wrote them. Files that no build wrote are
        never touched.
    timeout: seconds to wait for another build of the same folder.

    Raises BuildError, one line, if `out` is not a folder or cannot be written, holds files that the build did not
    write or that were edited since, if a path leads out of it, or another build holds the lock.
    """
    out = Path(out)
    contents = encode(files)
    try:
        if not lexists(out / WORK):  # else there is, or was, another build: wait for it or clear up after it
            difference = _examine(contents, out, force)
            if not difference.pending:
                return _changes(difference)
        with locked(out, timeout):
            recover(out, force)
            difference = _examine(contents, out, force)
            if difference.pending:
                commit(out, difference.old, _edits(difference, contents))
            return _changes(difference)
    except OSError as error:
        raise BuildError(f"{error.filename or out}: {error.strerror or error}") from error


def _examine(contents: Mapping[str, bytes], out: Path, force: bool) -> Difference:
    """The difference, if nothing forbids to write it."""
    difference = examine(contents, out)
    if difference.foreign:
        first = out / difference.foreign[0]
        raise BuildError(f"{first} was not written by the build: move it away or choose another output folder")
    if difference.edited and not force:
        first = out / difference.edited[0]
        raise BuildError(f"{first} was edited by hand since the last build: move it away or build with --force")
    return difference


def _edits(difference: Difference, contents: Mapping[str, bytes]) -> dict[str, bytes | None]:
    edits: dict[str, bytes | None] = {path: contents[path] for path in (*difference.added, *difference.changed)}
    edits.update(dict.fromkeys(difference.removed))
    if difference.manifest_changes:
        edits[MANIFEST] = difference.manifest
    return edits


def _changes(difference: Difference) -> Changes:
    return Changes(difference.added, difference.changed, difference.removed, difference.unchanged)
