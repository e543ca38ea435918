"""The docstring of a loss on its public surfaces: the author's text, the formula, a line for every argument."""

from collections.abc import Sequence

from lossgen.formula import Loss, Role

from .batches import Batches
from .schema import IGNORE_INDEX


def documentation(loss: Loss, further: Sequence[str] = ()) -> list[str]:
    """The author's text, the formula, and a line for every argument; `further` lines on arguments of one target."""
    lines = [
        *loss.doc.splitlines(),
        "",
        f"Formula, per item{' of each batch' if loss.batches else ''}:",
        "",
    ]
    for variant in loss.pieces:
        lines.append(f"    {variant.expression}" + (f"    ({variant.label})" if variant.label else ""))
    lines += ["", "Parameters", "----------"]
    for argument in loss.variants[0].arguments:
        choices = [next(a for a in v.arguments if a.name == argument.name).role for v in loss.variants]
        meaning = "; or ".join(f"{_shape(role)}: {role.meaning}" for role in dict.fromkeys(choices))
        default = loss.default(argument.name)
        lines.append(f"{argument.name} : {meaning}" + (f" (default {default})" if default is not None else ""))
    for name, role in loss.settings.items():
        lines.append(f"{name} : {role.meaning} (default {loss.default(name)})")
    if any(v.labels for v in loss.variants):
        lines.append(f"ignore_index : items with this class index count nothing (default {IGNORE_INDEX})")
    lines += [*Batches(loss).documentation, *further]
    if loss.paper:
        lines += ["", f"Source: {loss.paper}"]
    return lines


#: How an argument with an axis is laid out, by the place of the axis.
LAYOUTS = {
    "class": "(N, {name}, …)",
    "features": "(N, …), the dimensions after the first forming {name}",
    "last": "(…, {name})",
}


def _shape(role: Role) -> str:
    """The shape of an argument, in words."""
    if role.axis is None:
        return "broadcasts to the items" if role.layout == "broadcast" else "one number per item"
    if role.layout == "shared":
        return f"({role.axis.name},)"
    if role.integer:
        return f"one integer per item, over {role.axis.name}"
    shape = LAYOUTS[role.axis.place].format(name=role.axis.name)
    return f"broadcasts to {shape}" if role.broadcast else shape
