"""The shapes of arguments, in words."""

from collections.abc import Callable

from lossgen.formula import Axis, Role


def shape(role: Role) -> str:
    """The shape of an argument with this role."""
    return _SHAPES[role.layout](role)


#: How an argument with an axis is laid out, by the place of the axis.
_ROWS = {
    "class": "(N, {name}, …)",
    "features": "(N, …), the dimensions after the first forming {name}",
    "first": "({name}, …)",
    "last": "(…, {name})",
}


def _row(role: Role) -> str:
    own = _ROWS[role.axis.place].format(name=role.axis.name)
    return f"broadcasts to {own}" if role.broadcast else own


def _item(role: Role) -> str:
    return f"one integer per item, over {role.axis.name}" if role.integer else "one number per item"


def _grid(role: Role) -> str:
    """With and without items, which lie between the axes that come first and those that come last."""
    axes = role.axes
    if any(axis.place not in ("first", "last") for axis in axes):
        return f"items and {_tuple(axes)}"
    first = [axis.name for axis in axes if axis.place == "first"]
    last = [axis.name for axis in axes if axis.place == "last"]
    return f"({', '.join([*first, 'N', *last])}), or ({', '.join([*first, *last])}) for one item"


def _sequence(role: Role) -> str:
    rows = f"({role.axis.name}, N)" if role.axis.place == "first" else f"(N, {role.axis.name})"
    barred = f" but {role.barred}" if role.barred else ""
    return f"{rows}, or all sequences one after another, over {role.points_to.name}{barred}"


def _length(role: Role) -> str:
    name = role.axis.name
    return f"one integer per item, or one for all, or a mask over {name} that is True first and then False"


def _tuple(axes: tuple[Axis, ...]) -> str:
    return f"({', '.join(axis.name for axis in axes)}{',' if len(axes) == 1 else ''})"


_SHAPES: dict[str, Callable[[Role], str]] = {
    "item": _item,
    "row": _row,
    "shared": lambda role: _tuple(role.axes),
    "table": lambda role: _tuple(role.axes),
    "broadcast": lambda role: "broadcasts to the items",
    "grid": _grid,
    "sequence": _sequence,
    "length": _length,
}
