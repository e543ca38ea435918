"""Finds the losses of a project: imports every file under its `spec/` folder."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from .errors import SpecError
from .loss import Loss


def load_losses(spec: Path) -> dict[str, Loss]:
    """Every loss defined under the folder, by name, in alphabetical order.

    The folder is imported afresh as a package under a private name, so that its files may use relative imports of each
    other and no two projects meet. Raises SpecError for a missing folder, a file that cannot be imported (naming file
    and line) and for two losses of one name.
    """
    spec = spec.resolve()
    if not spec.is_dir():
        raise SpecError(f"spec folder {spec}: no such folder; give one with --spec or in [tool.lossgen] of pyproject.toml")
    package = "_lossgen_spec_" + sha256(str(spec).encode()).hexdigest()[:12]
    for name in [n for n in sys.modules if n == package or n.startswith(package + ".")]:
        del sys.modules[name]
    importlib.invalidate_caches()
    losses: dict[str, Loss] = {}
    for name, path in [(package, spec / "__init__.py"), *_modules(package, spec)]:
        for found in _losses_of(_import(name, path, spec), path):
            if found.name in losses:
                raise SpecError(f"{found.name} is defined twice: in {losses[found.name].source.relative_to(spec)} and {path.relative_to(spec)}")
            losses[found.name] = found
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


def _import(name: str, path: Path, root: Path) -> ModuleType:
    """Imports one file; a folder needs no `__init__.py`. The source is read anew: cached bytecode may be older."""
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(path)
    if path.name == "__init__.py":
        module.__path__ = [str(path.parent)]
        module.__package__ = name
    else:
        module.__package__ = name.rpartition(".")[0]
    if path.exists():
        module.__spec__ = importlib.util.spec_from_file_location(name, path)
    sys.modules[name] = module
    if path.exists():
        _execute(module, path, root)
    return module


def _execute(module: ModuleType, path: Path, root: Path) -> None:
    shown = path.relative_to(root)
    try:
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), module.__dict__)
    except SyntaxError as error:
        raise SpecError(f"{shown}:{error.lineno}: {error.msg}") from error
    except SpecError as error:
        raise SpecError(f"{shown}: {error}") from error
    except Exception as error:  # an author's file may raise anything; what it raised is what helps
        raise SpecError(f"{shown}:{_line(error, path)}: {type(error).__name__}: {error}") from error


def _line(error: BaseException, path: Path) -> int:
    trace, line = error.__traceback__, 0
    while trace:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _losses_of(module: ModuleType, path: Path) -> list[Loss]:
    return [v for v in vars(module).values() if isinstance(v, Loss) and v.source == path]
