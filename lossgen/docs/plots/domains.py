"""What the roles of arguments and hyperparameters make worth drawing: ranges, values of targets, values of hyperparameters."""

from collections.abc import Sequence

from lossgen.formula import Role

LOG_SHARES = "LogProbability"

#: Where predictions run, by the role's name or its domain. Ends of domains are not reached.
RANGES = {
    "Logit": (-6.0, 6.0),
    LOG_SHARES: (-6.0, 0.0),
    "real": (-3.0, 3.0),
    "not-nan": (-3.0, 3.0),
    "unit": (0.0, 1.0),
    "positive": (0.0, 5.0),
    "nonnegative": (0.0, 5.0),
    "above-minus-one": (-1.0, 5.0),
}

#: A logarithm of a probability that lies in the middle.
CENTRE = -3.0

#: The values of targets, the most ordinary one first.
TARGETS = {
    "binary": (1.0, 0.0),
    "sign": (1.0, -1.0),
    "unit": (1.0, 0.5, 0.0),
    "not-nan": (1.0, -1.0, 2.0),
    "nonnegative": (1.0, 0.0, 3.0),
    "above-minus-one": (1.0, 0.0, 3.0),
    "label-list": (1.0, 0.0),
}

#: The same beside logarithms of probabilities: targets that are probabilities, and those that are logarithms.
SHARE_TARGETS = {"share": (0.5, 0.1, 1.0), "real": (-2.0, -1.0, -4.0)}

#: Values of another prediction beside the one that is drawn.
COMPANIONS = {
    "real": (0.0, 1.0, 2.0),
    "unit": (0.5, 0.1, 0.9),
    "positive": (0.5, 1.0, 2.0),
    "nonnegative": (0.25, 1.0, 4.0),
    "above-minus-one": (0.0, 1.0, 3.0),
}

#: A distribution over a few classes; weights of classes that differ.
SHARES = (0.6, 0.3, 0.1, 0.05)
WEIGHTS = (2.0, 1.0, 0.5)

#: Rows of entries beside the one that is drawn, by kind and domain.
ROWS: dict[str, Sequence] = {
    "embedding": ((0.0, 0.3), (1.0, 0.0), (-1.0, 0.0)),
    "target unit": (1.0, 1.0, 0.0),
    "unit": (0.5, 0.8, 0.2),
    "target not-nan": (0.0,),
    "real": (0.0,),
}


def span(role: Role, scale: float = 1.0) -> tuple[float, float]:
    """The ends of the range of a prediction."""
    low, high = RANGES.get(role.name) or RANGES[role.domain]
    return low * scale if low < -1 else low, high * scale if role.domain != "unit" else high


def typical(role: Role) -> float:
    """A number that the argument may well be, where it is not the one that is drawn."""
    if role.kind == "weight":
        return 1.0
    if role.name == LOG_SHARES:
        return CENTRE
    if role.kind == "prediction":
        return {"real": 0.0, "unit": 0.5}.get(role.domain, 1.0)
    return 0.0 if role.domain == "not-nan" else TARGETS.get(role.domain, (1.0,))[0]


def beside(role: Role, default: float, factor: float) -> list[float]:
    """Values of a hyperparameter around its default, a factor apart, within its domain."""
    domain = role.domain
    if domain == "unit":
        return sorted({0.0, 0.1, 0.3} if default == 0 else {0.1, 0.5, 0.9, default})
    if domain == "between-1-and-2":
        return sorted({1.2, 1.5, 1.8, default})
    if default == 0:
        return [0.0, 0.25 * factor, 0.5 * factor]
    around = [default / factor, default, default * factor]
    if factor > 3:
        around = (
            [default, default * factor]
            if default * factor <= 10
            else [default / factor, default / factor**0.5, default]
        )
        around = [float(f"{value:.1g}") if value != default else value for value in around]
    return sorted([0.0, *around] if domain == "nonnegative" else around)
