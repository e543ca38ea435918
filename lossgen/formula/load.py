"""Finds the losses of a project: imports every file under its `spec/` folder."""

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from .errors import SpecError
from .loss import Loss


def load_losses(spec: Path) -> dict[str, Loss]:
    """Every loss defined under the folder, by name, in alphabetical order.

    The folder is imported afresh as a package under a private name, so that its files may use relative imports of each
    other and no two projects meet; nothing of it stays in `sys.modules`. Raises SpecError for a missing folder, a file
    that cannot be imported (naming file and line) and for two losses of one name.
    """
    spec = spec.resolve()
    if not spec.is_dir():
        raise SpecError(
            f"spec folder {spec}: no such folder; give one with --spec or in [tool.lossgen] of pyproject.toml"
        )
    package = "_lossgen_spec_" + sha256(str(spec).encode()).hexdigest()[:12]
    finder = _Finder(package, spec)
    sys.meta_path.insert(0, finder)
    losses: dict[str, Loss] = {}
    try:
        for name, path in [(package, spec / "__init__.py"), *_modules(package, spec)]:
            for found in _losses_of(importlib.import_module(name), path):
                if found.name in losses:
                    first = losses[found.name].source.relative_to(spec)
                    raise SpecError(f"{found.name} is defined twice: in {first} and {path.relative_to(spec)}")
                losses[found.name] = found
    finally:
        sys.meta_path.remove(finder)
        for name in [n for n in sys.modules if n == package or n.startswith(package + ".")]:
            del sys.modules[name]
    return dict(sorted(losses.items()))


def _modules(package: str, folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name.isidentifier() and path.name != "__pycache__":
            yield f"{package}.{path.name}", path / "__init__.py"
            yield from _modules(f"{package}.{path.name}", path)
        elif path.suffix == ".py" and path.name != "__init__.py":
            if not path.stem.isidentifier():
                raise SpecError(f"{path.name}: a file of formulas needs a name that Python can import")
            yield f"{package}.{path.stem}", path


class _Finder(MetaPathFinder, Loader):
    """Imports the files of one folder from their source, never from bytecode, which may be older; leaves no bytecode behind.

    A folder needs no `__init__.py`.
    """

    def __init__(self, package: str, root: Path) -> None:
        self.package, self.root = package, root

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        head, *rest = name.split(".")
        if head != self.package:
            return None
        place = self.root.joinpath(*rest)
        if place.is_dir():
            return importlib.util.spec_from_file_location(
                name, place / "__init__.py", loader=self, submodule_search_locations=[str(place)]
            )
        file = place.with_suffix(".py")
        return importlib.util.spec_from_file_location(name, file, loader=self) if file.is_file() else None

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        path = Path(module.__file__)
        if not path.exists():
            return
        shown = path.relative_to(self.root)
        try:
            source = path.read_text(encoding="utf-8")
            exec(compile(source, str(path), "exec"), module.__dict__)
            _check_definitions(source, shown)
        except SyntaxError as error:
            raise SpecError(f"{_shown(error.filename, self.root)}:{error.lineno}: {error.msg}", placed=True) from error
        except SpecError as error:
            raise error if error.placed else SpecError(f"{shown}:{_line(error, path)}: {error}", placed=True) from error
        except Exception as error:  # an author's file may raise anything; what it raised is what helps
            raise SpecError(
                f"{shown}:{_line(error, path)}: {type(error).__name__}: {_first_line(error)}", placed=True
            ) from error


def _check_definitions(source: str, shown: Path) -> None:
    """The second of two functions of one name in a file hides the first."""
    seen: dict[str, int] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            if node.name in seen:
                raise SpecError(
                    f"{shown}:{node.lineno}: {node.name} is defined twice: here and in line {seen[node.name]}",
                    placed=True,
                )
            seen[node.name] = node.lineno


def _shown(file: str | None, root: Path) -> str:
    path = Path(file or "?")
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _line(error: BaseException, path: Path) -> int:
    trace, line = error.__traceback__, 0
    while trace:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _losses_of(module: ModuleType, path: Path) -> list[Loss]:
    """The losses that the file defines itself, once each, whatever names it gives them."""
    return list({id(v): v for v in vars(module).values() if isinstance(v, Loss) and v.source == path}.values())
