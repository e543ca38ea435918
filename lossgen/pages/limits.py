"""Edge cases and limits: what the formula does far out, at the edges of domains and for a perfect prediction."""

from collections.abc import Callable, Iterator, Mapping
from itertools import product

from mpmath import mpf
from sympy import Add, Expr, Integer, Rational, Symbol, lambdify
from sympy import Max as Largest

from lossgen.formula import Loss, Role, Variant
from lossgen.formula.atoms import Atom
from lossgen.formula.nodes import Delta, Entry, Max, Reduction, Sum
from lossgen.formula.symbols import Argument, item

from .asymptotics import far_out, near, value_at
from .blocks import Block, Formula, Items, Paragraph, Plain, Runs, Section, Table, prose
from .notation import latex
from .variants import by_default

#: The cases of a target that its domain calls for; None stands for ordinary numbers of the domain.
CASES: Mapping[str, tuple[int | None, ...]] = {
    "binary": (0, 1),
    "sign": (-1, 1),
    "unit": (0, 1),
    "nonnegative": (0, None),
}
#: Ordinary numbers by domain; what is said of a loss holds for each. Arguments get different ones.
ORDINARY = {
    "real": (Rational(1, 2), Rational(5, 4), Rational(-3, 4), Rational(-5, 2)),
    "not-nan": (Rational(7, 8), Rational(-4, 3), Rational(9, 4), Rational(0)),
    "unit": (Rational(1, 4), Rational(3, 8), Rational(1, 2), Rational(1, 8)),
}
POSITIVE = (Rational(1, 2), Rational(5, 4), Rational(2, 3), Rational(7, 4))
#: The edges of a prediction's domain, and the direction that leads inwards.
EDGES = {"unit": ((0, 1), (1, -1)), "positive": ((0, 1),), "nonnegative": ((0, 1),), "above-minus-one": ((-1, 1),)}
#: How many classes a row is looked at with: the right one is the first, the item's own column the last.
CLASSES = (4, 7)

Line = tuple[Runs, Runs, Runs]


def limits(loss: Loss) -> Section:
    """The section: a table of limits, and what holds by the roles of the arguments."""
    lines = list(dict.fromkeys(line for variant in loss.pieces for line in _lines(loss, variant)))
    blocks: list[Block] = []
    if lines:
        said = "At the defaults of the hyperparameters" if loss.settings else "As follows from the formula"
        blocks.append(Paragraph(prose(f"{said}, for one item:")))
        blocks.append(_table(lines))
    blocks.append(Items(tuple((Paragraph(prose(text)),) for text in _by_roles(loss))))
    return Section("limits", "Edge cases and limits", tuple(blocks))


def _table(lines: list[Line]) -> Table:
    """The lines, without the column that says where they hold if they all hold everywhere."""
    columns = (0, 1, 2) if any(where for _, where, _ in lines) else (0, 2)
    head = tuple(map(prose, ("As", "Where", "Loss")))
    return Table(
        tuple(head[i] for i in columns), tuple(tuple(line[i] for i in columns) for line in lines), len(columns) - 1
    )


def _by_roles(loss: Loss) -> Iterator[str]:
    arguments = [a for v in loss.variants for a in v.arguments]
    bounded = dict.fromkeys(a.name for a in arguments if a.role.domain not in ("real", "not-nan", "length"))
    if bounded:
        yield f"An entry of {_listed(list(bounded))} outside its domain is an error that names the first one."
    numbers = dict.fromkeys(a.name for a in arguments if a.role.domain == "not-nan" and a.name not in bounded)
    if numbers:
        yield f"A NaN in {_listed(list(numbers))} is an error that names the first one."
    if any(a.role.layout == "length" for a in arguments):
        yield "What lies beyond an item's lengths is never read, whatever it holds; its gradient is 0."
    yield "A masked item counts exactly nothing, whatever it holds; its gradient is 0."
    means = [r for r in loss.reductions if r in ("mean", "batchmean")]
    if means:
        yield "The mean of no items is NaN, or what `empty` says; their sum is 0."
    else:
        yield "The sum over no items is 0."


