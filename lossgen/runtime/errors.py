"""The errors a user can meet: one line each, naming the loss, the argument, what was given and what is expected."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LossError(ValueError):
    """A loss was called with something it cannot take: a wrong shape, a label out of range, and the like."""


class LossTypeError(LossError, TypeError):
    """A loss was called with values of a type it cannot take: strings, complex numbers, mixed precisions, ..."""


def choose(loss: str, what: str, given: object, known: Iterable[str]) -> LossError:
    """The error for a name that is not one of `known`, with the closest known name where there is one."""
    names = list(known)
    close = difflib.get_close_matches(str(given), names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return LossError(f"{loss}: {what} is {given!r}, expected one of {', '.join(map(repr, names))}{hint}")
