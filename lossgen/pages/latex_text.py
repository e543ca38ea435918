"""Text and code in LaTeX: Unicode characters as commands, what LaTeX reads as a command as a character."""

import re
from unicodedata import normalize

from pylatexenc.latexencode import RULE_DICT, UnicodeToLatexConversionRule, UnicodeToLatexEncoder

#: Where pylatexenc's choice reads badly: a raised dot, a root without its number, characters that it does not know.
_OWN = {
    "·": r"\ensuremath{\cdot}",
    "√": r"\ensuremath{\surd}",
    "″": r"\ensuremath{''}",
    "→": r"\ensuremath{\to}",
    "×": r"\ensuremath{\times}",
    "|": r"\ensuremath{|}",
    "ℓ": r"\ensuremath{\ell}",
    "\u00a0": "~",
    "\u200b": "",
}
_HATS = {"\u0302": "hat", "\u0304": "bar", "\u0303": "tilde"}
_HATTED = re.compile(f"(.)([{''.join(_HATS)}])")

_encoder = UnicodeToLatexEncoder(
    conversion_rules=[
        UnicodeToLatexConversionRule(RULE_DICT, {ord(c): tex for c, tex in _OWN.items()}),
        "defaults",
    ],
    unknown_char_policy="replace",
    unknown_char_warning=False,
    replacement_latex_protection="braces-after-macro",
)


def latex_text(text: str) -> str:
    r"""The text, with characters that no font has as a question mark.

    >>> latex_text('50 % of "x" − σ²')
    "50 \\% of ``x'' \\ensuremath{-} \\ensuremath{\\sigma}\\texttwosuperior{}"
    """
    found, at = [], 0
    text = normalize("NFC", text)
    for match in _HATTED.finditer(text):
        letter = _encoder.unicode_to_latex(match.group(1)).replace(r"\ensuremath", "")
        found += [_plain(text[at : match.start()]), rf"\ensuremath{{\{_HATS[match.group(2)]}{{{letter}}}}}"]
        at = match.end()
    return "".join([*found, _plain(text[at:])])


def _plain(text: str) -> str:
    parts = re.split(r'"([^"]*)"', text)
    encoded = map(_encoder.unicode_to_latex, parts)
    return "".join(f"``{part}''" if odd % 2 else part for odd, part in enumerate(encoded))


def latex_code(text: str) -> str:
    r"""Code in a line of text; it may be broken after an underscore, a comma and an opening bracket."""
    found = "".join(_CODE.get(c, c) if c.isascii() else _encoder.unicode_to_latex(c) for c in text)
    return rf"\texttt{{{found}}}"


_CODE = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "_": r"\_\allowbreak{}",
    "(": r"(\allowbreak{}",
    "#": r"\#",
    "$": r"\$",
    "%": r"\%",
    "&": r"\&",
    "^": r"\^{}",
    "~": r"\~{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "-": r"{-}",
}
