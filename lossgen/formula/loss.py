"""The `@loss` decorator: an annotated function that returns a SymPy expression becomes a `Loss`."""

import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from sympy import Basic, Expr, Float, Rational, sympify

from .annotations import alternatives, check_barred, is_setting, read_annotation
from .batches import check_batches, distinct, split
from .calls import USUAL_REDUCTIONS, check_forward, check_positional, check_reductions
from .errors import SpecError
from .named import run_with_names
from .notebook import displayed, readings, upright
from .options import Option, Value, combinations, resolve
from .recurrence import Lattice
from .roles import Choice, Role
from .symbols import ONE, Argument, Constant, Each, Hyperparameter
from .validate import check_formula, check_layouts
from .variant import Variant

Formula = Callable[..., Any]


class Loss:
    """A loss function as its author wrote it.

    Calling it with symbols or numbers gives its expression, so one loss can be used inside another.
    """

    def __init__(
        self,
        function: Formula,
        paper: str = "",
        reduction: str | None = None,
        normalizer: Formula | None = None,
        module: str = "",
        reductions: Sequence[str] = USUAL_REDUCTIONS,
        positional: Sequence[str] = (),
        forward: Mapping[str, str] | None = None,
        divisor: Formula | None = None,
    ) -> None:
        self.function = function
        self.name = function.__name__
        self.doc = inspect.getdoc(function) or ""
        self.paper = paper
        self.reduction, self.reductions = check_reductions(self.name, reduction, reductions)
        self.module = module or _camel(self.name)
        self._normalizer = normalizer
        self._divisor = divisor
        self.signature = _signature(function)
        self.source = Path(inspect.getfile(function))
        self._roles = {name: read_annotation(self.name, p) for name, p in self.signature.parameters.items()}
        check_barred(self.name, self._roles)
        self.batches = check_batches(self.name, self._roles)
        labelled = any(r.chooses for role in self._roles.values() for r in alternatives(role))
        self.positional = check_positional(self.name, positional, self.signature, self.reductions, labelled)
        self.forward = check_forward(self.name, forward or {}, self.signature)
        if not any(r.kind == "prediction" for role in self._roles.values() for r in alternatives(role)):
            raise SpecError(
                f"{self.name}: no argument is a prediction, so that there is nothing to train; "
                "annotate one, as in input: Prediction or input: Logit[C]"
            )

    def default(self, name: str) -> Value | None:
        """The default of an argument or hyperparameter; None where it must be given."""
        value = self.signature.parameters[name].default
        return None if value is inspect.Parameter.empty else value

    def typical(self, parameter: Hyperparameter) -> float:
        """The default of a hyperparameter; where that is an option with a variant of its own, the next number."""
        default, option = self.default(parameter.name), self.options.get(parameter.name)
        if parameter.role.integer:
            return int(default)
        return float(default) + 1 if option and option.accepts(default) else float(default)

    @cached_property
    def settings(self) -> dict[str, Role | Option]:
        """The hyperparameters, numbers and options, in the order of the signature."""
        return {n: r for n, r in self._roles.items() if is_setting(r)}

    @cached_property
    def options(self) -> dict[str, Option]:
        """The hyperparameters with values that have a formula of their own."""
        return {n: r for n, r in self.settings.items() if isinstance(r, Option)}

    @cached_property
    def variants(self) -> tuple[Variant, ...]:
        """Every reading of the formula; more than one where there are options, or arguments of one role or another."""
        found = []
        for options in combinations(self.options):
            roles = {n: resolve(r, options, f"{self.name}: argument {n}") for n, r in self._roles.items()}
            arrays = {n: alternatives(r) for n, r in roles.items() if n not in self.settings}
            chosen = [dict(zip(arrays, choice, strict=True)) for choice in product(*arrays.values())]
            several = len(chosen) > 1
            labels = [r.label(n, options[n]) for n, r in self.options.items()]
            for choice in chosen:
                of_roles = [r.label for n, r in choice.items() if isinstance(roles[n], Choice)] if several else []
                found.append(self._read(choice, options, "_".join(filter(None, [*of_roles, *labels]))))
        return tuple(found)

    @cached_property
    def parts(self) -> dict[str, tuple[Variant, ...]]:
        """What each batch contributes, in every reading; empty for a loss with a single batch."""
        return {batch: distinct(v.parts[batch] for v in self.variants) for batch in self.batches}

    @cached_property
    def pieces(self) -> tuple[Variant, ...]:
        """All that has kernels of its own: the parts of the batches, or the variants themselves."""
        return tuple(p for variants in self.parts.values() for p in variants) or self.variants

    def _read(self, roles: Mapping[str, Role], options: Mapping[str, Value | None], label: str) -> Variant:
        numbers = {
            n: r.other if isinstance(r, Option) else r for n, r in self.settings.items() if options.get(n) is None
        }
        parameters = {n: Hyperparameter(n, r) for n, r in numbers.items()}
        symbols = {n: Argument(n, r) for n, r in roles.items()} | options | parameters
        value, names = self._run(run_with_names, self.function, symbols)
        names = {n: _with_exact_numbers(part) for n, part in names.items()}
        expression = self._as_expression(value)
        normalizer = self._of_arguments("normalizer", self._normalizer, symbols)
        divisor = self._of_arguments("divisor", self._divisor, symbols)
        arguments = tuple(symbols[n] for n in roles)
        for part in (expression, normalizer, divisor):
            check_formula(self.name, part, {*arguments, *parameters.values()})
        check_layouts(self.name, expression, arguments)
        numbers = tuple(parameters.values())
        found = Variant(label, arguments, expression, normalizer, names, numbers, options, divisor=divisor)
        return replace(found, parts=split(self.name, found, self.batches)) if self.batches else found

    def _of_arguments(self, what: str, function: Formula | None, symbols: Mapping[str, Any]) -> Expr:
        """A function of some of the arguments, by name; 1 where there is none."""
        if function is None:
            return ONE
        wanted = inspect.signature(function).parameters
        unknown = [n for n in wanted if n not in symbols]
        if unknown:
            raise SpecError(f"{self.name}: the {what} asks for {unknown[0]}, which is not an argument of the loss")
        return self._as_expression(self._run(function, **{n: symbols[n] for n in wanted}))

    def _run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Calls the author's function; what it raises names the file and the line in it."""
        try:
            return function(*args, **kwargs)
        except SpecError as error:
            raise error if str(error).startswith(f"{self.name}: ") else SpecError(f"{self.name}: {error}") from error
        except Exception as error:  # an author's formula may raise anything; what it raised is what helps
            places = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(self.source)]
            line = f"{self.source.name}:{places[-1]}: " if places else ""
            text = str(error).strip().partition("\n")[0]
            raise SpecError(f"{self.name}: {line}{type(error).__name__}: {text}") from error

    def _as_expression(self, value: Any) -> Expr:
        if value is None:
            raise SpecError(f"{self.name}: the formula returns nothing; end it with `return <expression>`")
        if isinstance(value, Lattice):
            raise SpecError(
                f"{self.name}: the formula returns the recurrence {value}; read a cell of it, as in {value}[T.size - 1]"
            )
        expression = sympify(value) if isinstance(value, Basic | int | float) and not isinstance(value, bool) else None
        if not isinstance(expression, Expr):
            raise SpecError(f"{self.name}: the formula returns {type(value).__name__}, expected a SymPy expression")
        return _with_exact_numbers(expression)

    def __call__(self, *args: Any, **kwargs: Any) -> Expr:
        """The formula with these symbols, expressions or numbers in the place of its arguments."""
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            role = self._roles[name]
            if isinstance(role, Option) and not isinstance(value, Expr):
                continue
            has_axis = any(r.axis for r in alternatives(role))
            if not isinstance(value, Expr | Constant | Each):
                bound.arguments[name] = Constant(value) if has_axis else sympify(value)
        return self._as_expression(self.function(*bound.args, **bound.kwargs))

    def __repr__(self) -> str:
        return f"<loss {self.name}({', '.join(self.signature.parameters)})>"

    def _repr_latex_(self) -> str:
        """The name and the formula, for notebooks."""
        return displayed(readings(upright(self.name), ((v.label, v.expression) for v in self.pieces)))


