"""The form of a formula in which it is read: the author's names, softmax as p, and textbook formulas for the stable ones."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from sympy import Abs as Size
from sympy import Add, Expr, Integer, Mul, Piecewise, Symbol, exp, log, sign

from lossgen.formula import Index, LogSumExp, Sum
from lossgen.formula.atoms import Atom, absorb, expm1, expm1_minus, expm1_ratio, expm1_ratio_slope, log1p, softplus
from lossgen.formula.differences import Plain
from lossgen.formula.lengths import PowerNorm, abs_power, hypot, length_difference, rejection, signed_power, versine
from lossgen.formula.likes import change, others_share, tangent_part
from lossgen.formula.nodes import Entry
from lossgen.formula.paths import log_add_exp
from lossgen.formula.paths import share as path_share

from .naming import names_in, positions_over, rebuilt
from .notation import Named, NamedPositive, indicated

#: Atoms that stand for a plain formula.
SPELT_OUT = (
    *(Plain, hypot, length_difference, rejection, versine, change, tangent_part, others_share),
    *(expm1, expm1_minus, log1p, softplus, log_add_exp),
)
ONE = Integer(1)
PROBABILITIES = ("p", "q", "pi", "rho")


@dataclass
class Reading:
    """Brings formulas of one variant into the form for reading; remembers what the names in them stand for.

    names : the author's names by the parts that they stand for, in the form in which the formulas have them.
    forms : for some of the parts what other parts are in terms of them: the logarithm, the complement.
    taken : names that mean something else.
    spell : whether softmax is p, and stable forms are spelt out; a formula as its author wrote it has the author's names alone.
    """

    names: Mapping[Expr, str] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()
    forms: Mapping[Expr, tuple[Expr, Callable[[Expr], Expr]]] = field(default_factory=dict)
    shares: dict[Expr, Symbol] = field(default_factory=dict)
    used: dict[Named, Expr] = field(default_factory=dict)
    spell: bool = True

    def __post_init__(self) -> None:
        self._parts = sorted(self.names, key=lambda part: (-part.count_ops(), part.sort_key()))
        self._memo: dict[Expr, Expr] = {}

    def __call__(self, expression: Expr) -> Expr:
        return self.read(short_indices(expression))

    def read(self, node: Expr) -> Expr:
        """The node for reading, from the inside out."""
        if node not in self._memo:
            self._memo[node] = self._read(node)
        return self._memo[node]

    def _read(self, node: Expr) -> Expr:
        if node in self.names:
            return self._named(node)
        if node in self.forms:
            part, form = self.forms[node]
            return form(self._named(part))
        if not node.args or isinstance(node, Entry | Named):
            return node
        if isinstance(node, Add | Mul):
            node = self._with_names(node)
        if isinstance(node, Add) and self.spell:
            node = self._with_shares(node)
        if not node.args or isinstance(node, Named):
            return node
        if isinstance(node, PowerNorm):
            return PowerNorm(abs_power(self.read(node.entry), self.read(node.power)), node.index)
        args = [self.read(arg) for arg in node.args]
        same = all(a is b for a, b in zip(args, node.args, strict=True))
        node = node if same else rebuilt(node, args)
        if isinstance(node, absorb):
            return Mul(*node.args)
        if isinstance(node, Mul):
            node = _turned(node)
        return spelt_out(node) if self.spell else node

    def _named(self, part: Expr, negative: bool = False) -> Expr:
        plain = self._others(part).read(part) if self.spell else part
        if isinstance(plain, Named):
            return -plain if negative else plain
        kind = NamedPositive if part.is_positive else Named
        indices = sorted((s for s in part.free_symbols if isinstance(s, Index)), key=lambda s: s.name)
        name = kind(Symbol(self.names[part]), *indices)
        self.used.setdefault(name, part)
        return -name if negative else name

    def _with_names(self, node: Expr) -> Expr:
        """The sum or product, with an author's name for some of its terms or factors."""
        for part in self._parts:
            for own, negative in ((part, False), (-part, True)) if isinstance(part, Add) else ((part, False),):
                if node == own:
                    return self._named(part, negative)
                if type(own) is type(node) and set(own.args) < set(node.args):
                    rest = [arg for arg in node.args if arg not in own.args]
                    node = node.func(*rest, self._named(part, negative))
        return node

    def _with_shares(self, node: Add) -> Expr:
        """f(k) − LSE f as log p(k), for p the softmax of f."""
        for total in sorted(node.atoms(LogSumExp), key=lambda t: t.sort_key()):
            number = node.as_coefficients_dict().get(total, 0)
            for k in [total.index, *positions_over(node, total.index)] if number else ():
                own = total.body.xreplace({total.index: k})
                found = node.as_coefficients_dict()
                counts = [found.get(part, 0) / n for part, n in own.as_coefficients_dict().items()]
                often = min(map(Size, (*counts, number)))
                side = -sign(number)
                if often > 0 and all(count * side > 0 for count in counts):
                    node = Add(node, -often * side * (own - total), often * side * log(self._share(total, k)))
                    number += often * side
                if not number or not isinstance(node, Add):
                    break
            if not isinstance(node, Add):
                break
        return node

    def _share(self, total: LogSumExp, k: Expr) -> Expr:
        free = sorted((s for s in total.free_symbols if isinstance(s, Index)), key=lambda s: s.name)
        if total not in self.shares:
            taken = self.taken | set(self.names.values()) | {s.name for s in self.shares.values()} | names_in(total)
            self.shares[total] = Symbol(next(n for n in PROBABILITIES if n not in taken))
        name = NamedPositive(self.shares[total], *free, k)
        self.used.setdefault(NamedPositive(self.shares[total], *free, total.index), total)
        return name

    def definitions(self, *formulas: Expr) -> Iterator[tuple[Named, Expr]]:
        """What the names in the formulas stand for, those in what they stand for too."""
        seen: set[Symbol] = set()
        waiting = sorted({n for f in formulas for n in f.atoms(Named)}, key=lambda n: n.sort_key())
        by_symbol = {name.args[0]: name for name in self.used}
        while waiting:
            symbol = waiting.pop(0).args[0]
            name = by_symbol.get(symbol)
            if name is None or symbol in seen:
                continue
            seen.add(symbol)
            value = self._value(name)
            yield name, value
            by_symbol |= {name.args[0]: name for name in self.used}
            waiting += sorted(value.atoms(Named), key=lambda n: n.sort_key())

    def _value(self, name: Named) -> Expr:
        part = self.used[name]
        if isinstance(part, LogSumExp) and name.args[0] in self.shares.values():
            body = self.read(part.body)
            other = next(n for n in ("j", "m", "n", "i") if n not in names_in(body))
            j = part.index.axis.index(other)
            return Mul(exp(body), 1 / Sum(exp(body).xreplace({part.index: j}), j), evaluate=False)
        return self._others(part).read(part)

    def _others(self, part: Expr) -> "Reading":
        """The reading without the name of a part."""
        names = {p: n for p, n in self.names.items() if p != part}
        forms = {form: of for form, of in self.forms.items() if of[0] != part}
        return Reading(names, self.taken, forms, self.shares, self.used, self.spell)


