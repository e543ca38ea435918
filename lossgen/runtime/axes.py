"""Which dimensions of an array make up a named axis: the defaults of each place, and the `axis` option."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index
from typing import TypeGuard

from .errors import LossError, LossTypeError, choose
from .schema import Axis, Schema

AxisOption = int | Sequence[int] | Mapping[str, int | Sequence[int]] | None
FrozenAxis = int | tuple | None
"""An axis option in hashable form: a mapping becomes a tuple of (name, dimensions) pairs."""


def freeze(schema: Schema, option: AxisOption) -> FrozenAxis:
    """The `axis` option in hashable form.

    Raises:
        LossError: the loss has no axis, or none of a given name; LossTypeError: not an integer, tuple or mapping.
    """
    if option is None or option == {}:
        return None
    if not schema.axes:
        raise LossError(f"{schema.name}: axis is {option!r}, expected None: the loss works element by element")
    if not isinstance(option, Mapping):
        return _dimensions(schema.name, option)
    names = [axis.name for axis in schema.axes]
    for name in option:
        if name not in names:
            raise choose(schema.name, "the name of an axis", name, names)
    return tuple((name, _dimensions(schema.name, dimensions)) for name, dimensions in option.items())


def _dimensions(loss: str, given: object) -> int | tuple[int, ...]:
    try:
        if isinstance(given, (tuple, list)):
            return tuple(index(entry) for entry in given)
        return index(given)  # type: ignore[arg-type]
    except TypeError:
        expected = "an integer, a tuple of integers, or a dict from axis names to them"
        raise LossTypeError(f"{loss}: axis is {given!r}, expected {expected}") from None


def dimensions_of(loss: str, axis: Axis, option: FrozenAxis, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The dimensions of an array of this shape that make up `axis`, in the order in which they are flattened.

    Raises:
        LossError: a dimension is out of range or named twice, or the array has no dimension to spare for the axis.
    """
    ndim = len(shape)
    given = _option_for(axis, option)
    if given is None:
        if ndim == 0:
            raise LossError(f"{loss}: {name} has shape (), expected at least one dimension for axis {axis.name!r}")
        if axis.place == "class":
            return (0,) if ndim == 1 else (1,)
        if axis.place in ("first", "last"):
            return (0 if axis.place == "first" else ndim - 1,)
        return tuple(range(min(1, ndim - 1), ndim))
    return _named(loss, given if isinstance(given, tuple) else (given,), given, name, shape)


def entry_dimensions(
    loss: str, axes: Sequence[Axis], option: FrozenAxis, name: str, shape: tuple[int, ...]
) -> tuple[int, ...]:
    """The dimension of each of several axes in an array of this shape.

    Where the option says nothing: axes placed "class" are dimension 1, or 0 where there are no items; those placed
    "first" and "last" are the first and the last of the dimensions that are left, in their order.

    Raises:
        LossError: there are fewer dimensions than axes, or a dimension is out of range or named twice.
    """
    ndim = len(shape)
    words = ", ".join(repr(axis.name) for axis in axes)
    if ndim < len(axes):
        raise LossError(f"{loss}: {name} has shape {shape}, expected at least {len(axes)} dimensions, for axes {words}")
    if option is not None and not _by_name(option):
        raise LossError(f"{loss}: axis is {option!r}, expected a dict from axis names, since {name} has axes {words}")
    given = {axis.name: _option_for(axis, option) for axis in axes}
    given |= {a.name: int(ndim > len(axes)) for a in axes if given[a.name] is None and a.place == "class"}
    chosen = {
        n: entries if isinstance(entries, tuple) else (entries,) for n, entries in given.items() if entries is not None
    }
    if any(len(entries) != 1 for entries in chosen.values()):
        raise LossError(f"{loss}: axis is {chosen!r}, expected one dimension for each axis of {name}")
    single = tuple(entry for (entry,) in chosen.values())
    found = dict(zip(chosen, _named(loss, single, single, name, shape) if single else (), strict=True))
    free = [dimension for dimension in range(ndim) if dimension not in found.values()]
    first = [axis.name for axis in axes if axis.place == "first" and axis.name not in found]
    last = [axis.name for axis in axes if axis.name not in found and axis.name not in first]
    found |= zip(first, free, strict=False)
    found |= zip(last, free[len(free) - len(last) :], strict=True)
    return tuple(found[axis.name] for axis in axes)


def _named(
    loss: str, entries: tuple[int, ...], given: int | tuple[int, ...], name: str, shape: tuple[int, ...]
) -> tuple[int, ...]:
    """Dimensions that the option names, counted from the front."""
    ndim = len(shape)
    found: list[int] = []
    for entry in entries:
        dimension = entry + ndim if entry < 0 else entry
        if not 0 <= dimension < ndim:
            raise LossError(f"{loss}: axis {entry} is out of range for {name} of shape {shape}, expected {_span(ndim)}")
        if dimension in found:
            raise LossError(f"{loss}: axis {given} names dimension {dimension} of {name} twice, expected it once")
        found.append(dimension)
    if not found:
        raise LossError(f"{loss}: axis is (), expected at least one dimension of {name} of shape {shape}")
    return tuple(found)


def _option_for(axis: Axis, option: FrozenAxis) -> int | tuple[int, ...] | None:
    """The part of a frozen option that speaks of this axis."""
    return dict(option).get(axis.name) if _by_name(option) else option


def thaw(option: FrozenAxis) -> AxisOption:
    """The `axis` option as it is given, from its hashable form."""
    return dict(option) if _by_name(option) else option


def _by_name(option: FrozenAxis) -> TypeGuard[tuple[tuple[str, int | tuple[int, ...]], ...]]:
    """Whether the option says dimensions by the names of axes."""
    return isinstance(option, tuple) and bool(option) and isinstance(option[0], tuple)


def _span(ndim: int) -> str:
    return f"{-ndim} ... {ndim - 1}" if ndim else "an array with dimensions"
