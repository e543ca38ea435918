"""Make the build's system calls fail, or end its process, at a chosen one of them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

CALLS = ("fsync", "replace", "link", "unlink", "mkdir", "rmdir", "open")


@contextmanager
def before_call(act: Callable[[int, str], None], names: tuple[str, ...] = CALLS) -> Iterator[list[str]]:
    """Call `act(number, name)` before every one of these functions of `os`; gives the list of calls so far."""
    made: list[str] = []

    def watched(name: str) -> Callable[..., object]:
        original = getattr(os, name)

        def call(*arguments: object, **keywords: object) -> object:
            made.append(name)
            act(len(made) - 1, name)
            return original(*arguments, **keywords)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setattr(os, name, watched(name))
        yield made


def run_killed(work: Callable[[], object], at: int) -> bool:
    """Do the work in a child process that ends, without a chance to clean up, before system call number `at`.

    True if it ended so, False if the work was done before.
    """
    child = os.fork()
    if child == 0:

        def end(number: int, _: str) -> None:
            if number == at:
                os._exit(9)

        code = 1
        try:
            with before_call(end):
                work()
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9)
    return code == 9
