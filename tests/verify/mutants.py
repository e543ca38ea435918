"""The compiler with one mistake put into it, and what the checks then say of a loss."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lossgen.build.package import render
from lossgen.build.writer import write
from lossgen.derive import Derivation, derivation, lattice
from lossgen.derive.lattice import LatticeDerivation
from lossgen.formula import Loss
from lossgen.kernel import program
from lossgen.verify.check import Finding, check_loss, open_package

LISTS = ("STABLE", "PROTECTION", "LAST")


class Mutant:
    """What is derived from a variant, with one quantity changed; the others are not derived from the changed one."""

    def __init__(self, clean: Derivation, quantity: str, change: Callable[[Any], Any]) -> None:
        self._clean, self._quantity, self._change = clean, quantity, change

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._clean, name)
        return self._change(found) if name == self._quantity else found


def change(patch: pytest.MonkeyPatch, quantity: str, changed: Callable[[Any], Any]) -> None:
    """Kernels are printed from a derivation whose `quantity` (an attribute of `Derivation`) is changed."""
    patch.setattr(program, "Derivation", lambda *given: Mutant(Derivation(*given), quantity, changed))


def drop(patch: pytest.MonkeyPatch, rule: Callable) -> None:
    """Derivations do without the rule."""
    patch.setattr(lattice, "STABLE", tuple(r for r in lattice.STABLE if r is not rule))
    for name in LISTS:
        patch.setattr(derivation, name, tuple(r for r in getattr(derivation, name) if r is not rule))


def hurry(patch: pytest.MonkeyPatch, rule: Callable) -> None:
    """The rule is applied also to slopes that are differentiated once more."""
    patch.setattr(derivation, "LAST", tuple(r for r in derivation.LAST if r is not rule))


def fired(loss: Loss) -> set[str]:
    """The names of the rules that take part in deriving a loss."""
    names = set()
    for variant in loss.pieces:
        if variant.filled:
            steps = LatticeDerivation(loss.name, variant)
            steps.evaluate()
            for wrt in (variant.predictions, variant.differentiable):
                steps.products(wrt)
            names |= {name for name, _, _ in steps.trace.steps}
            continue
        derived = Derivation(loss.name, variant)
        _ = derived.value, derived.normalizer, derived.names, derived.gradient, derived.normalizer_gradient
        _ = derived.hessian_diagonal, derived.curvature(variant.predictions), derived.curvature(variant.differentiable)
        names |= {name for name, _, _ in derived.trace.steps}
    return names


def kernels(loss: Loss, spec: Path) -> dict[str, str]:
    """The package with this loss alone, as the compiler prints it now."""
    return render({loss.name: loss}, spec)


def findings(loss: Loss, files: Mapping[str, str], folder: Path) -> Iterator[Finding]:
    """What the checks find in a package with these files; the folder's name has to be new in this process."""
    write(files, folder)
    return check_loss(loss, open_package(folder))
