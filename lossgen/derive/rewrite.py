"""Applies named rules to an expression, bottom-up, until none fires."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sympy import Expr

from lossgen.formula import SpecError

#: A rule returns the better form of a node, or None where it does not apply. Its docstring is its formula.
Rule = Callable[[Expr], Expr | None]

#: Rules make expressions simpler; a set of rules that undo each other is a mistake in the rules.
MOST_STEPS = 200


@dataclass
class Trace:
    """The rules that fired, in order: what the documentation shows as steps."""

    steps: list[tuple[str, Expr, Expr]] = field(default_factory=list)


class Rewriter:
    """Rewrites expressions with a fixed list of rules; nodes already seen are not rewritten twice."""

    def __init__(self, rules: Sequence[Rule], trace: Trace | None = None) -> None:
        self.rules = tuple(rules)
        self.trace = trace if trace is not None else Trace()
        self._memo: dict[Expr, Expr] = {}

    def __call__(self, expression: Expr) -> Expr:
        return self._rewrite(expression, 0)

    def _rewrite(self, node: Expr, depth: int) -> Expr:
        if node in self._memo or not node.args:
            return self._memo.get(node, node)
        if depth > MOST_STEPS:
            raise SpecError(f"the rewrite rules do not come to an end at {node}")
        args = [self._rewrite(arg, depth) for arg in node.args]
        current = node if all(a is b for a, b in zip(args, node.args, strict=True)) else node.func(*args)
        made_anew = current.func is not node.func  # by SymPy, with parts of its own that no rule has seen
        result = self._rewrite(current, depth + 1) if made_anew else self._apply(current, depth)
        self._memo[node] = result
        return result

    def _apply(self, node: Expr, depth: int) -> Expr:
        for rule in self.rules:
            better = rule(node)
            if better is not None and better != node:
                self.trace.steps.append((rule.__name__, node, better))
                return self._rewrite(better, depth + 1)
        return node
