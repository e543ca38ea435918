"""What a file of the package imports."""

import ast


def imports(path, root):
    """Every module that a file below `root`, the package's folder, imports; relative imports resolved. Names that it imports
    from a module are there as well: they may be modules themselves."""
    package = ("lossgen", *path.relative_to(root).parts[:-1])
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return found