def _listed(names: list[str]) -> str:
    shown = [f"`{name}`" for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def _lines(loss: Loss, variant: Variant) -> Iterator[Line]:
    """The limits of one reading of the formula; none where it has a recurrence, or rows without a right class."""
    if variant.filled or not by_default(loss, variant):
        return
    if any(type(atom).definition is Atom.definition for atom in variant.expression.atoms(Atom)):
        return
    rows = [a for a in variant.arguments if a.role.axes]
    if not rows:
        yield from _of_numbers(loss, variant)
    elif variant.labels and all(a.role.layout in ("row", "shared", "item") for a in variant.arguments):
        yield from _of_right_class(loss, variant)


def _of_numbers(loss: Loss, variant: Variant) -> Iterator[Line]:
    """Each prediction far out and at the edges of its domain, for each case of a target that its domain calls for."""
    listed = [a for a in variant.arguments if a.role.domain in CASES and a.role.kind == "target"]
    for x in variant.predictions:
        for values in product(*(CASES[a.role.domain] for a in listed)):
            where = dict(zip(listed, values, strict=True))
            functions = _functions(loss, plain(variant.expression), x, where)
            name = latex(x)
            found = [
                (rf"{name} \to {'' if sign > 0 else '-'}\infty", far_out(functions, sign, name))
                for sign in _far(x.role)
            ]
            for edge, inwards in EDGES.get(x.role.domain, ()):
                found.append((rf"{name} \to {edge}", near(functions, edge, inwards)))
            yield from (_line(at, _where(where), said) for at, said in found if said)
    yield from _perfect(loss, variant)


def _far(role: Role) -> tuple[int, ...]:
    """The signs of the infinities that a prediction may come near."""
    if role.name == "LogProbability":
        return (-1,)
    return (1, -1) if role.domain == "real" else () if role.domain == "unit" else (1,)


def _perfect(loss: Loss, variant: Variant) -> Iterator[Line]:
    """A prediction that is equal to its target, where both are numbers of one kind."""
    targets = [a for a in variant.arguments if a.role.kind == "target" and a.role.domain not in ("binary", "sign")]
    if len(targets) != 1 or len(variant.predictions) != 1:
        return
    x, target = variant.predictions[0], targets[0]
    kinds = {"real": "not-nan", "positive": "nonnegative"}
    if x.role.name in ("Logit", "LogProbability") or kinds.get(x.role.domain, x.role.domain) != target.role.domain:
        return
    expression = plain(variant.expression).xreplace({target: x})
    hard = target.role.domain == "unit"
    points = (Rational(0), Rational(1)) if hard else (*POSITIVE, Rational(3))
    f, *_ = _functions(loss, expression, x, {})
    said = value_at(f, points)
    if said:
        yield _line(rf"{latex(x)} = {latex(target)}", prose("a hard target") if hard else (), rf"\ell = {said}")


def _of_right_class(loss: Loss, variant: Variant) -> Iterator[Line]:
    """The entry of the right class far above and below the others, and another one far above them."""
    predictions = [a for a in variant.predictions if a.role.layout == "row"]
    if len(predictions) != 1 or len(variant.predictions) != 1 or predictions[0].role.domain != "real":
        return
    if any(type(node) not in (Sum, Max) for node in variant.expression.atoms(Reduction)):
        return
    (x,), (label, *_) = predictions, variant.labels
    written = []
    for classes in CLASSES:
        at_label = {label: Integer(0), item: Integer(classes - 1), x.role.axis.size: Integer(classes)}
        written.append(plain(expanded(variant.expression.xreplace(at_label), classes)))
    places = ((latex(Entry(x, label)), "the right class"), (latex(Entry(x, x.role.axis.index())), "another class"))
    for place, (name, where) in enumerate(places):
        functions = [f for e in written for f in _functions(loss, e, Entry(x, Integer(place)), {})]
        for sign in _far(x.role) if place == 0 else (1,):
            said = far_out(functions, sign, name)
            if said:
                yield _line(rf"{name} \to {'' if sign > 0 else '-'}\infty", prose(where), said)


def _functions(
    loss: Loss, expression: Expr, x: Expr, where: Mapping[Argument, int | None]
) -> list[Callable[[mpf], mpf]]:
    """The formula as functions of x: weights and hyperparameters at their defaults, what else there is at ordinary numbers."""
    free = Symbol("x", real=True)
    expression = expression.xreplace({x: free} | {a: Integer(v) for a, v in where.items() if v is not None})
    others = sorted({*expression.atoms(Entry), *expression.free_symbols} - {free}, key=str)
    functions = []
    for sample in range(len(POSITIVE)):
        numbers = {symbol: _number(loss, symbol, sample, place) for place, symbol in enumerate(others)}
        functions.append(lambdify([free], expression.xreplace(numbers), "mpmath"))
    return functions


def _number(loss: Loss, symbol: Expr, sample: int, place: int) -> Expr:
    """What stands for an argument, an entry or a hyperparameter: its default, or an ordinary number of its domain."""
    base = symbol.args[0] if isinstance(symbol, Entry) else symbol
    default = loss.default(base.name) if base.name in loss.signature.parameters else None
    if default is not None:
        return Rational(repr(float(default)))
    return ORDINARY.get(base.role.domain, POSITIVE)[sample] * (1 + Rational(place, 16))


def _line(at: str, where: Runs, said: str) -> Line:
    return (Formula(at),), where, (Formula(said),)


def _where(values: Mapping[Argument, int | None]) -> Runs:
    runs: list[Plain | Formula] = []
    for argument, value in values.items():
        said = "> 0" if value is None else f"= {value}"
        runs += [Plain(", ")] * bool(runs) + [Formula(f"{latex(argument)} {said}")]
    return tuple(runs)


def expanded(expression: Expr, classes: int) -> Expr:
    """The formula for so many classes: sums and maxima over an axis written out, indicators of known positions counted."""
    reductions = {Sum: Add, Max: Largest}

    def written(node: Expr) -> Expr:
        if isinstance(node, Reduction):
            make = reductions[type(node)]
            return make(*(written(node.body.xreplace({node.index: Integer(k)})) for k in range(classes)))
        if isinstance(node, Delta) and all(a.is_Integer for a in node.args):
            return Integer(int(node.args[0] == node.args[1]))
        if isinstance(node, Entry) or not node.args:
            return node
        return node.func(*map(written, node.args))

    return written(expression)


def plain(expression: Expr) -> Expr:
    """The formula in plain SymPy: atoms by their definitions."""
    while True:
        atoms = expression.atoms(Atom)
        if not atoms:
            return expression
        expression = expression.xreplace({node: node.definition() for node in atoms})
