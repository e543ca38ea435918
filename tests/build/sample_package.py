"""Two versions of a small package and ways to look at a folder."""

from pathlib import Path

OLD = {
    "__init__.py": "from .cpu import kept, text\n",
    "cpu/__init__.py": "",
    "cpu/kept.py": "VALUE = 1\n",
    "cpu/text.py": "WORD = 'alt: σ(x) − y'\n",
    "cpu/gone.py": "VALUE = 2\n",
    "legacy/deep/module.py": "VALUE = 3\n",
}
NEW = {
    "__init__.py": "from .cpu import kept, text\nfrom .cpu import fresh\n",
    "cpu/__init__.py": "",
    "cpu/kept.py": "VALUE = 1\n",
    "cpu/text.py": "WORD = 'neu: ‖x‖₂'\n",
    "cpu/fresh.py": "VALUE = 4\n",
    "torch/fresh/module.py": "VALUE = 5\n",
}


def texts(folder: Path) -> dict[str, str]:
    """What a folder holds, caches and the build's own files aside."""
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and ".lossgen-" not in str(path)
    }


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every path below a folder with its inode, time and bytes."""
    return {
        path.relative_to(folder).as_posix(): (
            path.lstat().st_ino,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted([folder, *folder.rglob("*")])
    }
