"""Rules for sums over an axis."""

from sympy import Add, Expr, Integer, Mul, exp, expand_mul

from lossgen.formula import Axis, LogSumExp, Sum
from lossgen.formula.nodes import Delta, Reduction


def canonical_index(node: Expr) -> Expr | None:
    """Σ_j f(j) = Σ_c f(c): the index is named after its axis and the depth of reductions inside, so that equals are equal."""
    if not isinstance(node, Reduction):
        return None
    axis = node.index.axis
    depth = _depth(node.body, axis)
    index = axis.index(axis.name.lower() + (str(depth) if depth else ""))
    return node.func(node.body.xreplace({node.index: index}), index) if index != node.index else None


def logsumexp_shift(node: Expr) -> Expr | None:
    """LSE_c (f(c) + a) = a + LSE_c f(c), for a that does not depend on c; so Σ_c softmax(f)_c = e^0 = 1."""
    if not isinstance(node, LogSumExp) or not isinstance(node.body, Add):
        return None
    free = [t for t in node.body.args if node.index not in t.free_symbols]
    rest = Add(*(t for t in node.body.args if node.index in t.free_symbols))
    return Add(*free, LogSumExp(rest, node.index)) if free else None


def sum_of_exponentials(node: Expr) -> Expr | None:
    """Σ_c e^f(c) = e^LSE_c f(c), for every f: nothing overflows, and e^a / Σ e^f becomes e^(a − LSE f)."""
    if isinstance(node, Sum) and isinstance(node.body, exp):
        return exp(LogSumExp(node.body.args[0], node.index))
    return None


def split_delta_terms(node: Expr) -> Expr | None:
    """Σ_c (f(c)·[c = y] + g(c)) = Σ_c f(c)·[c = y] + Σ_c g(c): only where an indicator of the index occurs."""
    if not isinstance(node, Sum) or not _has_delta(node.body, node):
        return None
    body = _expand_deltas(node.body, node)
    if not isinstance(body, Add):
        return Sum(body, node.index) if body != node.body else None
    marked = [term for term in body.args if _has_delta(term, node)]
    rest = Add(*(term for term in body.args if not _has_delta(term, node)))
    return Add(*(Sum(term, node.index) for term in marked), Sum(rest, node.index) if rest != 0 else Integer(0))


def collapse_delta(node: Expr) -> Expr | None:
    """Σ_c f(c)·[c = y] = f(y), for y in the range of c."""
    if not isinstance(node, Sum):
        return None
    for factor in Mul.make_args(node.body):
        other = factor.other(node.index) if isinstance(factor, Delta) else None
        if other is not None:
            return Mul(*(f for f in Mul.make_args(node.body) if f is not factor)).xreplace({node.index: other})
    return None


def factor_out_of_sum(node: Expr) -> Expr | None:
    """Σ_c a·f(c) = a·Σ_c f(c), for a that does not depend on c."""
    if not isinstance(node, Sum) or not isinstance(node.body, Mul):
        return None
    free = [f for f in node.body.args if node.index not in f.free_symbols]
    rest = [f for f in node.body.args if node.index in f.free_symbols]
    return Mul(*free, Sum(Mul(*rest), node.index)) if free and rest else None


def sum_of_constant(node: Expr) -> Expr | None:
    """Σ_c a = C·a, for a that does not depend on c and C the length of the axis."""
    if isinstance(node, Sum) and node.index not in node.body.free_symbols:
        return node.index.axis.size * node.body
    return None


def _depth(body: Expr, axis: Axis) -> int:
    inner = [r for r in body.atoms(Reduction) if r.index.axis == axis]
    return 1 + max(_depth(r.body, axis) for r in inner) if inner else 0


def _has_delta(body: Expr, node: Sum) -> bool:
    return any(delta.other(node.index) is not None for delta in body.atoms(Delta))


def _expand_deltas(body: Expr, node: Sum) -> Expr:
    """Multiplies out the sums that hold an indicator of the index, and nothing else."""
    if isinstance(body, Add):
        return Add(*(_expand_deltas(term, node) if _has_delta(term, node) else term for term in body.args))
    if not isinstance(body, Mul):
        return body
    with_delta = [f for f in body.args if _has_delta(f, node)]
    without = Mul(*(f for f in body.args if not _has_delta(f, node)))
    if not any(isinstance(f, Add) for f in with_delta):
        return body
    expanded = expand_mul(Mul(*(_expand_deltas(f, node) for f in with_delta)), deep=False)
    return Add(*(Mul(term, without) for term in Add.make_args(expanded)))
