"""Where a project keeps its formulas and its generated package."""

import tomllib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

import lossgen

from .errors import BuildError


@dataclass(frozen=True)
class Project:
    """The folder of the formulas, and the folder of the package made from them."""

    spec: Path
    out: Path


def find_project(spec: Path | None = None, out: Path | None = None, start: Path | None = None) -> Project:
    """The project by its options, or by `[tool.lossgen]` of the nearest pyproject.toml upwards from `start`.

    Folders named there are relative to that file. Raises BuildError where a folder is named nowhere.
    """
    if spec is not None and out is not None:
        return Project(spec, out)
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        table = _settings(folder / "pyproject.toml")
        if table is not None:
            return Project(spec or _folder(table, "spec", folder), out or _folder(table, "out", folder))
    missing = "--spec" if spec is None else "--out"
    raise BuildError(f"no [tool.lossgen] in a pyproject.toml at or above {start}: add one, or give {missing}")


def source_name(source: Path, spec: Path) -> str:
    """A formula's file as generated code names it: with the folder of the formulas, on every system with slashes."""
    return PurePosixPath(spec.name, *source.relative_to(spec.resolve()).parts).as_posix()


def package_name(out: Path) -> str:
    """The name under which the users of a generated package import it: `lossgen.generated` for lossgen's own."""
    return package_place(out)[1]


def package_place(out: Path) -> tuple[Path, str]:
    """The folder from which a generated package is imported, and its name there; lossgen's own may lie outside lossgen."""
    folder = out.resolve()
    built_in = find_spec("lossgen.generated")
    if built_in is not None and built_in.origin and Path(built_in.origin).resolve() == folder / "__init__.py":
        return Path(lossgen.__file__).parents[1], built_in.name
    parts = [folder.name]
    while (folder.parent / "__init__.py").is_file():
        folder = folder.parent
        parts.insert(0, folder.name)
    return folder.parent, ".".join(parts)


def _settings(path: Path) -> dict | None:
    if not path.is_file():
        return None
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BuildError(f"{path}: not valid TOML: {error}") from None
    for key in ("tool", "lossgen"):
        if key not in tables:
            return None
        tables = tables[key]
        if not isinstance(tables, dict):
            raise BuildError(f"{path}: {key} is {tables!r}, expected the table [tool.lossgen]")
    return tables


def _folder(table: dict, key: str, folder: Path) -> Path:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise BuildError(
            f"{folder / 'pyproject.toml'}: [tool.lossgen] {key} is {value!r}, expected the name of a folder"
        )
    return folder / value
