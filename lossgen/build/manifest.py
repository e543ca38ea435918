"""The manifest: which files the last build wrote and what was in them.

It is how a build knows its own files from a user's: only a file that is listed, and whose bytes still have the listed
digest, may be replaced or removed. The text depends on the package alone (no dates, no absolute paths).
"""

import json
from collections.abc import Mapping

from .errors import BuildError
from .tree import check_path, digest

FORMAT = 1


def print_manifest(contents: Mapping[str, bytes]) -> bytes:
    """The manifest of a package: a JSON object with the format's version and a SHA-256 digest per path, sorted."""
    listed = {path: digest(contents[path]) for path in sorted(contents)}
    return (json.dumps({"format": FORMAT, "files": listed}, indent=1, ensure_ascii=False) + "\n").encode()


def read_manifest(data: bytes | None) -> dict[str, str]:
    """Digest per path; empty for a manifest that is missing, damaged or of another format.

    Nothing is lost by that: without a manifest the build takes over files that equal its own text and refuses others.
    """
    if data is None:
        return {}
    try:
        parsed = json.loads(data)
    except ValueError:  # also UnicodeDecodeError
        return {}
    if not isinstance(parsed, dict) or parsed.get("format") != FORMAT or not isinstance(parsed.get("files"), dict):
        return {}
    files = parsed["files"]
    if not all(isinstance(value, str) for value in files.values()):
        return {}
    try:
        for path in files:
            check_path(path)
    except BuildError:
        return {}
    return files
