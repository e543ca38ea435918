"""The constructs that are not plain SymPy: an entry of an array, a reduction over an axis, an indicator."""

from collections.abc import Mapping
from itertools import count

from sympy import Expr, Integer, Symbol, exp, log
from sympy.core.function import Function
from sympy.printing.latex import LatexPrinter
from sympy.printing.pretty.stringpict import prettyForm

from .axes import Index
from .letters import set_name


class Entry(Expr):
    """The entry of an array argument at an index: x[c], or x[y] for a class index y; at several for several axes, x[t, c]."""

    is_commutative = True
    is_real = True
    is_extended_real = True

    def __new__(cls, base: Symbol, *indices: Expr) -> "Entry":
        return Expr.__new__(cls, base, *indices)

    @property
    def base(self) -> Symbol:
        return self.args[0]

    @property
    def index(self) -> Expr:
        """The only index, or the last of several."""
        return self.args[-1]

    @property
    def indices(self) -> tuple[Expr, ...]:
        return self.args[1:]

    def _sympystr(self, printer) -> str:
        return f"{self.base}[{', '.join(map(printer.doprint, self.indices))}]"

    def _latex(self, printer: LatexPrinter, **_) -> str:
        return set_name(self.base.name, *map(printer.doprint, self.indices))

    def _pretty(self, printer):
        return printer._print(Symbol(str(self)))


class LabelEntry(Entry):
    """The class index at a position of a sequence of labels."""

    is_integer = True
    is_nonnegative = True


class Reduction(Expr):
    """A number made from the body at every position of an axis. The index is bound."""

    is_commutative = True
    is_real = True
    is_extended_real = True
    symbol = ""
    glyph = ""

    def __new__(cls, body: Expr, index: Index) -> "Reduction":
        return Expr.__new__(cls, body, index)

    @property
    def body(self) -> Expr:
        return self.args[0]

    @property
    def index(self) -> Index:
        return self.args[1]

    @property
    def free_symbols(self) -> set[Symbol]:
        return self.body.free_symbols - {self.index}

    @property
    def bound_symbols(self) -> list[Symbol]:
        return [self.index]

    def _eval_subs(self, old: Expr, new: Expr) -> Expr | None:
        return self if old == self.index else None

    def _xreplace(self, rule):
        """Substitution leaves the bound index alone, and renames it where the new parts would be bound by it."""
        if self in rule:
            return rule[self], True
        if not isinstance(rule, Mapping):  # one of SymPy's rewritings of any node, which need not reach what is bound
            return self, False
        rule = {old: new for old, new in rule.items() if old != self.index}
        coming = {symbol for old, new in rule.items() if self.body.has_free(old) for symbol in new.free_symbols}
        if self.index not in coming:
            body, changed = self.body._xreplace(rule)
            return (self.func(body, self.index), True) if changed else (self, False)
        used = {symbol.name for symbol in coming | self.body.free_symbols}
        fresh = next(n for n in (f"{self.index.name}_{i}" for i in count(1)) if n not in used)
        index = self.index.axis.index(fresh)
        return self.func(self.body.xreplace({self.index: index}).xreplace(rule), index), True

    def _sympystr(self, printer) -> str:
        return f"{type(self).__name__}({printer.doprint(self.body)}, {self.index})"

    def _latex(self, printer: LatexPrinter, **_) -> str:
        body = printer.parenthesize(self.body, 40)
        return rf"{self.symbol}_{{{printer.doprint(self.index)}}} {body}"

    def _pretty(self, printer):
        body = prettyForm(*printer._print(self.body).parens())
        head = printer._print(Symbol(f"{self.glyph}_{self.index.name}"))
        return prettyForm(*body.left(head, " "), binding=prettyForm.POW)  # a power of it needs parentheses


class Sum(Reduction):
    """Sum(f(c), c): the sum of the body over the axis of c."""

    symbol = r"\sum"
    glyph = "∑"


class Max(Reduction):
    """Max(f(c), c): the largest value of the body over the axis of c."""

    symbol = r"\max"
    glyph = "max"


class LogSumExp(Reduction):
    """log Σ_c exp f(c). Authors write log(Sum(exp(f), c)); the rules find it."""

    symbol = r"\operatorname{logsumexp}"
    glyph = "LSE"


class Delta(Function):
    """1 where two indices are equal, else 0 (Kronecker)."""

    nargs = 2
    is_commutative = True
    is_real = True
    is_extended_real = True
    is_nonnegative = True

    @classmethod
    def eval(cls, a: Expr, b: Expr) -> Expr | None:
        if a == b:
            return Integer(1)
        if a.sort_key() > b.sort_key():
            return cls(b, a)
        return None

    def _pretty(self, printer):
        return prettyForm(*printer._print(Symbol(f"{self.args[0]} = {self.args[1]}")).parens("[", "]"))

    def _eval_power(self, exponent: Expr) -> Expr | None:
        return self if exponent.is_positive else None

    def other(self, index: Symbol) -> Symbol | None:
        """The index that `index` is compared with, if it is one of the two."""
        a, b = self.args
        return b if a == index else a if b == index else None

    def _latex(self, printer: LatexPrinter, **_) -> str:
        return rf"[{printer.doprint(self.args[0])} = {printer.doprint(self.args[1])}]"


def softmax(x: Symbol, at: Symbol) -> Expr:
    """exp(x[at]) / Σ_j exp(x[j]): the softmax of a row, read at one position."""
    j = x.axis.index("j")
    return exp(x[at]) / Sum(exp(x[j]), j)


def log_softmax(x: Symbol, at: Symbol) -> Expr:
    """log softmax(x)[at], as a formula writes it."""
    return log(softmax(x, at))
