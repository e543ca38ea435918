"""The docstring of a loss on its public surfaces: the author's text, the formula, a line for every argument."""

from collections.abc import Sequence

from lossgen.formula import Loss, Role
from lossgen.formula.calls import IGNORE_INDEX
from lossgen.formula.recurrence import Lattice
from lossgen.pages.shapes import shape

from .batches import Batches


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
    lattices = {node for variant in loss.pieces for node in variant.expression.atoms(Lattice)}
    for lattice in sorted(lattices, key=str):
        cell = ", ".join(map(str, lattice.indices))
        lines.append(f"    {lattice.name}[{cell}] = {lattice.cell}, and {lattice.outside} outside")
    lines += ["", "Parameters", "----------"]
    for argument in loss.variants[0].arguments:
        choices = [next(a for a in v.arguments if a.name == argument.name).role for v in loss.variants]
        meaning = "; or ".join(f"{shape(role)}: {role.meaning}" for role in dict.fromkeys(choices))
        lines.append(f"{argument.name} : {meaning}{_default(argument.role, loss.default(argument.name))}")
    for name, role in loss.settings.items():
        lines.append(f"{name} : {role.meaning} (default {loss.default(name)})")
    if any(v.labels for v in loss.variants):
        lines.append(f"ignore_index : items with this class index count nothing (default {IGNORE_INDEX})")
    lines += [*Batches(loss).documentation, *further]
    if loss.paper:
        lines += ["", f"Source: {loss.paper}"]
    return lines


def _default(role: Role, default: object) -> str:
    """What an argument that is left out stands for; of a length it is the number −1 that no user sees."""
    if default is None:
        return ""
    return " (default: all of them)" if role.layout == "length" else f" (default {default})"
