"""Rules for sums over an axis."""

from itertools import count

from sympy import Add, Expr, Integer, Mul, Piecewise, exp, expand_mul, oo

from lossgen.formula import Axis, Index, LogSumExp, Sum
from lossgen.formula.nodes import Delta, Reduction


def canonical_index(node: Expr) -> Expr | None:
    """Σ_j f(j) = Σ_c f(c): the index is named after its axis and the depth of reductions inside, so that equals are equal."""
    if not isinstance(node, Reduction):
        return None
    axis = node.index.axis
    names = (axis.name.lower() + (str(n) if n else "") for n in count(_depth(node.body, axis)))
    taken = node.free_symbols
    index = next(i for i in map(axis.index, names) if i not in taken)
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


def sum_of_guarded_exponentials(node: Expr) -> Expr | None:
    """Σ_c (e^f(c) where a condition holds, else 0) = e^LSE_c (f(c) where it holds, else −∞): a sum without some entries."""
    if not isinstance(node, Sum) or not isinstance(node.body, Piecewise) or len(node.body.args) != 2:
        return None
    (value, condition), (other, _) = node.body.args
    if not isinstance(value, exp) or other != 0:
        return None
    return exp(LogSumExp(Piecewise((value.args[0], condition), (-oo, True)), node.index))


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
    """Σ_c f(c)·[c = y] = f(y), also for f·[c = y] in the pieces of a Piecewise, for y in the range of c."""
    if not isinstance(node, Sum):
        return None
    for delta in _deltas(node.body, node):
        if _vanishes_without(node.body, delta):
            return node.body.xreplace({delta: Integer(1)}).xreplace({node.index: delta.other(node.index)})
    return None


def factor_out_of_sum(node: Expr) -> Expr | None:
    """Σ_c a·f(c) = a·Σ_c f(c), for a that does not depend on c; also where f is 0 unless a condition holds."""
    if not isinstance(node, Sum):
        return None
    guarded = isinstance(node.body, Piecewise) and len(node.body.args) == 2 and node.body.args[1].expr == 0
    body, condition = node.body.args[0] if guarded else (node.body, None)
    if not isinstance(body, Mul):
        return None
    free = [f for f in body.args if node.index not in f.free_symbols]
    rest = Mul(*(f for f in body.args if node.index in f.free_symbols))
    if not free or (rest == 1 and not guarded):
        return None
    return Mul(*free, Sum(Piecewise((rest, condition), (0, True)) if guarded else rest, node.index))


def split_exponential(node: Expr) -> Expr | None:
    """Σ_c g(c)·e^(a(c) + b − n·LSE f) = e^(b − (n − m)·LSE f)·Σ_c g(c)·e^(a(c) − m·LSE f), for a(c) = m·f(c), b an entry elsewhere.

    A sum that does not depend on another position is computed once, not for every position.
    """
    if not isinstance(node, Sum) or not isinstance(node.body, Mul):
        return None
    for factor in node.body.args:
        if not isinstance(factor, exp):
            continue
        terms = Add.make_args(factor.args[0])
        free = [t for t in terms if node.index not in t.free_symbols]
        if any(isinstance(s, Index) for t in free for s in t.free_symbols):
            bound = [t for t in terms if node.index in t.free_symbols]
            near = [_share(t, bound, node.index) for t in free]
            inside, outside = Add(*bound, *near), Add(*(t - n for t, n in zip(free, near, strict=True)))
            rest = Mul(*(f for f in node.body.args if f is not factor))
            return exp(outside) * Sum(rest * exp(inside), node.index)
    return None


def sum_of_constant(node: Expr) -> Expr | None:
    """Σ_c a = C·a, for a that does not depend on c and C the length of the axis."""
    if isinstance(node, Sum) and node.index not in node.body.free_symbols:
        return node.index.axis.size * node.body
    return None


def _depth(body: Expr, axis: Axis) -> int:
    inner = [r for r in body.atoms(Reduction) if r.index.axis == axis]
    return 1 + max(_depth(r.body, axis) for r in inner) if inner else 0


def _share(term: Expr, bound: list[Expr], index: Index) -> Expr:
    """Of the term −n·LSE f: −m·LSE f, where m·f(c) is among the bound terms; 0 of any other term."""
    n, atom = term.as_coeff_Mul()
    if not isinstance(atom, LogSumExp) or n >= 0:
        return Integer(0)
    here = atom.body.xreplace({atom.index: index})
    m = (
        Add(*bound).as_coefficients_dict().get(here, 0)
        if not isinstance(here, Add)
        else int(all(t in bound for t in here.args))
    )
    return max(n, -m) * atom if m > 0 else Integer(0)


def _deltas(body: Expr, node: Sum) -> list[Delta]:
    return sorted((delta for delta in body.atoms(Delta) if delta.other(node.index) is not None), key=str)


def _has_delta(body: Expr, node: Sum) -> bool:
    return bool(_deltas(body, node))


def _vanishes_without(body: Expr, delta: Delta) -> bool:
    """Whether the indicator is a factor of the body: as it stands, within a sum over another index, or in every piece."""
    for factor in Mul.make_args(body):
        if factor == delta or (isinstance(factor, Sum) and _vanishes_without(factor.body, delta)):
            return True
        if isinstance(factor, Piecewise) and all(
            not condition.has(delta) and (value == 0 or _vanishes_without(value, delta))
            for value, condition in factor.args
        ):
            return True
    return False


def _split_pieces(body: Piecewise, node: Sum) -> Expr:
    """A Piecewise for what carries no indicator of the index, and one for each indicator; as it is where that is not possible."""
    pieces = [(Add.make_args(_expand_deltas(value, node)), condition) for value, condition in body.args]
    deltas = [d for d in _deltas(body, node) if not any(condition.has(d) for _, condition in pieces)]
    parts, rest = [], [list(terms) for terms, _ in pieces]
    for delta in deltas:
        values = []
        for terms in rest:
            marked = [t for t in terms if _vanishes_without(t, delta)]
            values.append(Add(*marked))
            terms[:] = [t for t in terms if t not in marked]
        parts.append(Piecewise(*((v, condition) for v, (_, condition) in zip(values, pieces, strict=True))))
    return Add(
        *parts, Piecewise(*((Add(*terms), condition) for terms, (_, condition) in zip(rest, pieces, strict=True)))
    )


def _expand_deltas(body: Expr, node: Sum) -> Expr:
    """Multiplies out the sums that hold an indicator of the index, and nothing else."""
    if isinstance(body, Add):
        return Add(*(_expand_deltas(term, node) if _has_delta(term, node) else term for term in body.args))
    if isinstance(body, Piecewise):
        return _split_pieces(body, node)
    if isinstance(body, Sum):
        return Add(*(Sum(term, body.index) for term in Add.make_args(_expand_deltas(body.body, node))))
    if not isinstance(body, Mul):
        return body
    with_delta = [f for f in body.args if _has_delta(f, node)]
    without = Mul(*(f for f in body.args if not _has_delta(f, node)))
    if not any(isinstance(f, Add | Piecewise | Sum) for f in with_delta):
        return body
    expanded = expand_mul(Mul(*(_expand_deltas(f, node) for f in with_delta)), deep=False)
    return Add(*(Mul(term, without) for term in Add.make_args(expanded)))
