"""The figures of a run, and their form as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from .cases import Case
from .contenders import COMPILE, EAGER, NUMPY, OPTAX, TORCH
from .measure import Timing
from .processes import Memory, Startup

# What each speed-up column divides: the peer's median by that of lossgen.
SPEEDUPS = ((EAGER, NUMPY), (EAGER, TORCH), (COMPILE, TORCH), (OPTAX, NUMPY))


@dataclass(frozen=True)
class Row:
    """The timings of one case, by column."""

    case: Case
    timings: dict[str, Timing]

    def speedup(self, peer: str, ours: str) -> float | None:
        """How many times faster ours is, by the medians; None where one was not measured."""
        if peer not in self.timings or ours not in self.timings:
            return None
        return self.timings[peer].median / self.timings[ours].median


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
    """

    facts: dict[str, str]
    conditions: dict[str, str]
    rows: tuple[Row, ...]
    startup: dict[str, Startup]
    memory: dict[str, Memory]
    notes: tuple[str, ...]

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
                "loss": row.case.family.loss,
                "size": list(row.case.size),
                "seconds": {column: asdict(timing) for column, timing in row.timings.items()},
                "speedup": {f"{peer} / {ours}": row.speedup(peer, ours) for peer, ours in report.speedups},
            }
            for row in report.rows
        ],
        "startup": {column: asdict(times) for column, times in report.startup.items()},
        "memory": {column: asdict(amount) for column, amount in report.memory.items()},
        "notes": list(report.notes),
    }
