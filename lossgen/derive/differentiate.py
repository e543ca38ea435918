"""The derivative of an expression along a seed: one operator for gradients, Hessian diagonals and directional derivatives.

The seed says what the derivative of a leaf is. With seed x[i] ↦ Delta(i, k) the result is ∂/∂x[k]; with x[i] ↦ v[i] it
is the derivative along the direction v. Derivatives go through reductions and gathers; the rules then collapse
Σ_i f(i)·Delta(i, k) to f(k), which is what reverse mode computes: an adjoint per reduction, times the derivative of its body.
"""

from collections.abc import Callable

from sympy import Abs, Add, Eq, Expr, Integer, Min, Mul, Piecewise, Pow, exp, expand_mul, log, sign, tanh
from sympy import Max as Largest
from sympy.core.function import ArgumentIndexError, Function

from lossgen.formula import Entry, LogSumExp, SpecError, Sum, absorb, sigmoid
from lossgen.formula.differences import relative_difference
from lossgen.formula.lengths import Norm, PowerNorm, ratio, signed_power
from lossgen.formula.nodes import Delta, Max
from lossgen.formula.paths import share
from lossgen.formula.symbols import Argument

from .rules.terms import cofactor
from .sweeps import TableEntry

Seed = Callable[[Expr], Expr]
ZERO = Integer(0)


def differentiate(expression: Expr, seed: Seed) -> Expr:
    """The derivative of the expression along the seed. Raises SpecError for a node that has none."""
    memo: dict[Expr, Expr] = {}

    def d(node: Expr) -> Expr:
        if node not in memo:
            memo[node] = _derivative(node, d, seed)
        return memo[node]

    return d(expression)


def _derivative(node: Expr, d: Seed, seed: Seed) -> Expr:
    if isinstance(node, Entry | Argument | TableEntry):
        return seed(node)
    if isinstance(node, Delta | sign) or not node.args:
        return ZERO
    for kind, rule in RULES.items():
        if isinstance(node, kind):
            return rule(node, d)
    raise SpecError(f"no derivative of {node.func.__name__} in {node}; write it with the functions of lossgen.formula")


def _product(node: Mul, d: Seed) -> Expr:
    terms = []
    for position, factor in enumerate(node.args):
        slope = d(factor)
        if slope != 0:
            terms.append(Mul(*node.args[:position], slope, *node.args[position + 1 :]))
    return Add(*terms)


def _power(node: Pow, d: Seed) -> Expr:
    base, exponent = node.args
    slope, bend = d(base), d(exponent)
    result = exponent * base ** (exponent - 1) * slope if slope != 0 else ZERO
    return result + (node * log(base) * bend if bend != 0 else ZERO)


def _sum(node: Sum, d: Seed) -> Expr:
    slope = d(node.body)
    return Sum(slope, node.index) if slope != 0 else ZERO


def _logsumexp(node: LogSumExp, d: Seed) -> Expr:
    slope = d(node.body)
    if slope == 0:
        return ZERO
    part = share(node.body, node) if node.body.has(TableEntry) else exp(node.body - node)  # a cell may be −∞
    return Sum(part * slope, node.index)


def _norm(node: Norm, d: Seed) -> Expr:
    """Σ_d f/‖f‖·f′, 0 at the zero vector."""
    slope = d(node.body)
    return Sum(ratio(node.body, node) * slope, node.index) if slope != 0 else ZERO


def _power_norm(node: PowerNorm, d: Seed) -> Expr:
    """Σ_d sign(f)·(|f|/‖f‖)^(p − 1)·f′, 0 at the zero vector: no power of what may leave the range."""
    slope = d(node.entry)
    if slope == 0:
        return ZERO
    return Sum(signed_power(ratio(node.entry, node), node.power - 1) * slope, node.index)


def _largest_entry(node: Max, d: Seed) -> Expr:
    """The mean slope of the entries that attain the maximum, as PyTorch's amax has it."""
    slope = d(node.body)
    if slope == 0:
        return ZERO
    attains = Piecewise((Integer(1), Eq(node.body, node)), (ZERO, True))
    return Sum(attains * slope, node.index) / Sum(attains, node.index)


