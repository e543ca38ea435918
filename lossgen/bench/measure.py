"""Timing of several functions in turn, so that a disturbance of the machine meets all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter, sleep

SAMPLE_SECONDS = 0.02
MOST_LOOPS = 1_000_000

#: Before each sample: worker threads of the library measured before spin for a while after their work, on a core that
#: belongs to the next one.
PAUSE_SECONDS = 0.03

#: The part of a sample's calls that go before it untimed, one at least: after the pause the first wakes threads and finds
#: cold caches, which a call in a training loop does not.
UNTIMED_SHARE = 0.1


@dataclass(frozen=True)
class Timing:
    """Seconds per call: the median of the samples, the least and the greatest; the calls in a sample."""

    median: float
    least: float
    greatest: float
    loops: int


Sample = Callable[[Callable[[], object], int], float]
"""The seconds that so many calls of a function take."""


def on_host(function: Callable[[], object], loops: int) -> float:
    """The seconds that this many calls take until they return."""
    began = perf_counter()
    for _ in range(loops):
        function()
    return perf_counter() - began


def measure(
    functions: Mapping[str, Callable[[], object]],
    repeats: int,
    sample_seconds: float = SAMPLE_SECONDS,
    sample: Sample = on_host,
) -> dict[str, Timing]:
    """Time functions, alternating: A B C A B C …, one sample each.

    Each sample comes after a pause, in which the threads of the function before go to sleep, and after untimed calls of
    the function itself (one, or a tenth of a sample's), so that what is timed is a call among others like it, as in a
    training loop. It is the same for all functions.

    Args:
        functions: what to call. Each is called before (warm-up: compilation, caches, pools), until a number of calls
            is known that takes about `sample_seconds`.
        repeats: samples per function.
        sample_seconds: how long a sample lasts at least, about.
        sample: what times the calls of a sample.
    """
    loops = {name: _calibrate(function, sample_seconds, sample) for name, function in functions.items()}
    samples: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            sleep(PAUSE_SECONDS)
            sample(function, max(1, int(loops[name] * UNTIMED_SHARE)))
            samples[name].append(sample(function, loops[name]) / loops[name])
    return {name: Timing(median(times), min(times), max(times), loops[name]) for name, times in samples.items()}


def _calibrate(function: Callable[[], object], sample_seconds: float, sample: Sample) -> int:
    """How many calls take about this long. The first three calls compile and fill caches, and do not count."""
    for _ in range(3):
        function()
    loops = 1
    while loops < MOST_LOOPS:
        seconds = sample(function, loops)
        if seconds >= sample_seconds:
            break
        loops = min(MOST_LOOPS, max(2 * loops, int(loops * sample_seconds / max(seconds, 1e-9))))
    return loops