def spelt_out(node: Expr) -> Expr:
    """The textbook formula of an atom that the rules found."""
    if isinstance(node, path_share):
        return exp(node.args[0] - node.args[1])
    if isinstance(node, abs_power):
        return Size(node.args[0]) ** node.args[1]
    if isinstance(node, signed_power):
        x, power = node.args
        return sign(x) * Size(x) ** power
    if isinstance(node, expm1_ratio):
        return node.args[0] / (exp(node.args[0]) - 1)
    if isinstance(node, expm1_ratio_slope):
        (x,) = node.args
        return (1 - x / (exp(x) - 1)) / x
    if isinstance(node, Mul):
        return _at_once(node)
    if isinstance(node, SPELT_OUT):
        found = node.definition()
        value = found.args[0][0] if isinstance(found, Piecewise) else found
        return Add(*map(_inner, value.args)) if isinstance(value, Add) else _inner(value)
    return node


def _turned(node: Mul) -> Expr:
    """−(p − 1) as 1 − p, (p − 1)·a as −(1 − p)·a, a·(−[c]) as −a·[c], a·(2x − 2y) as 2·a·(x − y), and p^γ/p as p^(γ − 1)."""
    side = ONE
    powers: dict[Expr, Expr] = {}
    for factor in node.args:
        base, n = (factor, ONE) if isinstance(factor, exp) or factor.is_number else factor.as_base_exp()
        if isinstance(base, Add) and n.is_Integer:
            number, base = base.primitive()
            side *= number**n
        if isinstance(base, Add) and n.is_Integer and n % 2 and _is_less_number(base):
            base, side = Add(*(-t for t in base.args)), -side
        elif isinstance(base, Piecewise) and n.is_Integer and n % 2 and _is_negative(base):
            base, side = Piecewise(*((-value, where) for value, where in base.args)), -side
        powers[base] = powers.get(base, 0) + n
    found = [side, *(base**n for base, n in powers.items())]
    number = Mul(*(f for f in found if f.is_number))
    rest = [f for f in found if not f.is_number]
    if len(rest) == 1 and isinstance(rest[0], Add) and side == -1 and number == -1:
        return Add(*(-t for t in rest[0].args))
    return rebuilt(node, [number, *rest]) if number != 1 else Mul(*rest)


