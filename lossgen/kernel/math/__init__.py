"""Math functions as source text: a generated kernel module prints exactly the functions it calls.

A printed module must define, before the text, `real` and `integer` (np.float32 and np.int32, or np.float64 and
np.int64) and `MATH` (see `MATH_FLAGS`), and import `numpy as np` and `njit`.
"""

import ast
import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from lossgen.kernel.math import (
    differences,
    float32,
    float32_log,
    float64,
    float64_power,
    infinities,
    lengths,
    path_numbers,
    paths,
    scaled_paths,
    sums,
)

# `contract` lets LLVM fuse a product and a sum; nothing else, since reassociation would destroy the error terms.
MATH_FLAGS = 'dict(fastmath={"contract"}, error_model="numpy", forceinline=True, no_cfunc_wrapper=True)'

_MODULES = {
    "float32": (float32, float32_log, lengths, differences, sums, infinities, paths),
    "float64": (float64, float64_power, lengths, differences, sums, infinities, paths, path_numbers, scaled_paths),
}
_HEADER = frozenset({"real", "integer"})


@dataclass(frozen=True, slots=True)
class _Definition:
    text: str
    uses: frozenset[str]
    is_function: bool


class Library:
    """The functions and constants of the text of scalar math functions, in definition order."""

    def __init__(self, text: str) -> None:
        self._definitions = _definitions(text)
        self.defined: tuple[str, ...] = tuple(self._definitions)
        self.names: tuple[str, ...] = tuple(n for n, d in self._definitions.items() if d.is_function)

    def source(self, wanted: Iterable[str], decorator: str = "@njit(**MATH)") -> str:
        """The text of the wanted functions and constants and of all they use, in definition order.

        Each function stands under the decorator, or bare where that is empty; constants come first.

        Raises:
            ValueError: a wanted name is not in the library.
        """
        wanted = list(wanted)
        for name in wanted:
            if name not in self.defined:
                raise ValueError(f"no math function {name!r}; there are: {', '.join(self.names)}")
        needed = self._closure(wanted)
        constants = [d.text for n, d in self._definitions.items() if n in needed and not d.is_function]
        above = f"{decorator}\n" if decorator else ""
        functions = [above + d.text for n, d in self._definitions.items() if n in needed and d.is_function]
        blocks = ["\n".join(constants), *functions] if constants else functions
        return "\n\n\n".join(blocks) + "\n" if blocks else ""

    def _closure(self, wanted: Iterable[str]) -> set[str]:
        needed: set[str] = set()
        waiting = list(wanted)
        while waiting:
            name = waiting.pop()
            if name not in needed:
                needed.add(name)
                waiting.extend(self._definitions[name].uses)
        return needed


@cache
def library(dtype: str) -> Library:
    """The math functions for a dtype, "float32" or "float64".

    Raises:
        ValueError: any other dtype.
    """
    if dtype not in _MODULES:
        raise ValueError(f"no math functions for dtype {dtype!r}; there are: {', '.join(_MODULES)}")
    return Library("\n".join(inspect.getsource(module) for module in _MODULES[dtype]))


def _definitions(text: str) -> dict[str, _Definition]:
    """The functions and `NAME = value` constants of the text, without `real` and `integer`."""
    nodes: dict[str, ast.FunctionDef | ast.Assign] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            nodes[node.name] = node
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            nodes[node.targets[0].id] = node
    lines = text.splitlines()
    return {
        name: _Definition(
            text="\n".join(lines[node.lineno - 1 : node.end_lineno]),
            uses=frozenset(_loaded(node) & nodes.keys() - _HEADER),
            is_function=isinstance(node, ast.FunctionDef),
        )
        for name, node in nodes.items()
        if name not in _HEADER
    }


def _loaded(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
