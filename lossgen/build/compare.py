"""What `build --check` reports: which files of an output package are not what the formulas give now."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .difference import Difference, examine
from .errors import BuildError
from .tree import MANIFEST, encode


@dataclass(frozen=True, slots=True)
class Comparison:
    """An output folder against the wanted text. The tuples hold relative POSIX paths, sorted.

    stale: files with other bytes than a build would write.  missing: files that are not there.
    left_over: files of an earlier build that a build would remove.
    edited: those of the stale and left-over files that were edited since the build wrote them.
    foreign: files that no build wrote (at most the first 20); a build would refuse to touch the folder.

    The manifest is among the stale or missing files only if all others are as they should be.
    """

    stale: tuple[str, ...]
    missing: tuple[str, ...]
    left_over: tuple[str, ...]
    edited: tuple[str, ...]
    foreign: tuple[str, ...]
    _out: Path = field(repr=False)
    _old: Mapping[str, bytes] = field(repr=False)
    _new: Mapping[str, bytes] = field(repr=False)

    @property
    def up_to_date(self) -> bool:
        """True if a build would change nothing."""
        return not (self.stale or self.missing or self.left_over or self.foreign)

    def diff(self) -> str:
        """A unified diff from the files on the disk to those a build would write (`patch -p1` in the folder's parent).

        Foreign files are not in it. Empty if the package is up to date.
        """
        paths = sorted({*self.stale, *self.missing, *self.left_over})
        return "".join(line for path in paths for line in self._diff(path))

    def _diff(self, path: str) -> Iterator[str]:
        old, new = self._old.get(path), self._new.get(path)
        name = f"{self._out.absolute().name}/{path}"
        old_name = "/dev/null" if old is None else f"a/{name}"
        new_name = "/dev/null" if new is None else f"b/{name}"
        return _unified(old, new, old_name, new_name)


def compare(files: Mapping[str, str], out: Path) -> Comparison:
    """Compare the output package in folder `out` with `files` (relative POSIX path -> text). Writes nothing, ever.

    An interrupted build counts as finished if it had got as far as replacing files, else as not begun.

    Raises BuildError if `out` is not a folder or cannot be read, or a path in `files` leads out of it.
    """
    out = Path(out)
    contents = encode(files)
    try:
        difference = examine(contents, out)
    except OSError as error:
        raise BuildError(f"{error.filename or out}: cannot be read ({error.strerror})") from error
    return _comparison(difference, contents, out)


def _comparison(difference: Difference, contents: Mapping[str, bytes], out: Path) -> Comparison:
    stale, missing = difference.changed, difference.added
    if difference.manifest_changes and not (stale or missing or difference.removed or difference.foreign):
        if MANIFEST in difference.old:
            stale = (MANIFEST,)
        else:
            missing = (MANIFEST,)
    new = {**contents, MANIFEST: difference.manifest}
    return Comparison(
        stale, missing, difference.removed, difference.edited, difference.foreign, out, difference.old, new
    )


def _unified(old: bytes | None, new: bytes | None, old_name: str, new_name: str) -> Iterator[str]:
    lines = list(difflib.unified_diff(_lines(old), _lines(new), old_name, new_name))
    if not lines:  # one of the two is empty, the other is not there
        yield f"--- {old_name}\n+++ {new_name}\n"
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(data: bytes | None) -> list[str]:
    r"""Lines with their ends, divided at `\n` alone; a form feed or U+2028 does not end a line of a diff."""
    if not data:
        return []
    parts = data.decode(errors="replace").split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