def loss(
    function: Formula | None = None,
    *,
    paper: str = "",
    reduction: str | None = None,
    normalizer: Formula | None = None,
    module: str = "",
    reductions: Sequence[str] = USUAL_REDUCTIONS,
    positional: Sequence[str] = (),
    forward: Mapping[str, str] | None = None,
    divisor: Formula | None = None,
) -> Any:
    """Declares a function to be a loss.

    Parameters
    ----------
    paper : where the formula comes from.
    reduction : the default; the first of `reductions` unless given.
    normalizer : a function of some of the arguments, by name, that returns what an item counts in the denominator of
        "mean"; 1 unless given. Items with an ignored class index count 0 in any case.
    module : the name of its PyTorch module, where users know it by another than the loss's own name in camel case.
    reductions : those it has, of "mean", "batchmean" (the sum divided by the size of dimension 0), "sum" and "none"; a
        loss with a single one has no argument `reduction`.
    positional : what may be given by position on PyTorch tensors, in PyTorch's order: arguments, hyperparameters,
        "reduction", "ignore_index", and PyTorch's older "size_average" and "reduce", which a loss has only if they are
        listed. The constructor of the module has the same order without the inputs. Anything else is given by name.
        Unless given, tensors alone may be given by position.
    forward : what PyTorch's module calls an input, for inputs that its function calls otherwise.
    divisor : a function of some of the arguments, by name: what an item's loss is divided by before "mean" averages the
        items, such as its number of labels; 1 unless given.

    Raises
    ------
    SpecError : an argument without a role, a hyperparameter without a default, an unknown reduction, a position or an
        input that is not one of the loss's arguments.
    """

    def declare(f: Formula) -> Loss:
        return Loss(f, paper, reduction, normalizer, module, reductions, positional, forward, divisor)

    return declare if function is None else declare(function)


def _with_exact_numbers(expression: Expr) -> Expr:
    """0.3 as 3/10: what the author wrote, at any number of digits; x**2.0 is x**2, and SymPy compares without rounding."""
    return expression.xreplace({number: Rational(repr(float(number))) for number in expression.atoms(Float)})


def _signature(function: Formula) -> inspect.Signature:
    """The signature; annotations may be text, as after `from __future__ import annotations`."""
    try:
        return inspect.signature(function, eval_str=True)
    except NameError as error:
        raise SpecError(f"{function.__name__}: {error} in an annotation") from error


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.removesuffix("_loss").split("_")) + "Loss"
