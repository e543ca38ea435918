"""The page of a loss: all that a handbook says of it, as content without a format."""

from lossgen.formula import Loss

from .blocks import Items, Page, Paragraph, Section, prose
from .calls import calls
from .derived import curvature, definition, gradient, steps
from .docstring import Said, read_docstring
from .limits import limits
from .options import options
from .symbols import arguments, hyperparameters


def page(loss: Loss, package: str = "lossgen.generated") -> Page:
    """The page of a loss. `package` is the name under which users import what is generated from it.

    Raises SpecError where the loss cannot be derived.
    """
    said = read_docstring(loss.doc)
    sections = (
        _use(said),
        _notes(said),
        definition(loss),
        arguments(loss),
        hyperparameters(loss),
        options(loss),
        gradient(loss),
        curvature(loss),
        steps(loss),
        limits(loss),
        calls(loss, package),
    )
    found = tuple(section for section in sections if section is not None)
    return Page(loss.name, prose(said.purpose), family(loss), loss.paper, found)


def family(loss: Loss) -> str:
    """The folder of the formula below the project's own, as in "regression"; empty for a formula that lies in no other."""
    return "/".join(loss.function.__module__.split(".")[1:-1])


def _use(said: Said) -> Section | None:
    """What to use it for, as the author says it."""
    lines = [said.use]
    lines += [f"{word}: {text}" for word, text in (("Strength", said.strength), ("Weakness", said.weakness)) if text]
    items = tuple((Paragraph(prose(line)),) for line in lines if line)
    return Section("use", "When to use it", (Items(items),)) if items else None


def _notes(said: Said) -> Section | None:
    """What else the author says: conventions, differences from other libraries."""
    return Section("notes", "Conventions", (Paragraph(prose(said.notes)),)) if said.notes else None
