"""Signs of LaTeX as Unicode."""

from pylatexenc.latex2text import get_default_latex_context_db

#: Where pylatexenc's choice reads badly in a terminal, and commands that it does not know.
_OWN = {
    **{"epsilon": "ε", "phi": "φ", "prime": "′", "mid": "∣", "colon": ":", "coloneqq": "≔", "gets": "←", "iff": "⇔"},
    **{"ne": "≠", "lt": "<", "gt": ">", "land": "∧", "lor": "∨", "neg": "¬", "|": "‖", "lbrack": "[", "rbrack": "]"},
}
_KNOWN = get_default_latex_context_db()

#: Names of functions, which are set apart from what follows.
FUNCTIONS = {
    **{name: name for name in ("log", "ln", "exp", "sin", "cos", "tan", "tanh", "sinh", "cosh", "arctan")},
    **{"bmod": "mod"},
}

#: Operators with something below them: what they run over.
LARGE = {"sum": "∑", "prod": "∏", "int": "∫"} | {name: name for name in ("max", "min", "sup", "inf", "lim")}

#: Commands that are white space, and how much of it.
SPACES = {",": 1, ":": 1, ";": 1, "!": 0, " ": 1, "enspace": 1, "quad": 2, "qquad": 4}

FONTS = {
    *("mathrm", "mathit", "mathbf", "mathtt", "mathsf", "mathcal", "mathbb", "mathnormal", "boldsymbol"),
    *("text", "textrm", "textit", "texttt", "textbf", "mbox"),
}

DOUBLE = {"R": "ℝ", "N": "ℕ", "Z": "ℤ", "E": "𝔼", "P": "ℙ", "Q": "ℚ"}
#: Marks that follow their letter.
ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303", "overline": "\u0305", "dot": "\u0307"}
FRACTIONS = {"1/2": "½", "1/3": "⅓", "2/3": "⅔", "1/4": "¼", "3/4": "¾"}

_RAISED = dict(zip("0123456789+−=()nij", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱʲ", strict=True))
_LOWERED = dict(zip("0123456789+−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎", strict=True))


def glyph_of(token: str) -> str:
    """The sign of a token: a character, or a command with its backslash."""
    if token == "-":
        return "−"
    return command_glyph(token[1:]) if token.startswith("\\") else token


def command_glyph(name: str) -> str:
    """The sign of a command, or its name if it is none."""
    found = _OWN.get(name) or getattr(_KNOWN.get_macro_spec(name), "simplify_repl", None)
    return found if isinstance(found, str) and len(found) == 1 and found.isprintable() else name


def in_font(font: str, text: str) -> str:
    """A text in a font: double-struck letters have signs of their own."""
    return "".join(DOUBLE.get(letter, letter) for letter in text) if font == "mathbb" else text


def raised(text: str) -> str | None:
    """The text in superscript signs, if there are some for all of it."""
    return "".join(map(_RAISED.__getitem__, text)) if text and set(text) <= _RAISED.keys() else None


def lowered(text: str) -> str | None:
    """The text in subscript signs, if there are some for all of it."""
    return "".join(map(_LOWERED.__getitem__, text)) if text and set(text) <= _LOWERED.keys() else None
