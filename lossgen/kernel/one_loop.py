"""The lines of several loops over the same rows as those of a single one."""

from collections.abc import Sequence


def in_one_loop(head: str, parts: Sequence[Sequence[str]]) -> list[str]:
    """The lines of one loop in the place of several, each with this head, and with lines before it or behind it."""
    before, body, behind = [], [], []
    for part in parts:
        place = list(part).index(head)
        end = next((n for n in range(place + 1, len(part)) if not part[n].startswith(" ")), len(part))
        before += part[:place]
        body += part[place + 1 : end]
        behind += part[end:]
    return [*before, head, *body, *behind]
