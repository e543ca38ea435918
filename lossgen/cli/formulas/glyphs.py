"""Signs of LaTeX as Unicode."""

from html.entities import name2codepoint

from lossgen.pages.names import GREEK

GLYPHS = {name: chr(name2codepoint[name]) for name in GREEK} | {
    **{"varepsilon": "ε", "varphi": "φ", "vartheta": "ϑ"},
    **{"cdot": "·", "times": "×", "ast": "∗", "circ": "∘", "odot": "⊙", "pm": "±", "mp": "∓", "div": "÷"},
    **{"le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠", "neq": "≠", "lt": "<", "gt": ">", "equiv": "≡"},
    **{"approx": "≈", "sim": "∼", "propto": "∝", "ll": "≪", "gg": "≫", "coloneqq": "≔", "in": "∈", "notin": "∉"},
    **{"to": "→", "rightarrow": "→", "leftarrow": "←", "gets": "←", "mapsto": "↦", "Rightarrow": "⇒", "iff": "⇔"},
    **{"wedge": "∧", "land": "∧", "vee": "∨", "lor": "∨", "neg": "¬", "lnot": "¬", "forall": "∀", "exists": "∃"},
    **{"infty": "∞", "partial": "∂", "nabla": "∇", "ell": "ℓ", "emptyset": "∅", "subset": "⊂", "cup": "∪", "cap": "∩"},
    **{"ldots": "…", "dots": "…", "cdots": "⋯", "vdots": "⋮", "prime": "′", "top": "⊤", "mid": "∣", "colon": ":"},
    **{"lvert": "|", "rvert": "|", "vert": "|", "lVert": "‖", "rVert": "‖", "Vert": "‖", "|": "‖"},
    **{"lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "langle": "⟨", "rangle": "⟩"},
    **{"lbrace": "{", "rbrace": "}", "lbrack": "[", "rbrack": "]", "backslash": "\\"},
}

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
    name = token.removeprefix("\\")
    return GLYPHS.get(name, name) if token.startswith("\\") else token


def in_font(font: str, text: str) -> str:
    """A text in a font: double-struck letters have signs of their own."""
    return "".join(DOUBLE.get(letter, letter) for letter in text) if font == "mathbb" else text


def raised(text: str) -> str | None:
    """The text in superscript signs, if there are some for all of it."""
    return "".join(map(_RAISED.__getitem__, text)) if text and set(text) <= _RAISED.keys() else None


def lowered(text: str) -> str | None:
    """The text in subscript signs, if there are some for all of it."""
    return "".join(map(_LOWERED.__getitem__, text)) if text and set(text) <= _LOWERED.keys() else None
