"""The form of a formula in which it is read: the author's names, softmax as p, and textbook formulas for the stable ones."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from sympy import Abs as Size
from sympy import Add, Expr, Mul, Symbol, Tuple, exp, log, sign

from lossgen.formula import Index, LogSumExp, Sum
from lossgen.formula.atoms import absorb
from lossgen.formula.infinities import infinite_with
from lossgen.formula.lengths import PowerNorm, abs_power
from lossgen.formula.nodes import Entry
from lossgen.formula.paths import share as path_share

from .named import Named, NamedPositive
from .naming import names_in, positions_over, rebuilt
from .spelt import short_indices, spelt_out, turned

PROBABILITIES = ("p", "q", "pi", "rho")


class Softmax(Expr):
    """Says of a log-sum-exp that a name stands for the softmax of what it is over."""


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
        if isinstance(node, path_share):
            return self.read(exp(node.args[0] - node.args[1]))
        if isinstance(node, PowerNorm):
            return PowerNorm(abs_power(self.read(node.entry), self.read(node.power)), node.index)
        args = [self.read(arg) for arg in node.args]
        same = all(a is b for a, b in zip(args, node.args, strict=True))
        node = node if same else rebuilt(node, args)
        if isinstance(node, absorb):
            return Mul(*node.args)
        if isinstance(node, infinite_with) and node.args[0] == node.args[1]:
            return node.args[0]
        if isinstance(node, Mul):
            node = turned(node)
        return spelt_out(node) if self.spell else node

    def _named(self, part: Expr, negative: bool = False) -> Expr:
        plain = self._others(part).read(part) if self.spell else part
        if isinstance(plain, Named):
            return -plain if negative else plain
        kind = NamedPositive if part.is_positive else Named
        positions = sorted((s for s in part.free_symbols if isinstance(s, Index)), key=lambda s: s.name)
        name = kind(Symbol(self.names[part]), *positions)
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
            for k in _positions(node, total) if number else ():
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
        """The softmax at k: one letter for all rows of an array."""
        row = isinstance(total.body, Entry)
        key = Tuple(total.body.base, total.body.indices.index(total.index)) if row else total
        if key not in self.shares:
            taken = self.taken | set(self.names.values()) | {s.name for s in self.shares.values()} | names_in(total)
            self.shares[key] = Symbol(next(n for n in PROBABILITIES if n not in taken))
        free = sorted((s for s in total.free_symbols if isinstance(s, Index)), key=lambda s: s.name)
        positions = total.body.indices if row else (*free, total.index)
        name = NamedPositive(self.shares[key], *positions)
        if all(isinstance(p, Index) for p in positions) or not any(n.args[0] == name.args[0] for n in self.used):
            self.used.setdefault(name, Softmax(total))
        return name.xreplace({total.index: k})

    def shown(self) -> Iterator[tuple[Named, Expr]]:
        """What every softmax stands for that was met."""
        yield from self.definitions(*(name for name, part in self.used.items() if isinstance(part, Softmax)))

    def definitions(self, *formulas: Expr) -> Iterator[tuple[Named, Expr]]:
        """What the names in the formulas stand for, those in what they stand for too."""
        seen: set[Symbol] = set()
        waiting = sorted({n for f in formulas for n in f.atoms(Named)}, key=lambda n: n.sort_key())
        by_symbol = {name.args[0]: name for name in reversed(self.used)}
        while waiting:
            symbol = waiting.pop(0).args[0]
            name = by_symbol.get(symbol)
            if name is None or symbol in seen:
                continue
            seen.add(symbol)
            value = self._value(name)
            yield name, value
            by_symbol = {name.args[0]: name for name in reversed(self.used)}
            waiting += sorted(value.atoms(Named), key=lambda n: n.sort_key())

    def _value(self, name: Named) -> Expr:
        part = self.used[name]
        if isinstance(part, Softmax):
            part = part.args[0]
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


def _positions(node: Expr, total: LogSumExp) -> list[Expr]:
    """Where the row of a log-sum-exp is read in the node."""
    found = [total.index, *positions_over(node, total.index)]
    for own in sorted(total.body.atoms(Entry), key=lambda e: e.sort_key()):
        if total.index in own.indices:
            at = own.indices.index(total.index)
            others = [e for e in node.atoms(Entry) if e.base == own.base and len(e.indices) == len(own.indices)]
            found += sorted((e.indices[at] for e in others), key=lambda p: p.sort_key())
    return list(dict.fromkeys(found))
