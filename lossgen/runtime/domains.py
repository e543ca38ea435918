"""Which values arguments and parameters may have, and the words to say so."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .errors import LossError, LossTypeError
from .schema import Option, Parameter, Schema
from .staging import before_end


@dataclass(frozen=True, slots=True)
class ArrayDomain:
    """A set of allowed entries: `outside` marks the entries that are not allowed, `words` name what is expected."""

    outside: Callable[[np.ndarray], np.ndarray]
    words: str


ARRAYS: dict[str, ArrayDomain] = {
    "real": ArrayDomain(lambda x: np.zeros(x.shape, bool), "any number"),
    "not-nan": ArrayDomain(np.isnan, "a number that is not NaN"),
    "binary": ArrayDomain(lambda x: (x != 0) & (x != 1), "0 or 1"),
    "sign": ArrayDomain(lambda x: (x != -1) & (x != 1), "-1 or 1"),
    "unit": ArrayDomain(lambda x: ~((x >= 0) & (x <= 1)), "a number in [0, 1]"),
    "nonnegative": ArrayDomain(lambda x: ~(x >= 0), "a number that is at least 0"),
    "positive": ArrayDomain(lambda x: ~(x > 0), "a number greater than 0"),
    "above-minus-one": ArrayDomain(lambda x: ~(x > -1), "a number greater than -1"),
}
"""The domains of array arguments, without those that depend on the number of classes: "class-index", "label-list"."""

SCALARS: dict[str, tuple[Callable[[float], bool], str]] = {
    "real": (lambda x: not math.isnan(x), "a number that is not NaN"),
    "nonnegative": (lambda x: 0 <= x < math.inf, "a finite number that is at least 0"),
    "positive": (lambda x: 0 < x < math.inf, "a finite number greater than 0"),
    "unit": (lambda x: 0 <= x <= 1, "a number in [0, 1]"),
    "class-index": (lambda x: 0 <= x < math.inf, "an integer that is at least 0"),
    "between-1-and-2": (lambda x: 1 < x < 2, "a number strictly between 1 and 2"),
}
"""The domains of parameters: a predicate for the allowed values, and words that name them."""


def class_index_domain(classes: int, ignore_index: int | None) -> ArrayDomain:
    """The labels 0 ... classes - 1, and `ignore_index` where the loss has one."""

    def outside(labels: np.ndarray) -> np.ndarray:
        bad = (labels < 0) | (labels >= classes)
        return bad if ignore_index is None else bad & (labels != ignore_index)

    also = "" if ignore_index is None else f" or ignore_index={ignore_index}"
    return ArrayDomain(outside, f"a label in 0 ... {classes - 1}{also}")


def label_list_domain(classes: int) -> ArrayDomain:
    """The labels 0 ... classes - 1, up to the first -1 of each list (along the last dimension)."""

    def outside(labels: np.ndarray) -> np.ndarray:
        return before_end(labels) & ((labels < 0) | (labels >= classes))

    return ArrayDomain(outside, f"a label in 0 ... {classes - 1}, or -1 at the end of the list")


class Settings(NamedTuple):
    """The parameters of a call.

    Args:
        choice: for each parameter with options the one that was given; None for another number.
        numbers: the other parameters as the kernels take them: Python floats, or ints for integer parameters.
    """

    choice: tuple[Option | None, ...]
    numbers: tuple[float | int, ...]


def check_parameters(schema: Schema, values: tuple[object, ...]) -> Settings:
    """The parameters, checked.

    Raises:
        LossError: a value is outside its parameter's domain (LossTypeError if it is not a number).
    """
    choice: list[Option | None] = []
    numbers: list[float | int] = []
    for parameter, value in zip(schema.parameters, values, strict=True):
        option = _option(parameter, value)
        if parameter.options:
            choice.append(option)
        if option is None:
            numbers.append(_parameter(schema.name, parameter, value))
    return Settings(tuple(choice), tuple(numbers))


def options_of(schema: Schema, values: tuple[object, ...]) -> tuple[Option | None, ...]:
    """For each parameter with options the one that was given; None for another number. Nothing is checked."""
    pairs = zip(schema.parameters, values, strict=True)
    return tuple(_option(parameter, value) for parameter, value in pairs if parameter.options)


def _option(parameter: Parameter, value: object) -> Option | None:
    """The option of a parameter that a value is; None for another value."""
    return next((option for option in parameter.options if _is_option(value, option)), None)


def _is_option(value: object, option: Option) -> bool:
    if isinstance(option, str) or isinstance(value, str):
        return isinstance(value, str) and value == option
    return isinstance(value, (bool, int, float, np.bool_, np.integer, np.floating)) and bool(value == option)


def _parameter(loss: str, parameter: Parameter, value: object) -> float | int:
    allowed, words = SCALARS[parameter.domain] if parameter.domain else (lambda _: False, "")
    if parameter.integer and parameter.domain == "real":
        words = "an integer"
    words = " or ".join([*map(repr, parameter.options), *filter(None, [words])])
    given = f"{loss}: {parameter.name} is {value!r}, expected {words}"
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if not isinstance(value, (int, float, np.integer, np.floating, np.bool_)):
        raise LossTypeError(given)
    number = float(value)
    if not allowed(number) or (parameter.integer and not number.is_integer()):
        raise LossError(given)
    return int(value) if parameter.integer else number
