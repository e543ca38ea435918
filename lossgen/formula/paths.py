"""Sums over paths, in the log domain: log Σ e^u of a few terms, and e^(u − v) where v may be −∞."""

from sympy import Expr, exp, log, oo

from .atoms import Atom


class log_add_exp(Atom):
    """log(e^u + e^v + …), −∞ where every term is −∞."""

    @classmethod
    def eval(cls, *terms: Expr) -> Expr | None:
        kept = [term for term in terms if term is not -oo]
        if not kept:
            return -oo
        if len(kept) == 1:
            return kept[0]
        return cls(*kept) if len(kept) < len(terms) else None

    def definition(self) -> Expr:
        return log(sum(exp(term) for term in self.args))

    def fdiff(self, argindex: int = 1) -> Expr:
        return share(self.args[argindex - 1], self)

    def _latex(self, printer, exp=None) -> str:
        terms = ", ".join(map(printer.doprint, self.args))
        base = rf"\operatorname{{logsumexp}}\left({terms}\right)"
        return base if exp is None else rf"{base}^{{{exp}}}"


class share(Atom):
    """e^(u − v), and 0 where u or v is −∞: how much of all paths, e^v, go the way that e^u counts."""

    nargs = 2
    is_nonnegative = True

    def definition(self) -> Expr:
        u, v = self.args
        return exp(u - v)

    def fdiff(self, argindex: int = 1) -> Expr:
        return self if argindex == 1 else -self

    def _latex(self, printer, exp=None) -> str:
        u, v = self.args
        base = rf"e^{{{printer.doprint(u)} - {printer.parenthesize(v, 40)}}}"
        return base if exp is None else rf"\left({base}\right)^{{{exp}}}"
