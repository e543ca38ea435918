"""The source of a loss as an entry of a bibliography."""

import re
from hashlib import sha256


def reference_key(reference: str) -> str:
    """The name by which pages cite it: first author, year, and letters that tell two of the same year apart.

    >>> reference_key("Lin et al. 2017, Focal Loss for Dense Object Detection, arXiv:1708.02002, eq. 5")
    'lin2017-a00a'
    """
    author = re.match(r"[^\W\d_]+", reference)
    year = re.search(r"\b(1[5-9]|20)\d\d\b", reference)
    name = (author.group().lower() if author else "source").encode("ascii", "ignore").decode()
    return f"{name}{year.group() if year else ''}-{sha256(reference.encode()).hexdigest()[:4]}"


def linked(reference: str) -> list[tuple[str, str]]:
    """The text in parts, each with the address it leads to, or with none."""
    parts = re.split(r"(arXiv:\d{4}\.\d{4,5})", reference)
    return [(part, _address(part)) for part in parts if part]


def _address(part: str) -> str:
    return f"https://arxiv.org/abs/{part.removeprefix('arXiv:')}" if part.startswith("arXiv:") else ""
