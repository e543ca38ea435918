"""What an author says of a loss in its docstring, taken apart.

>>> said = read_docstring("The squared error.\\n\\nUse it for prices. Strength: simple. Weakness: outliers. At 0 it is 0.")
>>> said.use, said.notes
('Use it for prices.', 'At 0 it is 0.')
"""

import re
from dataclasses import dataclass

#: Between two sentences: the second starts with a capital letter, or with code.
_BETWEEN = re.compile(r"(?<=[.!?])\s+(?=[A-Z`(])")

#: The words that the parts of a docstring start with.
USE, STRENGTH, WEAKNESS = "Use it ", "Strength: ", "Weakness: "


@dataclass(frozen=True)
class Said:
    """The parts of a docstring; each may be empty.

    purpose : its first paragraph.
    use, strength, weakness : the sentences that start with "Use it", "Strength:", "Weakness:"; the latter without the word.
    notes : all other sentences.
    """

    purpose: str = ""
    use: str = ""
    strength: str = ""
    weakness: str = ""
    notes: str = ""


def read_docstring(doc: str) -> Said:
    """The parts of a docstring, lines joined."""
    first, _, rest = doc.partition("\n\n")
    parts: dict[str, list[str]] = {USE: [], STRENGTH: [], WEAKNESS: [], "": []}
    for sentence in _BETWEEN.split(" ".join(rest.split())):
        start = next((word for word in (USE, STRENGTH, WEAKNESS) if sentence.startswith(word)), "")
        if sentence:
            parts[start].append(sentence if start == USE else sentence.removeprefix(start))
    use, strength, weakness, notes = (" ".join(sentences) for sentences in parts.values())
    return Said(" ".join(first.split()), use, strength, weakness, notes)
