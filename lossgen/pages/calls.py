"""How to call a loss: short programs for NumPy, PyTorch and JAX that run as they stand."""

from collections.abc import Iterable

from lossgen.formula import Loss
from lossgen.formula.symbols import Argument

from .blocks import Listing, Section
from .samples import NUMPY, TORCH, Library, batch_sizes
from .variants import by_default

#: The longest line of a program.
WIDTH = 90


def calls(loss: Loss, package: str) -> Section:
    """The section: `package` is the name under which the generated package is imported."""
    listings = (_numpy(loss, package), _torch(loss, package), _jax(loss, package))
    return Section("calls", "How to call it", tuple(Listing("python", text) for text in listings))


def _numpy(loss: Loss, package: str) -> str:
    lines = ["import numpy as np", f"from {package} import {loss.name}", "", *_drawn(loss, NUMPY)]
    call = _called(f"value, gradient = {loss.name}.value_and_grad", [*_names(_required(loss)), *_reduced(loss)])
    return "\n".join([*lines, call])


def _torch(loss: Loss, package: str) -> str:
    held = [a for a in _required(loss) if a.role.kind == "weight"]
    given = [a for a in _required(loss) if a not in held]
    lines = ["import torch", f"from {package}.torch import {loss.module}", "", *_drawn(loss, TORCH)]
    lines.append(_called(f"criterion = {loss.module}", [*(f"{n}={n}" for n in _names(held)), *_reduced(loss)]))
    return "\n".join([*lines, _called("criterion", _names(given)) + ".backward()"])


def _jax(loss: Loss, package: str) -> str:
    required = _required(loss)
    lines = ["import jax", "import numpy as np", f"from {package}.jax import {loss.name}", "", *_drawn(loss, NUMPY)]
    chosen = tuple(i for i, a in enumerate(required) if a.role.kind == "prediction")
    places = "" if chosen == (0,) else f", argnums={chosen if len(chosen) > 1 else chosen[0]}"
    head = f"value, gradient = jax.value_and_grad({loss.name}{places})"
    return "\n".join([*lines, _called(head, [*_names(required), *_reduced(loss)])])


def _called(head: str, arguments: list[str]) -> str:
    """The call, its arguments on a line of their own where it would be too long."""
    line = f"{head}({', '.join(arguments)})"
    return line if len(line) <= WIDTH else f"{head}(\n    {', '.join(arguments)}\n)"


def _drawn(loss: Loss, library: Library) -> list[str]:
    """A line for each argument that must be given, and one that starts the random numbers."""
    variant = next(v for v in loss.variants if by_default(loss, v))
    lines = [library.start] if library.start else []
    for position, batch in enumerate(loss.batches or ("",)):
        sizes = batch_sizes(variant, position)
        lines += [
            library.draw(a.name, a.role, sizes, loss.default(a.role.barred) if a.role.barred else None)
            for a in variant.arguments
            if a.role.batch == batch and loss.default(a.name) is None
        ]
    return lines


def _required(loss: Loss) -> list[Argument]:
    return [a for a in loss.variants[0].arguments if loss.default(a.name) is None]


def _names(arguments: Iterable[Argument]) -> list[str]:
    return [a.name for a in arguments]


def _reduced(loss: Loss) -> list[str]:
    """The reduction, where the default one gives no single number."""
    return ['reduction="mean"'] if loss.reduction == "none" else []
