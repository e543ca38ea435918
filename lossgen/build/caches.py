"""Compiled files of modules that a build replaced or removed."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from .disk import remove_if_empty, remove_quietly
from .tree import CACHE

_BYTECODE = (".pyc",)
_ALL = (".pyc", ".nbi", ".nbc")


def forget(out: Path, changed: Iterable[str], removed: Iterable[str]) -> None:
    """Remove the bytecode of changed modules, all compiled files of removed ones, and folders that are then empty.

    Python recognises stale bytecode by the source's size and its time in whole seconds: a module that is built twice
    within a second and imported between could keep its old code. Numba looks at nanoseconds and needs no help.
    """
    for path in changed:
        _forget_module(out / path, _BYTECODE)
    for path in removed:
        _forget_module(out / path, _ALL)
        for parent in PurePosixPath(path).parents[:-1]:
            remove_if_empty(out / parent / CACHE)
            if not remove_if_empty(out / parent):
                break


def _forget_module(source: Path, suffixes: tuple[str, ...]) -> None:
    cache = source.parent / CACHE
    if source.suffix != ".py" or cache.is_symlink() or not cache.is_dir():
        return
    for file in cache.iterdir():
        if file.name.startswith(f"{source.stem}.") and file.suffix in suffixes:
            remove_quietly(file)
