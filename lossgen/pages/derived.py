"""What is derived of a loss, set for reading: definition, gradient, curvature, and the steps that lead there."""

from collections.abc import Callable, Iterable, Iterator

from sympy import Expr, Tuple, exp, log
from sympy.core.function import Function

from lossgen.derive import Derivation, Result
from lossgen.formula import Loss, SpecError, Variant
from lossgen.formula.notebook import slope_of

from .blocks import Block, Paragraph, Section, prose
from .equation import equations
from .naming import names_in
from .notation import latex
from .reading import Reading
from .recurrences import defined, gradient_lines, product_lines
from .spelt import short_indices
from .stages import staged
from .variants import Blocks, each_variant

LOSS = r"\ell"


def definition(loss: Loss) -> Section:
    """The formula as the author wrote it, for each variant, with the parts that have names, and the recurrences."""

    def say(variant: Variant) -> Blocks:
        parts = {part: name for name, part in variant.names.items() if part != variant.expression}
        reading = Reading(parts, spell=False)
        value = reading(variant.expression)
        found = list(reading.definitions(value))
        if found and found[0][0] == value:  # the author's name for the loss itself
            (_, value), *found = found
        lines = [(latex(name), part) for name, part in found]
        return (equations([(LOSS, value), *lines]), *defined(variant, reading))

    return Section("definition", "Definition", each_variant(loss, say))


def gradient(loss: Loss) -> Section:
    """The gradient with respect to each differentiable argument: any entry, and the label's own where it differs."""

    def say(variant: Variant) -> Blocks:
        if variant.filled:
            return gradient_lines(loss, variant)
        derivation = Derivation(loss.name, variant)
        return tuple(_results(derivation, derivation.gradient, slope_of))

    return Section("gradient", "Gradient", each_variant(loss, say))


def curvature(loss: Loss) -> Section:
    """The diagonal of the Hessian where it exists, and the Hessian's product with a direction."""

    def say(variant: Variant) -> Blocks:
        if variant.filled:
            return product_lines(loss, variant)
        derivation = Derivation(loss.name, variant)
        try:
            diagonal, products = derivation.hessian_diagonal, derivation.curvature(variant.predictions).products
        except SpecError as error:
            return (Paragraph(prose(f"There is no second derivative: {str(error).removeprefix(f'{loss.name}: ')}.")),)
        if all(r.generic == 0 and not r.at_label for r in (*diagonal, *products)):
            return (Paragraph(prose("The second derivative is 0 wherever it exists.")),)
        blocks = [Paragraph(prose("The diagonal of the Hessian:")), *_results(derivation, diagonal, _bend_of)]
        if not all(r.index is None for r in products) or len(products) > 1:
            blocks.append(Paragraph(prose("The product of the Hessian with a direction v, whose entries have a dot:")))
            blocks += _results(derivation, products, _product_of)
        return tuple(blocks)

    return Section("curvature", "Curvature", each_variant(loss, say))


def steps(loss: Loss) -> Section:
    """The derivation: each rule that was applied, the formula before and after, and why the step holds."""
    return Section("steps", "Derivation, step by step", staged(loss))


def _results(derivation: Derivation, results: Iterable[Result], left_of: Callable[[str], str]) -> Iterator[Block]:
    """An equation for each result and each form of it, and after them what the names in it stand for."""
    reading = reading_of(derivation)
    values: list[Expr] = []
    for result in results:
        given = []
        for pair in result.entries:
            entry, value = short_indices(Tuple(*pair))
            values.append(reading(value))
            given.append((left_of(latex(entry)), values[-1]))
        note = ""
        if result.at_label is not None and (result.generic != 0 or result.at_label != 0):
            note = rf"{latex(result.index)} \neq {latex(result.label)}"
        yield equations(given, note=note)
    definitions = [(latex(name), value) for name, value in reading.definitions(*values)]
    if definitions:
        yield Paragraph(prose("Here"))
        yield equations(definitions)


def reading_of(derivation: Derivation) -> Reading:
    """How formulas of the derivation are read: with the author's names, those of logarithms and complements too."""
    taken = names_in(derivation.variant.expression) | {a.name for a in derivation.variant.arguments}
    names: dict[Expr, str] = {}
    forms: dict[Expr, tuple[Expr, Callable[[Expr], Expr]]] = {}
    for name, raw in derivation.variant.names.items():
        part = derivation.stable(raw)
        if not part.args or part == derivation.value:
            continue
        names[part] = name
        if part.is_positive and not isinstance(part, exp):
            _add_form(forms, part, derivation.stable(log(raw)), log)
            _add_form(forms, part, derivation.stable(1 - raw), lambda n: 1 - n)
            _add_form(forms, part, derivation.stable(log(1 - raw)), lambda n: log(1 - n))
    return Reading(names, frozenset(taken), {form: of for form, of in forms.items() if form not in names})


def _add_form(forms: dict, part: Expr, found: Expr, form: Callable[[Expr], Expr]) -> None:
    """Remembers what the found expression is in terms of the part; without a minus sign before it."""
    if isinstance(found, Function):
        forms.setdefault(found, (part, form))
    elif isinstance(-found, Function):
        forms.setdefault(-found, (part, lambda n: -form(n)))


def _bend_of(entry: str) -> str:
    return rf"\frac{{\partial^{{2}} {LOSS}}}{{\partial {entry}^{{2}}}}"


def _product_of(entry: str) -> str:
    return rf"(H v)_{{{entry}}}"
