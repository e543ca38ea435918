"""What the checks have found, kept in a file: which losses have been held against the truth, on what, and with which error.

A record is bound to what it was made from: it holds a hash of a loss's kernels and surface, and of the runtime under them.
Where any of those files has changed since, what it says counts as stale.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lossgen.build.schema import module_name
from lossgen.formula import Loss
from lossgen.kernel import DTYPES

from .check import INPUTS, Finding
from .surfaces import COLUMNS, Column, library_files

NAME = ".verification.json"
AGAINST = "Every entry against the raw formula, differentiated in 70 digits or more, on random and on hard inputs, in every variant"

#: For each surface: what is differentiated how often, and the kinds of figures that show it.
QUANTITIES = {"value": ("value",), "gradient": ("gradient",), "second derivative": ("product", "diagonal")}


@dataclass(frozen=True)
class Cell:
    """What is known of one quantity of a loss on one surface.

    state : "ok", "wrong", "stale" (the files have changed since), "missing", or "none": the surface does not have the loss.
    worst : the largest error of an entry held to units in the last place; `moved`: entries held to what moving the inputs does.
    dtypes : those that were tried.
    """

    state: str
    worst: float = 0.0
    moved: int = 0
    dtypes: tuple[str, ...] = ()


def read(path: Path) -> dict[str, Any]:
    """The record, by the name of the loss; empty where there is none."""
    return json.loads(path.read_text(encoding="utf-8"))["losses"] if path.is_file() else {}


def write(path: Path, losses: Mapping[str, Any]) -> None:
    """Writes the record, sorted, so that it changes only where a result has."""
    text = json.dumps({"against": AGAINST, "losses": losses}, indent=1, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def entry(loss: Loss, out: Path, findings: Iterable[Finding]) -> dict[str, Any]:
    """What the record keeps of a loss: the hashes, and one line for each variant, surface, kind, dtype and kind of input."""
    lines: dict[tuple, dict[str, Any]] = {}
    for f in findings:
        key = (f.variant, f.figure.surface, f.figure.kind, f.figure.dtype, f.inputs)
        line = lines.setdefault(key, {"passed": True, "worst": 0.0, "entries": 0, "moved": 0})
        line["passed"] &= f.passed
        line["worst"] = max(line["worst"], float(f"{f.figure.worst:.2g}"))
        line["entries"] += f.figure.entries
        line["moved"] += f.figure.moved
    names = ("variant", "surface", "kind", "dtype", "inputs")
    return {
        "files": {column.name: fingerprint(loss, out, column) for column in COLUMNS},
        "figures": [{**dict(zip(names, key, strict=True)), **line} for key, line in sorted(lines.items())],
    }


def fingerprint(loss: Loss, out: Path, column: Column) -> str:
    """A hash of the files that a loss on a surface is made of: its kernels, its module, and the library under them."""
    files = [out / "cpu" / f"{module_name(loss, v)}_{dtype}.py" for v in loss.pieces for dtype in DTYPES]
    files += [out / name / f"_{loss.name}.py" for name in sorted({COLUMNS[0].folder, column.folder})]
    for under in sorted({COLUMNS[0].library, column.library}):
        files += library_files(*under)
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + (path.read_bytes() if path.is_file() else b"absent") + b"\0")
    return digest.hexdigest()[:16]


def coverage(loss: Loss, out: Path, kept: Mapping[str, Any]) -> dict[tuple[str, str], Cell]:
    """The cells of a loss's row in the table, by surface and quantity."""
    return {(c.name, q): _cell(loss, out, kept.get(loss.name), c, q) for c in COLUMNS for q in c.quantities}


def _cell(loss: Loss, out: Path, kept: Mapping[str, Any] | None, column: Column, quantity: str) -> Cell:
    pieces = [variant for variant in loss.pieces if column.has(variant)]
    if kept is None or not pieces:
        return Cell("missing" if pieces else "none")
    kinds = QUANTITIES[quantity]
    lines = [f for f in kept["figures"] if f["surface"] == column.name and f["kind"] in kinds]
    tried = {(f["variant"], f["dtype"], f["inputs"]) for f in lines if f["entries"]}
    if not {(v.label, dtype, inputs) for v in pieces for dtype in DTYPES for inputs in INPUTS} <= tried:
        return Cell("missing")
    state = "ok" if all(f["passed"] for f in lines) else "wrong"
    if kept["files"].get(column.name) != fingerprint(loss, out, column):
        state = "stale"
    worst, moved = max(f["worst"] for f in lines), sum(f["moved"] for f in lines)
    return Cell(state, worst, moved, tuple(sorted({f["dtype"] for f in lines})))
