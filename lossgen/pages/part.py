"""What is packed into lines: a term, a factor, an argument."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .fold import Fold

#: How far a line is set in, and its text.
Line = tuple[int, str]
Broken = Callable[["Fold", str, str, int], "list[Line] | None"]


class Part:
    """A part of what is packed into lines: its text, what precedes it, and how it is broken itself."""

    def __init__(
        self,
        text: str,
        link: Callable[[str], str],
        start: str,
        broken: Broken | None,
        first: str = "",
        tail: str = "",
    ) -> None:
        self.text, self.link, self.start, self.broken, self.first, self.tail = text, link, start, broken, first, tail
