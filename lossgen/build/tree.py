"""The text of an output package: a mapping of relative POSIX path to text, checked and encoded."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from .errors import BuildError

MANIFEST = ".lossgen-manifest.json"
"""The list of what the last build wrote; lives in the output folder, and belongs under version control with it."""

WORK = ".lossgen-build"
"""Folder inside the output folder that exists only while a build writes: lock, staged files, journal."""

CACHE = "__pycache__"
"""Compiled files of Python and Numba; neither read nor reported, whatever they contain."""

_DRIVE = re.compile(r"[A-Za-z]:")


def encode(files: Mapping[str, str]) -> dict[str, bytes]:
    r"""The UTF-8 bytes of every file, sorted by path; a `\n` in the text is one byte on every platform.

    Raises BuildError for a path that is not a plain relative one (see `check_path`), for a path that is both a file
    and the folder of another, and for text that UTF-8 cannot express.
    """
    encoded = {}
    for path in sorted(files):
        check_path(path)
        for parent in PurePosixPath(path).parents:
            if str(parent) in files:
                raise BuildError(f"output path {path!r}: {str(parent)!r} is a file of the same package")
        try:
            encoded[path] = files[path].encode()
        except UnicodeEncodeError as error:
            raise BuildError(f"output file {path!r}: the text is not valid Unicode ({error.reason})") from error
    return encoded


def check_path(path: str) -> None:
    """Raise BuildError unless `path` is relative, stays inside the folder and is spelt in one way only.

    `""`, `/x`, `../x`, `a//b`, `./a`, `C:x`, backslashes, control characters and the build's own names are rejected.
    """
    parts = path.split("/")
    if (
        any(part in ("", ".", "..") for part in parts)
        or "\\" in path
        or not path.isprintable()  # also excludes lone surrogates
        or _DRIVE.match(path)
    ):
        raise BuildError(f"output path {path!r} is not a plain relative path inside the output folder")
    if parts[0] in (WORK, MANIFEST) or CACHE in parts:
        raise BuildError(f"output path {path!r} uses a name that is reserved for the build")


def digest(data: bytes) -> str:
    """SHA-256 of the bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
