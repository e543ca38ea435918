"""Names as they are set in formulas: Greek letters, one letter with a subscript, words in italics."""

LOWER = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega"
UPPER = "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
GREEK = frozenset(f"{LOWER} {UPPER}".split())

#: Short names that stand for a Greek letter.
SPELT = {"lam": "lambda", "eps": "varepsilon", "epsilon": "varepsilon"}


def set_name(name: str, *subscripts: str, accent: str = "") -> str:
    r"""The name in LaTeX, with further subscripts: gamma is \gamma, p_t is p_{t}, input is \mathit{input}."""
    stem, *rest = [part for part in name.split("_") if part] or [name]
    letters, digits = _apart(stem)
    if rest and (len(rest) > 1 or not _is_letter(letters)):
        (letters, digits), rest = _apart(name.strip("_")), []
    below = [*([digits] if digits else []), *map(set_name, rest), *subscripts]
    word = _letter(letters) if _is_letter(letters) else rf"\mathit{{{escaped(letters)}}}"
    word = rf"{accent}{{{word}}}" if accent else word
    return rf"{word}_{{{','.join(below)}}}" if below else word


def escaped(name: str) -> str:
    """The name as LaTeX has it, without a subscript."""
    return name.replace("_", r"\_")


def _apart(word: str) -> tuple[str, str]:
    """The letters and the digits at the end."""
    letters = word.rstrip("0123456789")
    return (letters, word[len(letters) :]) if letters else (word, "")


def _is_letter(word: str) -> bool:
    return len(word) == 1 or word in GREEK or word in SPELT


def _letter(word: str) -> str:
    return word if len(word) == 1 else rf"\{SPELT.get(word, word)}"
