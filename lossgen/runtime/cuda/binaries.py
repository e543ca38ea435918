"""Machine code on disk, where Numba keeps its own: a kernel is compiled once for a generation of devices."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .compile import Binary, translate
from .driver import Program

#: What machine code is made by, besides this package's own files.
TOOLS = ("numba", "numba-cuda", "cuda-core", "cuda-bindings", "cuda-toolkit", "nvidia-nvvm", "nvidia-nvjitlink")
SUFFIX = ".cubin"


def binary_for(
    program: Program, capability: tuple[int, int], make: Callable[[Program, tuple[int, int]], Binary] = translate
) -> Binary:
    """The program's machine code, from the disk where it has been compiled before.

    Files are written whole or not at all, by any number of processes. A folder that cannot be written to, or a file that
    cannot be read, costs compiling again and nothing else.
    """
    name = f"{Path(program.module.__file__ or '').stem}.{program.kernel}-{digest(program, capability)}{SUFFIX}"
    folders = folders_for(program)
    for folder in folders:
        found = _read(folder / name)
        if found is not None:
            return found
    made = make(program, capability)
    for folder in folders:
        if _write(folder / name, made):
            break
    return made


def digest(program: Program, capability: tuple[int, int]) -> str:
    """All that the machine code depends on, in short."""
    text = Path(program.module.__file__ or "").read_bytes()
    facts = program.kernel, program.schedule, program.itemsize, program.types, capability, _surroundings()
    return hashlib.sha256(text + repr(facts).encode()).hexdigest()[:32]


def folders_for(program: Program) -> list[Path]:
    """Where machine code is looked for: NUMBA_CACHE_DIR, else beside the module, or for a user without the right to write
    there in a folder of their own."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        return [Path(given)]
    own = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return [Path(program.module.__file__ or "").parent / "__pycache__", own / "lossgen"]


@cache
def _surroundings() -> str:
    """The versions of the tools, and the functions of the device that kernels are compiled with."""
    found = hashlib.sha256(repr(versions()).encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()


def versions() -> dict[str, str]:
    """The versions of the tools; nothing of one that is not installed."""
    found = {}
    for tool in TOOLS:
        with suppress(PackageNotFoundError):
            found[tool] = version(tool)
    return found


def _read(path: Path) -> Binary | None:
    try:
        entry, _, code = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return Binary(code, entry.decode()) if code else None


def _write(path: Path, binary: Binary) -> bool:
    """Whether the file could be written."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=SUFFIX, delete=False) as file:
            temporary = file.name
            file.write(binary.entry.encode() + b"\n" + binary.code)
        os.replace(temporary, path)
    except OSError:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        return False
    return True