def _extreme(node: Expr, d: Seed) -> Expr:
    """Of several arguments: the slope of the one that attains the extreme, of the first of them in a tie."""
    slopes = [d(arg) for arg in node.args]
    if all(slope == 0 for slope in slopes):
        return ZERO
    pieces = []
    for position, slope in enumerate(slopes[:-1]):
        lead = expand_mul(
            node.args[position] - node.func(*node.args[position + 1 :])
        )  # against 0: SymPy may not solve a ≥ b
        pieces.append((slope, lead >= 0 if isinstance(node, Largest) else lead <= 0))
    pieces.append((slopes[-1], True))
    return Piecewise(*pieces)


def _piecewise(node: Piecewise, d: Seed) -> Expr:
    slopes = [d(value) for value, _ in node.args]
    if all(slope == 0 for slope in slopes):
        return ZERO
    return Piecewise(*((slope, condition) for slope, (_, condition) in zip(slopes, node.args, strict=True)))


def _absorb(node: absorb, d: Seed) -> Expr:
    """What grows without bound in the slope of v stays absorbed: y/p is 0 for y = 0, also at p = 0, and y·e^x for every x.

    The slope of q = e^u vanishes where q does, so that v stays absorbed beside it.
    """
    q, v = node.args
    rise, slope = d(q), d(v)
    given = absorb(q, v) * cofactor(rise, q) if isinstance(q, exp) and q in Mul.make_args(rise) else v * rise
    terms = [(term, [f for f in Mul.make_args(term) if _is_steep(f)]) for term in Add.make_args(slope)]
    if not any(steep for _, steep in terms):
        return q * slope + given
    return Add(given, *(absorb(q, Mul(*steep)) * cofactor(term, *steep) for term, steep in terms))


def _is_steep(factor: Expr) -> bool:
    return isinstance(factor, exp) or (factor.is_Pow and factor.exp.could_extract_minus_sign())


def _relative_difference(node: relative_difference, d: Seed) -> Expr:
    """Of a/b − 1 it is −(a′·(a/b − 1) + (b′ − a′)·a/b)/b: what a and b have in common is gone from b′ − a′."""
    a, b = node.args
    above, below = d(a), d(b)
    if above == 0 or below == 0:
        return _chain(node, d)
    return -(above * node + (below - above) * a / b) / b


def _chain(node: Function, d: Seed) -> Expr:
    terms = []
    for position, arg in enumerate(node.args, 1):
        slope = d(arg)
        if slope != 0:
            terms.append(_partial(node, position) * slope)
    return Add(*terms)


def _partial(node: Function, position: int) -> Expr:
    try:
        return node.fdiff(position)
    except ArgumentIndexError:
        raise SpecError(f"{node.func.__name__} in {node} has no derivative of this order") from None


def _scaled(outer: Callable[[Expr], Expr]) -> Callable[[Expr, Seed], Expr]:
    """The chain rule for a function of one argument, given its derivative."""

    def rule(node: Expr, d: Seed) -> Expr:
        slope = d(node.args[0])
        return outer(node.args[0]) * slope if slope != 0 else ZERO

    return rule


#: How each kind of node is differentiated; the first that fits.
RULES: dict[type, Callable[[Expr, Seed], Expr]] = {
    Add: lambda node, d: Add(*(d(arg) for arg in node.args)),
    Mul: _product,
    Pow: _power,
    Sum: _sum,
    LogSumExp: _logsumexp,
    Norm: _norm,
    PowerNorm: _power_norm,
    Max: _largest_entry,
    Piecewise: _piecewise,
    Largest: _extreme,
    Min: _extreme,
    exp: _scaled(exp),
    log: _scaled(lambda x: 1 / x),
    Abs: _scaled(sign),
    tanh: _scaled(lambda x: 4 * sigmoid(2 * x) * sigmoid(-2 * x)),
    absorb: _absorb,
    relative_difference: _relative_difference,
    Function: _chain,
}
