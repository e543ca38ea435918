"""Atoms for what cancels between like expressions of two vectors, or within one where a single entry is nearly all of it.

The rules find them in gradients and curvatures of norms; kernels compute them without the subtraction.
"""

from collections.abc import Iterator, Mapping
from itertools import permutations

from sympy import Add, Expr, Integer

from .atoms import Atom
from .axes import Index
from .lengths import Norm, PowerNorm, ratio, signed_power
from .symbols import Argument


class change(Atom):
    """a − b, for b the expression a of another argument: two that nearly agree where the arguments do."""

    nargs = 2

    def definition(self) -> Expr:
        a, b = self.args
        return a - b

    def fdiff(self, argindex: int = 1) -> Expr:
        return Integer(3 - 2 * argindex)


class tangent_part(Atom):
    """u − x·s, for entries u of a vector and x of a unit vector, and s the vector's inner product with the norm's slope at x."""

    nargs = 3

    def definition(self) -> Expr:
        u, x, s = self.args
        return u - x * s

    def fdiff(self, argindex: int = 1) -> Expr:
        _, x, s = self.args
        return (Integer(1), -s, -x)[argindex - 1]


class others_share(Atom):
    """1 − |x|^p, for an entry x of a vector whose p-norm is 1: what the other entries are of the whole."""

    nargs = 2

    def definition(self) -> Expr:
        x, p = self.args
        return 1 - x * signed_power(x, p - 1).definition()

    def fdiff(self, argindex: int = 1) -> Expr:
        x, p = self.args
        if argindex == 2:
            return super().fdiff(argindex)
        return -p * slope_of_norm(x)


def exchanged(a: Expr, b: Expr) -> Mapping[Expr, Expr] | None:
    """What b has in place of parts of a, where that is all they differ in: arguments of one role, or a vector; else None."""
    mine, theirs = (sorted(x.atoms(Argument) - y.atoms(Argument), key=str) for x, y in ((a, b), (b, a)))
    orders = permutations(theirs) if 0 < len(mine) == len(theirs) else ()
    found = [dict(zip(mine, order, strict=True)) for order in orders]
    fitting = [swap for swap in found if all(x.role == y.role for x, y in swap.items())]
    return next((swap for swap in (*fitting, *_vectors(a, b)) if a.xreplace(swap) == b), None)


def _vectors(a: Expr, b: Expr) -> Iterator[Mapping[Expr, Expr]]:
    """g for f, or −g where that is nearer to it, where a has the norm of f and b has that of g in its place."""
    mine, theirs = (x.atoms(Norm, PowerNorm) - y.atoms(Norm, PowerNorm) for x, y in ((a, b), (b, a)))
    if len(mine) != 1 or len(theirs) != 1:
        return
    (f,), (g,) = mine, theirs
    if type(f) is type(g) and f.index.axis == g.index.axis and power_of(f) == power_of(g):
        at = sorted((s for s in a.free_symbols if isinstance(s, Index) and s.axis == f.index.axis), key=str)
        side = facing(entry_of(f, f.index), entry_of(g, f.index))
        pairs = [(entry_of(f, k), side * entry_of(g, k)) for k in at]
        yield {f: g, **dict(pairs), **{-x: -y for x, y in pairs}}


def facing(f: Expr, g: Expr) -> int:
    """1, or −1 where the entries f and −g have more in common than f and g: a norm may be that of either."""
    return -1 if len(Add.make_args(f + g)) < len(Add.make_args(f - g)) else 1


def slope_of_norm(x: ratio) -> Expr:
    """∂‖f‖/∂f(k) for the entry x = f(k)/‖f‖: x itself, or sign(x)·|x|^(p − 1)."""
    norm = x.args[1]
    return signed_power(x, norm.power - 1) if isinstance(norm, PowerNorm) else x


def power_of(norm: Expr) -> Expr:
    """The p of a p-norm."""
    return norm.power if isinstance(norm, PowerNorm) else Integer(2)


def entry_of(norm: Expr, at: Index) -> Expr:
    """The vector's entry at a position, of a norm."""
    return (norm.entry if isinstance(norm, PowerNorm) else norm.body).xreplace({norm.index: at})


def position_of(x: ratio) -> Index | None:
    """The position k of the entry x = f(k)/‖f‖, for a norm that is over the same axis; None for any other quotient."""
    entry, norm = x.args
    for k in sorted((s for s in entry.free_symbols if isinstance(s, Index)), key=str):
        if k.axis == norm.index.axis and entry in (here := entry_of(norm, k), -here):
            return k
    return None
