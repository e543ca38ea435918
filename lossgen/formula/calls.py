"""The options of `@loss` that say how a loss is called: which reductions it has, what may be given by position, and by which names."""

import inspect
from collections.abc import Mapping, Sequence
from keyword import iskeyword

from .errors import SpecError

#: "mean" divides by the items' normalisers, "batchmean" by the size of dimension 0.
REDUCTIONS = ("mean", "batchmean", "sum", "none")
USUAL_REDUCTIONS = ("mean", "sum", "none")

#: PyTorch's older spelling of `reduction`, two booleans; a loss has them where `positional` lists them.
LEGACY = ("size_average", "reduce")

#: The class index that counts nothing, unless a call names another one.
IGNORE_INDEX = -100


def check_reductions(name: str, reduction: str | None, reductions: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The default reduction (the first one unless given) and all reductions.

    Raises SpecError for reductions that are unknown, repeated or none at all, and for a default that is not among them.
    """
    expected = f"expected some of {', '.join(map(repr, REDUCTIONS))}, each once"
    if isinstance(reductions, str) or not reductions or len(set(reductions)) < len(reductions):
        raise SpecError(f"{name}: reductions={reductions!r}: {expected}")
    unknown = [r for r in reductions if r not in REDUCTIONS]
    if unknown:
        raise SpecError(f"{name}: reductions has {unknown[0]!r}: {expected}")
    if reduction is not None and reduction not in reductions:
        raise SpecError(f"{name}: reduction={reduction!r}: expected one of {', '.join(map(repr, reductions))}")
    return reduction or reductions[0], tuple(reductions)


def check_positional(
    name: str, positional: Sequence[str], signature: inspect.Signature, reductions: Sequence[str], labelled: bool
) -> tuple[str, ...]:
    """The names that may be given by position in PyTorch's order.

    Args:
        name: the loss's name.
        positional: what the author wrote.
        signature: the formula's own.
        reductions: those the loss has.
        labelled: whether the loss has class indices, hence an `ignore_index`.

    Raises SpecError for an unknown or repeated name, and for a required argument that is left out or comes too late.
    """
    if isinstance(positional, str):
        raise SpecError(f"{name}: positional={positional!r}: expected a tuple of names")
    options = ["reduction"] if len(reductions) > 1 else []
    options += ["ignore_index"] if labelled else []
    options += LEGACY if set(USUAL_REDUCTIONS) <= set(reductions) else []
    required = [n for n, p in signature.parameters.items() if p.default is inspect.Parameter.empty]
    seen: list[str] = []
    for given in positional:
        if given in seen:
            raise SpecError(f"{name}: positional has {given} twice")
        if given not in signature.parameters and given not in options:
            known = ", ".join([*signature.parameters, *options])
            raise SpecError(f"{name}: positional has {given!r}, expected one of {known}")
        optional = [n for n in seen if n not in required]
        if given in required and optional:
            raise SpecError(f"{name}: positional has {given}, which must be given, after {optional[0]}, which need not")
        seen.append(given)
    missing = [n for n in required if n not in seen]
    if seen and missing:
        raise SpecError(f"{name}: positional leaves out {missing[0]}, which must be given")
    halves = [n for n in LEGACY if n in seen]
    if len(halves) == 1:
        raise SpecError(f"{name}: positional has {halves[0]} alone, expected both or neither of {' and '.join(LEGACY)}")
    return tuple(seen)


def check_forward(name: str, forward: Mapping[str, str], signature: inspect.Signature) -> dict[str, str]:
    """The names of inputs in the module's `forward`, where they are not those of the signature.

    Raises SpecError for what is not an argument that must be given, and for a name that another one has.
    """
    required = [n for n, p in signature.parameters.items() if p.default is inspect.Parameter.empty]
    for given, new in forward.items():
        if given not in required:
            raise SpecError(f"{name}: forward has {given!r}, expected one of {', '.join(required)}")
        others = [forward.get(n, n) for n in required if n != given]
        if not isinstance(new, str) or not new.isidentifier() or iskeyword(new) or new in others:
            raise SpecError(f"{name}: forward calls {given} {new!r}, expected a name of its own that Python allows")
    return dict(forward)
