"""Python values as the text of a generated module."""

from collections.abc import Iterable
from math import inf


def quoted(text: str) -> str:
    return f'"{text}"'


def literal(value: object) -> str:
    if value in (inf, -inf):
        return f'float("{value}")'
    return quoted(value) if isinstance(value, str) else repr(value)


def tuple_of(items: Iterable[str]) -> str:
    items = list(items)
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


def block(name: str, lines: Iterable[str]) -> list[str]:
    lines = list(lines)
    return [f"{name}=(", *(f"    {line}" for line in lines), "),"] if lines else [f"{name}=(),"]
