"""What is packed into lines: a term, a factor, an argument."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .fold import Fold

#: How far a line is set in for each bracket around it, in points.
INDENT = 10.0

#: For how many brackets a line is set in, and its text.
Line = tuple[int, str]
Broken = Callable[["Fold", str, str, int], "list[Line] | None"]


@dataclass(frozen=True)
class Part:
    """A part of what is packed into lines.

    link : what stands between the line so far and the text.  start : what stands before it on a line of its own.
    broken : how it is broken itself.  first : what stands before it where it is the first.  tail : after it, but for the last.
    """

    text: str
    link: Callable[[str], str]
    start: str
    broken: Broken
    first: str = ""
    tail: str = ""
