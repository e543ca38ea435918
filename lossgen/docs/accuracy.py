"""The section on what has been measured of a loss: the worst error of each quantity, and where it was."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lossgen.formula import Loss
from lossgen.pages.blocks import Block, Paragraph, Runs, Section, Table, prose
from lossgen.verify.record import QUANTITIES, Cell, coverage
from lossgen.verify.surfaces import COLUMNS

NOT_MEASURED = "not measured"


def accuracy(loss: Loss, out: Path, record: Mapping[str, Any]) -> Section:
    """The section, from the record of `lossgen check --record` for the package in folder `out`.

    What no check of the files as they are now holds is "not measured".
    """
    cells = coverage(loss, out, record)
    blocks: list[Block] = [_worst(loss, cells, record), _surfaces(cells)]
    if any(cell.moved for cell in cells.values()):
        text = (
            "†: where a function is ill-conditioned or a kink is near, entries are held to what moving each input by two "
            "roundings does to them, and are not counted here."
        )
        blocks.append(Paragraph(prose(text)))
    return Section("accuracy", "Accuracy, as measured", tuple(blocks))


def _worst(loss: Loss, cells: Mapping[tuple[str, str], Cell], record: Mapping[str, Any]) -> Table:
    """The worst errors of the kernels, and the variant and inputs that they were found on."""
    first = COLUMNS[0].name
    rows: list[tuple[Runs, ...]] = []
    for quantity, kinds in QUANTITIES.items():
        state = cells[first, quantity].state
        kept = record[loss.name]["figures"] if state in ("ok", "wrong") else ()
        figures = [f for f in kept if f["surface"] == first and f["kind"] in kinds]
        for dtype in sorted({f["dtype"] for f in figures}):
            found = [f for f in figures if f["dtype"] == dtype]
            rows.append(tuple(map(prose, (quantity, dtype, *_figure(found)))))
        if not figures and state != "none":
            rows.append(tuple(map(prose, (quantity, "", NOT_MEASURED, "", ""))))
    head = tuple(map(prose, ("Quantity", "Precision", "Worst error (ulp)", "Entries", "Where")))
    return Table(head, tuple(rows), 4)


def _figure(figures: list[dict[str, Any]]) -> tuple[str, str, str]:
    """Error, number of entries, and where."""
    worst = max(figures, key=lambda f: f["worst"])
    where = [f"{worst['inputs']} inputs", *([f"variant {worst['variant']}"] if worst["variant"] else [])]
    failed = [] if all(f["passed"] for f in figures) else ["more than is allowed"]
    mark = "†" if any(f["moved"] for f in figures) else ""
    return f"{_ulp(worst['worst'])}{mark}", f"{sum(f['entries'] for f in figures):,}", ", ".join([*where, *failed])


def _ulp(error: float) -> str:
    return f"{error:.2g}" if error < 100 else f"{error:,.0f}"


def _surfaces(cells: Mapping[tuple[str, str], Cell]) -> Table:
    """The worst error over both precisions on each surface."""
    rows = [
        tuple(map(prose, (column.name, *(_cell(cells.get((column.name, q))) for q in QUANTITIES))))
        for column in COLUMNS
        if any(cells[column.name, q].state != "none" for q in column.quantities)
    ]
    head = tuple(map(prose, ("Through", *(f"{quantity} (ulp)" for quantity in QUANTITIES))))
    return Table(head, tuple(rows), 0)


def _cell(cell: Cell | None) -> str:
    if cell is None or cell.state == "none":
        return "–"
    if cell.state in ("stale", "missing"):
        return NOT_MEASURED
    return f"{_ulp(cell.worst)}{'†' if cell.moved else ''}{' (wrong)' if cell.state == 'wrong' else ''}"
