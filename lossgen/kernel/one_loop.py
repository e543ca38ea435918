"""The lines of several loops over the same rows as those of a single one."""

from collections.abc import Sequence


def in_one_loop(parts: Sequence[Sequence[str]]) -> list[str]:
    """The lines of one loop in the place of several with the same head, each with lines before it or behind it."""
    head = next(line for line in parts[0] if line.startswith("for ") and all(line in part for part in parts))
    before, body, behind = [], [], []
    for part in parts:
        place = list(part).index(head)
        end = next((n for n in range(place + 1, len(part)) if not part[n].startswith(" ")), len(part))
        before += part[:place]
        body += part[place + 1 : end]
        behind += part[end:]
    return [*before, head, *body, *behind]
