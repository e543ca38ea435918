"""The journal: the steps that turn the old package into the new one, written down before the first is taken.

A step renames a staged file into place or removes a file. Each can be repeated, in whatever state a killed process
left it, so a journal can be carried out again from the start. The inverse of a journal is a journal too: its staged
files are the backups.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .disk import read_bytes, sync_folder
from .errors import BuildError
from .tree import MANIFEST, WORK, check_path, digest

NAME = "journal.json"
FORMAT = 1
_STAGED = re.compile(r"(new|old)-[0-9]+")


@dataclass(frozen=True, slots=True)
class Step:
    """One file's change: digests of its bytes before and after (None: no such file) and the name of the staged file."""

    path: str
    before: str | None
    after: str | None
    staged: str | None

    def content(self, out: Path) -> bytes | None:
        """What the file will hold once the step is done, wherever those bytes are now."""
        if self.after is None:
            return None
        waiting = read_bytes(out / WORK / self.staged) if self.staged else None
        return read_bytes(out / self.path) if waiting is None else waiting

    def take(self, out: Path) -> None:
        """Carry the step out."""
        target = out / self.path
        if self.staged is None:
            target.unlink(missing_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(out / WORK / self.staged, target)


@dataclass(frozen=True, slots=True)
class Journal:
    """Steps in the order in which they are taken."""

    steps: tuple[Step, ...]

    def to_bytes(self) -> bytes:
        """The journal as JSON; the digest shows a damaged one."""
        steps = [[step.path, step.before, step.after, step.staged] for step in self.steps]
        return json.dumps({"format": FORMAT, "steps": steps, "digest": digest(json.dumps(steps).encode())}).encode()

    def take(self, out: Path) -> None:
        """Carry out all steps and wait until the folders are on the disk."""
        for step in self.steps:
            step.take(out)
        for folder in sorted(set(self._folders(out))):
            sync_folder(folder)

    def pending(self, out: Path) -> "Journal":
        """The steps that an interrupted process had not taken yet."""
        return Journal(tuple(step for step in self.steps if _is_pending(step, out)))

    def _folders(self, out: Path) -> Iterator[Path]:
        yield out
        for step in self.steps:
            for parent in PurePosixPath(step.path).parents:
                if (out / parent).is_dir():
                    yield out / parent


def _is_pending(step: Step, out: Path) -> bool:
    return os.path.lexists(out / step.path if step.staged is None else out / WORK / step.staged)


def read_journal(out: Path) -> Journal | None:
    """The journal of an interrupted build, or None if there is none that is complete.

    A journal gets its name only after all its bytes are on the disk, so a damaged one means a damaged disk; it is
    taken for none, and the manifest then shows which files are not as they should be.
    """
    data = read_bytes(out / WORK / NAME)
    if data is None:
        return None
    try:
        parsed = json.loads(data)
        if parsed["format"] != FORMAT or parsed["digest"] != digest(json.dumps(parsed["steps"]).encode()):
            return None
        steps = tuple(Step(*fields) for fields in parsed["steps"])
        for step in steps:
            _check(step)
    except (ValueError, TypeError, KeyError, AttributeError, BuildError):
        return None
    return Journal(steps)


def _check(step: Step) -> None:
    """A journal could come from anywhere (a cloned repository): its paths are trusted no more than a caller's."""
    if step.path != MANIFEST:
        check_path(step.path)
    if (step.staged is None) != (step.after is None):
        raise ValueError("a step either removes a file or has a staged one")
    if step.staged is not None and not _STAGED.fullmatch(step.staged):
        raise ValueError("a staged file lies in the work folder itself")
