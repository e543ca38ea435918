"""Losses over several batches of different sizes: each batch has a loss of its own, and the whole is their sum.

    value = value of the first batch + value of the second + …     (each reduced by itself; `none`: array + array)

A gradient is that of the batch that the argument belongs to, and the Hessian has no entries between two batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from .axes import AxisOption, freeze
from .engine import Value
from .errors import LossError, LossTypeError, choose
from .loss import MOST_PLANS, Gradients, Loss, Wrt
from .schema import Schema

Share = tuple[Loss, tuple, tuple]
Distribution = tuple[tuple[tuple[str, ...], ...], tuple[int, ...]]
NOTHING = (None,) * 4


class SeparableLoss:
    """A loss over several batches. Subclasses set `schema` and `batches`, and spell out the signature of each method.

    Args:
        package: the package that the subclass is defined in, as for `Loss`.
    """

    schema: ClassVar[Schema]
    batches: ClassVar[Mapping[str, type[Loss]]]

    def __init__(self, package: str) -> None:
        self._package = package
        #: The loss of each batch, by the batch's name.
        self.parts: dict[str, Loss] = {batch: kind(package) for batch, kind in self.batches.items()}
        self.argument_names = names = tuple(argument.name for argument in self.schema.variants[0].arguments)
        #: The batch that each argument belongs to.
        self.batch_of = {a.name: b for b, part in self.parts.items() for a in part.schema.variants[0].arguments}
        places = {b: tuple(i for i, n in enumerate(names) if self.batch_of[n] == b) for b in self.parts}
        self._layout = tuple((batch, part, places[batch]) for batch, part in self.parts.items())
        self._members: dict[tuple[str, ...], Distribution] = {}
        self._others = tuple(self.parts)[1:]

    def __reduce__(self) -> tuple:
        return type(self), (self._package,)

    def __repr__(self) -> str:
        return f"<loss {self.schema.name}>"

    def shares(
        self, arguments: Sequence[object], axis: AxisOption, sample_weight: object, mask: object, denominator: object
    ) -> list[Share]:
        """The loss of each batch, its arguments, and its axis, sample_weight, mask and denominator.

        Args:
            arguments: arrays or tensors in the order of the signature; None where not given.
            axis: for all batches, or by the axes' names.
            sample_weight: arrays by batch; a batch that is left out has none.
            mask: arrays by batch.
            denominator: one number for all batches, or numbers by batch.

        Raises:
            LossError: an unknown batch or axis (LossTypeError: weights or a mask that are not given by batch).
        """
        plain = axis is None and sample_weight is None and mask is None and denominator is None
        options = {} if plain else self._options(axis, sample_weight, mask, denominator)
        return [
            (part, tuple([arguments[place] for place in places]), options[batch] if options else NOTHING)
            for batch, part, places in self._layout
        ]

    def total(self, values: Sequence, reduction: str) -> Value:
        """The sum of the batches' values: numbers, or for reduction "none" arrays or tensors of equal shapes.

        Raises:
            LossError: shapes that differ.
        """
        result = values[0]
        for batch, value in zip(self._others, values[1:], strict=True):
            if reduction == "none" and value.shape != result.shape:
                first, shapes = next(iter(self.parts)), (tuple(value.shape), tuple(result.shape))
                expected = f"{shapes[1]}, the shape of those of batch {first!r}, with reduction='none'"
                raise LossError(
                    f"{self.schema.name}: the items of batch {batch!r} have shape {shapes[0]}, expected {expected}"
                )
            result = result + value
        return result

    def _options(self, axis: AxisOption, sample_weight: object, mask: object, denominator: object) -> dict[str, tuple]:
        """Each batch's share of the options."""
        columns = (
            self._axes(axis),
            self._by_batch("sample_weight", sample_weight),
            self._by_batch("mask", mask),
            self._by_batch("denominator", denominator)
            if denominator is None or isinstance(denominator, Mapping)
            else dict.fromkeys(self.parts, denominator),
        )
        return {batch: tuple([column.get(batch) for column in columns]) for batch in self.parts}

    def _by_batch(self, option: str, given: object) -> Mapping[str, object]:
        if given is None:
            return {}
        if not isinstance(given, Mapping):
            words = f"expected a dict from the names of batches ({', '.join(self.parts)}) to what is meant for each"
            raise LossTypeError(f"{self.schema.name}: {option} is of type {type(given).__name__}, {words}")
        for batch in given:
            if batch not in self.parts:
                raise choose(self.schema.name, f"a batch of {option}", batch, self.parts)
        return given

    def _axes(self, axis: AxisOption) -> Mapping[str, AxisOption]:
        """The axis option for the batches that have axes; of a mapping only what speaks of the batch's own."""
        if axis is None or freeze(self.schema, axis) is None:
            return {}
        found: dict[str, AxisOption] = {}
        for batch, part in self.parts.items():
            own = [a.name for a in part.schema.axes]
            if own and isinstance(axis, Mapping):
                found[batch] = {name: dimensions for name, dimensions in axis.items() if name in own}
            elif own:
                found[batch] = axis
        return found

    def _predictions(self, parameters: tuple) -> tuple[str, ...]:
        """The predictions of the variant that the parameters choose, in the order of the signature."""
        variants = self.schema.variants
        if len(variants) == 1:
            return variants[0].predictions
        choice = next(iter(self.parts.values()))._settings(parameters).choice
        return next(variant.predictions for variant in variants if variant.choice == choice)

    def _value(self, arguments: Sequence[object], parameters: tuple, reduction: str, *options: object) -> Value:
        """The value; options: axis, sample_weight, mask, denominator, empty."""
        *shared, empty = options
        values = [
            part._value(own, parameters, reduction, *rest, empty) for part, own, rest in self.shares(arguments, *shared)
        ]
        return self.total(values, reduction)

    def _value_and_grad(
        self, arguments: Sequence[object], parameters: tuple, wrt: Wrt, reduction: str, *options: object
    ) -> tuple[Value, Gradients]:
        """The value and gradients: for the predictions, for one named argument, or (a tuple) for several."""
        *shared, empty = options
        names = self._predictions(parameters) if wrt is None else (wrt,) if isinstance(wrt, str) else tuple(wrt)
        members, order = self._members.get(names) or self._distribute(names)
        values, found = [], []
        for (part, own, rest), mine in zip(self.shares(arguments, *shared), members, strict=True):
            value, gradients = part._value_and_grad(own, parameters, mine, reduction, *rest, empty)
            values.append(value)
            found += gradients
        ordered = tuple([found[place] for place in order])
        return self.total(values, reduction), ordered[0] if isinstance(wrt, str) else ordered

    def _distribute(self, names: tuple[str, ...]) -> Distribution:
        """For each batch those of the arguments `names` that belong to it; and where each of `names` is among them all."""
        for name in names:
            if name not in self.batch_of:
                raise choose(self.schema.name, "wrt", name, self.schema.variants[0].differentiable)
        members = tuple(tuple(name for name in names if self.batch_of[name] == batch) for batch in self.parts)
        flat = [name for mine in members for name in mine]
        found = members, tuple(flat.index(name) for name in names)
        if len(self._members) < MOST_PLANS:
            self._members[names] = found
        return found

    def _hvp(self, arguments: Sequence[object], parameters: tuple, directions: object, *options: object) -> Gradients:
        """The product of the Hessian over the predictions with a direction: a tuple of one array for each of them."""
        names = self._predictions(parameters)
        given = directions if isinstance(directions, tuple) else (directions,)
        if len(given) != len(names):
            expected = f"{len(names)} arrays, one for each of {', '.join(names)}"
            raise LossError(f"{self.schema.name}: direction has {len(given)} arrays, expected {expected}")
        along = dict(zip(names, given, strict=True))
        return self._curvature("_hvp", names, along, arguments, parameters, options)

    def _hessian_diagonal(self, arguments: Sequence[object], parameters: tuple, *options: object) -> Gradients:
        """The diagonal of the Hessian for the predictions."""
        return self._curvature("_hessian_diagonal", self._predictions(parameters), {}, arguments, parameters, options)

    def _curvature(
        self,
        method: str,
        names: Sequence[str],
        along: Mapping[str, object],
        arguments: Sequence[object],
        parameters: tuple,
        options: Sequence[object],
    ) -> tuple:
        """The results of a method of the parts, in the order of the predictions."""
        reduction, *shared, empty = options
        found: dict[str, object] = {}
        for (part, own, rest), batch in zip(self.shares(arguments, *shared), self.parts, strict=True):
            members = [name for name in names if self.batch_of[name] == batch]
            extra = (tuple([along[name] for name in members]),) if along else ()
            results = getattr(part, method)(own, parameters, *extra, reduction, *rest, empty)
            found.update(zip(members, results if len(members) > 1 else (results,), strict=True))
        return tuple([found[name] for name in names])
