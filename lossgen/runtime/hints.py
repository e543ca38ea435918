"""What was probably meant by shapes that do not agree; the words hold for arrays and tensors alike."""

from __future__ import annotations

Shape = tuple[int, ...]


def shape_hint(name: str, shape: Shape, expected: Shape, other: str = "") -> str:
    """The end of a message on an argument's shape: how to get the expected one from it, if that is possible.

    Args:
        name: the argument.
        shape: its shape.
        expected: the shape it should have.
        other: the argument whose shape that is, if it could be broadcast instead.
    """
    if _without_ones(shape) == _without_ones(expected):
        return f"; if that is the same in another form, give {name}.reshape({expected})"
    if broadcasts(shape, expected):
        return f"; if it holds for all of them, give broadcast_to({name}, {expected})"
    if other and broadcasts(expected, shape):
        return f"; if {other} holds for all of them, give broadcast_to({other}, {shape})"
    return ""


def _without_ones(shape: Shape) -> Shape:
    return tuple(size for size in shape if size != 1)


def broadcasts(shape: Shape, target: Shape) -> bool:
    """Whether an array of this shape can be repeated to the target shape."""
    pairs = zip(shape[::-1], target[::-1], strict=False)
    return len(shape) <= len(target) and all(mine in (1, theirs) for mine, theirs in pairs)
