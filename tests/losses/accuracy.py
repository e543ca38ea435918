"""How far a generated loss is from its raw formula in wide arithmetic, on inputs that a test makes up."""

from pathlib import Path

import numpy as np

import lossgen
from lossgen import generated
from lossgen.formula.load import load_losses
from lossgen.verify.comparison import Figure, compare
from lossgen.verify.sampling import settings
from lossgen.verify.surfaces import OnArrays

LOSSES = load_losses(Path(lossgen.__file__).parent.parent / "spec")


def figures(
    name: str,
    arrays: dict[str, np.ndarray],
    parameters: dict[str, float] | None = None,
    variant: int = 0,
    dtype: type = np.float32,
    second: bool = False,
) -> list[Figure]:
    """The figures of value and gradients (with `second` those of the curvature too); absent weights are ones,
    absent parameters at their defaults."""
    loss = LOSSES[name]
    chosen = loss.variants[variant]
    given = [arrays[a.name] for a in chosen.arguments if a.role.layout in ("row", "item")]
    shapes = {"shared": given[0].shape[-1:], "broadcast": given[0].shape[:1]}
    arrays = {a.name: arrays[a.name] if a.name in arrays else np.ones(shapes[a.role.layout]) for a in chosen.arguments}
    given = settings(loss, chosen)[0] | (parameters or {})
    found = compare(loss, chosen, [OnArrays(getattr(generated, name))], arrays, given, dtype)
    return [f for f in found if second or not f.quantity.startswith("Hessian")]


def worst(found: list[Figure]) -> float:
    """The largest error of an entry held to units in the last place; infinite where what should be finite is not."""
    return max(float("inf") if f.nonfinite else f.worst for f in found)