def _is_less_number(node: Add) -> bool:
    """Whether the node is a number less than something positive, as p − 1."""
    return any(t.is_number and t.is_negative for t in node.args) and not all(
        t.could_extract_minus_sign() for t in node.args
    )


def _is_negative(node: Piecewise) -> bool:
    """Whether the select is something negative where its condition holds, and 0 elsewhere."""
    found = indicated(node)
    return found is not None and found[0].could_extract_minus_sign()


def _at_once(node: Mul) -> Expr:
    """[c]·a·[c]·b = [c]·a·b."""
    marked = [f for f in node.args if isinstance(f, Piecewise) and indicated(f)]
    for factor in marked:
        where = indicated(factor)[1]
        same = [f for f in marked if indicated(f)[1] == where]
        if len(same) > 1:
            rest = [f for f in node.args if f not in same]
            return Mul(*rest, Piecewise((Mul(*(indicated(f)[0] for f in same)), where), (0, True)))
    return node


def _inner(node: Expr) -> Expr:
    """A textbook formula within one, and what its author takes for granted at 0."""
    if isinstance(node, Piecewise):
        return node.args[0][0]
    if isinstance(node, Mul):
        return rebuilt(node, [spelt_out(a) if isinstance(a, Atom) else a for a in node.args])
    return spelt_out(node) if isinstance(node, Atom) else node


def short_indices(expression: Expr) -> Expr:
    """The expression with one letter for every index, as far as there are letters."""
    long = [s for s in expression.atoms(Index) if len(s.name) > 1]
    taken = names_in(expression)
    by: dict[Expr, Expr] = {}
    for index in sorted(long, key=lambda s: s.name):
        fresh = next((n for n in (index.name[0], *"kmnijlqrs") if n not in taken), index.name)
        taken.add(fresh)
        by[index] = index.axis.index(fresh)
    return _renamed(expression, by) if by else expression


def _renamed(node: Expr, by: Mapping[Expr, Expr]) -> Expr:
    if node in by:
        return by[node]
    if not node.args:
        return node
    args = [_renamed(arg, by) for arg in node.args]
    return node if all(a is b for a, b in zip(args, node.args, strict=True)) else rebuilt(node, args)
