"""Functions that kernels of one module share: a step is printed once, and called with the names it uses."""

import ast
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

#: What every module defines or imports itself.
GLOBALS = frozenset({"np", "math", "real", "integer", "zero", "one", "range", "abs", "min", "max", "TINY", "add"})


@dataclass(frozen=True)
class SharedFunction:
    """A function as the template prints it."""

    name: str
    summary: str
    arguments: tuple[str, ...]
    lines: tuple[str, ...]


@dataclass
class Pool:
    """The functions so far; `library` are the names of the math functions, which are no arguments."""

    library: Collection[str]
    functions: list[SharedFunction] = field(default_factory=list)

    def call(self, name: str, summary: str, lines: Iterable[str]) -> str:
        """The call of the function with these lines; equal lines are one function, other ones of its name are numbered."""
        lines = tuple(lines)
        arguments = self._free_names(lines)
        for known in self.functions:
            if (known.summary, known.arguments, known.lines) == (summary, arguments, lines):
                return f"{known.name}({', '.join(arguments)})"
        taken, own, number = {known.name for known in self.functions}, name, 1
        while own in taken:
            number += 1
            own = f"{name}_{number}"
        self.functions.append(SharedFunction(own, summary, arguments, lines))
        return f"{own}({', '.join(arguments)})"

    def _free_names(self, lines: tuple[str, ...]) -> tuple[str, ...]:
        """The names that are read before the lines give them a value, in the order in which they are first read."""
        names = [node for node in ast.walk(ast.parse("\n".join(lines))) if isinstance(node, ast.Name)]
        names.sort(key=lambda node: (node.lineno, node.col_offset))
        made = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        read = (node.id for node in names if isinstance(node.ctx, ast.Load))
        return tuple(dict.fromkeys(n for n in read if n not in made | GLOBALS and n not in self.library))
