"""The tables of a loss's arguments and of its hyperparameters."""

from collections.abc import Iterator, Sequence

from lossgen.formula import Axis, Loss, Option, Role

from .blocks import Block, Code, Formula, Paragraph, Plain, Runs, Section, Table, prose
from .shapes import shape

#: The set that an argument's entries are in, by its domain.
SETS = {
    "real": r"\mathbb{R}",
    "not-nan": r"\mathbb{R}",
    "binary": r"\{0, 1\}",
    "sign": r"\{-1, 1\}",
    "unit": r"[0, 1]",
    "nonnegative": r"[0, \infty)",
    "positive": r"(0, \infty)",
    "above-minus-one": r"(-1, \infty)",
    "between-1-and-2": "(1, 2)",
}

#: Where an axis lies in the arrays, by its place.
PLACES = {
    "class": "dimension 1, or dimension 0 of an array with a single one",
    "features": "all dimensions after the first together",
    "first": "the first dimension",
    "last": "the last dimension",
}


def arguments(loss: Loss) -> Section:
    """The table of arguments: name, kind, shape and domain, and where the axes lie."""
    head = tuple(map(prose, ("Argument", "What it is", "Shape", "Domain")))
    roles = list(_roles(loss))
    rows = tuple(_row(loss, name, role, when) for name, role, when in roles)
    blocks: list[Block] = [Table(head, rows, 1)]
    lines = list(_places(list(dict.fromkeys(axis for v in loss.variants for axis in v.axes))))
    items = f"N is the number of {'items of each batch' if loss.batches else 'items'}"
    shapes = [items] if any("N" in shape(role) for _, role, _ in roles) else []
    if shapes or lines:
        blocks.append(Paragraph(prose("; ".join([*shapes, *lines]) + ".")))
    return Section("symbols", "Arguments", tuple(blocks))


def hyperparameters(loss: Loss) -> Section | None:
    """The table of hyperparameters with their defaults; none for a loss that has none."""
    if not loss.settings:
        return None
    head = tuple(map(prose, ("Hyperparameter", "Values", "Default")))
    rows = tuple(
        ((Code(name),), _set_of_setting(role), (Code(repr(loss.default(name))),))
        for name, role in loss.settings.items()
    )
    return Section("hyperparameters", "Hyperparameters", (Table(head, rows, 1),))


def _roles(loss: Loss) -> Iterator[tuple[str, Role, str]]:
    """Every argument with every role that it may have, and when it has it."""
    for argument in loss.variants[0].arguments:
        found: dict[Role, list[dict]] = {}
        for variant in loss.variants:
            role = next(a.role for a in variant.arguments if a.name == argument.name)
            found.setdefault(role, []).append(dict(variant.options))
        for role, choices in found.items():
            yield argument.name, role, _when(choices, [c for r, cs in found.items() if r != role for c in cs])


def _when(own: list[dict], others: list[dict]) -> str:
    """The option that makes an argument have this role and no other one, as `name=value`."""
    for name in own[0] if others else ():
        values = {choice[name] for choice in own}
        if len(values) == 1 and values.isdisjoint({choice[name] for choice in others}):
            return f"{name}={values.pop()!r}"
    return ""


def _row(loss: Loss, name: str, role: Role, when: str) -> tuple[Runs, ...]:
    default = loss.default(name)
    words: list[Plain | Code] = [Code(when), Plain(": ")] if when else []
    words += prose(role.meaning)
    if default is not None and role.layout == "length":
        words.append(Plain(" (default: all of them)"))
    elif default is not None:
        words += [Plain(" (default "), Code(f"{default:g}"), Plain(")")]
    return (Code(name),), tuple(words), (Plain(shape(role)),), _set(role)


def _set(role: Role) -> Runs:
    """The set that the entries are in."""
    if role.domain in ("class-index", "label-list"):
        classes = (role.points_to or role.axis).name
        end = "-1, " if role.listed else ""
        return (Formula(rf"\{{{end}0, \dots, {classes} - 1\}}"),)
    if role.domain == "length":
        return (Formula(rf"\{{0, \dots, {role.axis.name}\}}"),)
    if role.domain == "class-number":
        return (Formula(rf"\{{0, \dots, {role.points_to.name} - 1\}}"),)
    return (Formula(SETS[role.domain]),)


def _set_of_setting(role: Role | Option) -> Runs:
    if isinstance(role, Role):
        return _set(role)
    runs: list[Plain | Code | Formula] = []
    for value in role.values:
        runs += [Code(repr(value)), Plain(", ")]
    return (*runs[:-1], Plain(" or in "), *_set(role.other)) if role.other else tuple(runs[:-1])


def _places(axes: Sequence[Axis]) -> Iterator[str]:
    """Where the axes lie, those at one place together, and which are longer than others."""
    by_place: dict[str, list[str]] = {}
    for axis in axes:
        if axis.base is None and axis.length is None:
            by_place.setdefault(axis.place, []).append(axis.name)
    for place, names in by_place.items():
        if len(names) == 1:
            yield f"axis {names[0]} is {PLACES[place]} unless `axis=` says otherwise"
            continue
        each = (
            "the last dimensions of what has them, in the order shown" if place == "last" else f"each {PLACES[place]}"
        )
        yield f"axes {', '.join(names[:-1])} and {names[-1]} are {each}, unless `axis=` says otherwise"
    for axis in axes:
        if axis.base is not None:
            more = "1 entry" if axis.longer == 1 else f"{axis.longer} entries"
            yield f"{axis.name} has {more} more than {axis.base.name}"
