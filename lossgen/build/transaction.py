"""Change many files of a folder as one: stage, journal, rename.

The new files and second names (hard links) of the old ones are put into the work folder first, and all of it is on the
disk before the journal gets its name. That rename is the moment of decision: a process that dies before it has changed
nothing, and what one that dies after it left undone the next build does. If a step *fails*, the inverse journal takes
the journal's place and is carried out; it was staged with the rest, so that going back needs no space on the disk.
"""

import contextlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .caches import forget
from .disk import link_or_copy, read_bytes, sync_folder, write_synced
from .errors import BuildError
from .journal import NAME as JOURNAL
from .journal import Journal, Step, read_journal
from .lock import NAME as LOCK
from .tree import MANIFEST, WORK, digest

_UNDO = "undo.json"
_DRAFT = "draft.json"


@dataclass(frozen=True, slots=True)
class Edit:
    """A file's bytes before and after (None: no such file)."""

    path: str
    before: bytes | None
    after: bytes | None


def commit(out: Path, before: Mapping[str, bytes], after: Mapping[str, bytes | None]) -> None:
    """Give the files in `after` these bytes (None: remove) in folder `out`, whose lock is held.

    before: the bytes of those that exist.

    Raises BuildError if it cannot be done; the files are then as they were.
    """
    work = out / WORK
    edits = sorted((Edit(path, before.get(path), data) for path, data in after.items()), key=_order)
    try:
        journal, undo = _stage(out, work, edits)
        os.replace(work / _DRAFT, work / JOURNAL)
        _carry_out(out, journal, undo)
    except OSError as error:
        place = error.filename2 or out
        raise BuildError(f"{place}: cannot be written ({error.strerror or error}); the package is as it was") from error
    finally:
        if read_journal(out) is None:
            clean(work)


def recover(out: Path, force: bool) -> None:
    """Finish or discard what an interrupted build left in folder `out`, whose lock is held.

    Raises BuildError if a file to be replaced was edited since, unless `force` is given.
    """
    journal = read_journal(out)
    if journal is not None:
        pending = journal.pending(out)
        for step in pending.steps:
            _check_untouched(out, step, force)
        _finish(out, pending)
    clean(out / WORK)


def clean(work: Path) -> None:
    """Remove all but the lock from the work folder; what cannot be removed now is removed by the next build."""
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(work)):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            elif entry.name != LOCK:
                os.unlink(entry.path)


def _order(edit: Edit) -> tuple[int, int, bool, str]:
    """First new files, then changed, then removed ones, each from the inside out; the manifest last.

    So at no moment does an `__init__.py` name a module that is not there, unless one build both changes it and
    removes a module that its old text names.
    """
    kind = 3 if edit.path == MANIFEST else 2 if edit.after is None else 0 if edit.before is None else 1
    parts = PurePosixPath(edit.path)
    return kind, -len(parts.parts), parts.name == "__init__.py", edit.path


def _stage(out: Path, work: Path, edits: list[Edit]) -> tuple[Journal, Journal]:
    """Put new files, old files and both journals on the disk; gives the journal and its inverse."""
    steps, inverse = [], []
    for number, edit in enumerate(edits):
        new, old = f"new-{number}", f"old-{number}"
        if edit.after is not None:
            write_synced(work / new, edit.after)
        if edit.before is not None:
            link_or_copy(out / edit.path, work / old)
        was, becomes = _digest(edit.before), _digest(edit.after)
        steps.append(Step(edit.path, was, becomes, new if becomes else None))
        inverse.append(Step(edit.path, becomes, was, old if was else None))
    journal, undo = Journal(tuple(steps)), Journal(tuple(reversed(inverse)))
    write_synced(work / _UNDO, undo.to_bytes())
    write_synced(work / _DRAFT, journal.to_bytes())
    sync_folder(work)
    return journal, undo


def _carry_out(out: Path, journal: Journal, undo: Journal) -> None:
    """Take all steps; whatever stops them (an error, Ctrl-C), take those back that were done."""
    done = False
    try:
        sync_folder(out / WORK)
        _finish(out, journal)
        done = True
    finally:
        if not done:
            _take_back(out, undo)


def _finish(out: Path, journal: Journal) -> None:
    journal.take(out)
    removed = [step.path for step in journal.steps if step.after is None]
    forget(out, [step.path for step in journal.steps if step.after is not None], removed)
    os.unlink(out / WORK / JOURNAL)


def _take_back(out: Path, undo: Journal) -> None:
    try:
        os.replace(out / WORK / _UNDO, out / WORK / JOURNAL)
        _finish(out, undo)
    except OSError as error:
        raise BuildError(
            f"{out} is half written, and its old files could not be put back ({error.strerror or error}); "
            "the next build completes it"
        ) from error


def _check_untouched(out: Path, step: Step, force: bool) -> None:
    target = out / step.path
    folders = [out / parent for parent in PurePosixPath(step.path).parents[:-1]]
    if any(os.path.islink(path) for path in (*folders, target)):
        raise BuildError(f"{target} is, or lies behind, a symbolic link that the build did not make: move it away")
    if _digest(read_bytes(target)) in (None, step.before, step.after):
        return
    if step.before is None:
        raise BuildError(f"{target} was not written by the build: move it away")
    if not force:
        raise BuildError(f"{target} was edited by hand since the last build: move it away or build with --force")


def _digest(data: bytes | None) -> str | None:
    return None if data is None else digest(data)
