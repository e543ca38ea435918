"""The rule for the gradient of a softmax against a distribution."""

from sympy import Add, Expr, Mul, exp

from lossgen.formula import Index, LogSumExp, Sum
from lossgen.formula.atoms import expm1
from lossgen.formula.symbols import depends_on

from .terms import cofactor, negated


def softmax_residual(node: Expr) -> Expr | None:
    """a·p·Σ_c b(c) − a·b(k) = a·b(k)·expm1(log p) + a·p·(Σ_c b(c) − b(k)), for p = e^(f(k) − LSE f), a target in b.

    Digits in a confident row: where the target is one-hot at k the second term is exactly 0, and the first keeps 1 − p.
    """
    if not isinstance(node, Add):
        return None
    for term in node.args:
        for share in (f for f in Mul.make_args(term) if isinstance(f, exp) and f.args[0].has(LogSumExp)):
            for total in (f for f in Mul.make_args(term) if isinstance(f, Sum) and depends_on(f, "target")):
                a = cofactor(term, share, total)
                for k in sorted((s for s in share.free_symbols if isinstance(s, Index)), key=str):
                    own = total.body.xreplace({total.index: k})
                    other = negated(a * own)
                    if other in node.args:
                        rest = Add(*(t for t in node.args if t not in (term, other)))
                        return Add(a * own * expm1(share.args[0]), a * share * (total - own), rest)
    return None
