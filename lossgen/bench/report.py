"""The figures of a run, and their form as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Protocol

from .cases import Size
from .contenders import COMPILE, EAGER, LIGER, NUMPY, OPTAX, TORCH
from .measure import Timing
from .processes import Memory, Startup

ON_HOST = (
    "Time of value and gradient, float32: value_and_grad on NumPy arrays; forward and backward on torch tensors. "
    "Every step asks for new gradients and drops them. Median (least – greatest), columns measured in turn, each sample "
    "after a pause and untimed calls of its own."
)

# What each speed-up column divides: the peer's median by that of lossgen.
SPEEDUPS = ((EAGER, NUMPY), (EAGER, TORCH), (COMPILE, TORCH), (OPTAX, NUMPY), (LIGER, TORCH))


class Measured(Protocol):
    """What a row tells of its case."""

    @property
    def loss(self) -> str:
        """The loss's name."""

    @property
    def size(self) -> Size:
        """The size, as numbers."""

    @property
    def label(self) -> str:
        """The size for people."""


@dataclass(frozen=True)
class Row:
    """The timings of one case, by column.

    moved: the least number of bytes that must be moved, where it is known.
    """

    case: Measured
    timings: dict[str, Timing]
    moved: int | None = None

    def speedup(self, peer: str, ours: str) -> float | None:
        """How many times faster ours is, by the medians; None where one was not measured."""
        if peer not in self.timings or ours not in self.timings:
            return None
        return self.timings[peer].median / self.timings[ours].median

    def share(self, bandwidth: float) -> float | None:
        """The part of a bandwidth, in bytes per second, that the tensor surface uses; None where it is not known."""
        return None if self.moved is None else self.moved / self.timings[TORCH].median / bandwidth


@dataclass(frozen=True)
class Report:
    """All figures of a run.

    Attributes:
        facts: the machine and the versions.
        conditions: threads, allocator, number of samples.
        rows: the timings.
        startup: seconds until a loss can be used, by column; empty if not measured.
        memory: peak memory, by column; empty if not measured.
        notes: what was left out, and why.
        measured: what the figures are.
        bandwidth: bytes read and written per second by a copy on the device; None where it was not measured.
    """

    facts: dict[str, str]
    conditions: dict[str, str]
    rows: tuple[Row, ...]
    startup: dict[str, Startup]
    memory: dict[str, Memory]
    notes: tuple[str, ...]
    measured: str = ON_HOST
    bandwidth: float | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that were measured, for some rows at least, in order."""
        return tuple(dict.fromkeys(column for row in self.rows for column in row.timings))

    @property
    def speedups(self) -> tuple[tuple[str, str], ...]:
        """Those of `SPEEDUPS` whose columns were measured."""
        return tuple((peer, ours) for peer, ours in SPEEDUPS if peer in self.columns and ours in self.columns)


def as_json(report: Report) -> dict[str, object]:
    """The report as plain dicts and lists; times in seconds, memory in bytes."""
    return {
        "facts": report.facts,
        "conditions": report.conditions,
        "timings": [
            {
                "loss": row.case.loss,
                "size": list(row.case.size),
                "label": row.case.label,
                "bytes": row.moved,
                "seconds": {column: asdict(timing) for column, timing in row.timings.items()},
                "speedup": {f"{peer} / {ours}": row.speedup(peer, ours) for peer, ours in report.speedups},
            }
            for row in report.rows
        ],
        "copy_bandwidth": report.bandwidth,
        "startup": {column: asdict(times) for column, times in report.startup.items()},
        "memory": {column: asdict(amount) for column, amount in report.memory.items()},
        "notes": list(report.notes),
    }
