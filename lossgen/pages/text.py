"""Pieces of LaTeX beside each other."""

from collections.abc import Iterable

from .widths import is_tall


def bracket(text: str) -> str:
    return rf"\left({text}\right)" if is_tall(text) else f"({text})"


def joined(terms: Iterable[str]) -> str:
    """The terms as a sum."""
    found = ""
    for text in terms:
        found += text if not found else f" - {text[1:].lstrip()}" if text.startswith("-") else f" + {text}"
    return found


def beside(left: str, right: str) -> str:
    """What stands between factors, and the second one: nothing after a number unless a word follows."""
    return right if left.isdigit() and not right.startswith((r"\mathit", r"\frac")) else rf" \, {right}"
