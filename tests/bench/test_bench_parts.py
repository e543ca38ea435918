"""Choosing cases, taking turns, and printing figures: nothing here depends on how fast anything is."""

import json

import numpy as np
import pytest

from lossgen.bench.cases import FAMILIES, Case, parse_size, select, size_label
from lossgen.bench.measure import Timing, measure
from lossgen.bench.processes import Memory, Startup
from lossgen.bench.report import Report, Row, as_json
from lossgen.bench.text import duration, markdown


@pytest.mark.parametrize(
    ("text", "size", "label"),
    [
        ("1e7", (10**7,), "1e7"),
        ("32", (32,), "32"),
        ("250_000", (250_000,), "250,000"),
        ("512x32000", (512, 32_000), "512 × 32,000"),
        ("512×32,000", (512, 32_000), "512 × 32,000"),
        ("100x32x20", (100, 32, 20), "100 × 32 × 20"),
        ("150x16x30x30", (150, 16, 30, 30), "150 × 16 × 30 × 30"),
    ],
)
def test_sizes(text, size, label):
    assert parse_size(text) == size
    assert size_label(size) == label


@pytest.mark.parametrize("text", ["", "x", "2x3x4x5x6", "0", "-1", "1.5", "nan", "1e-3"])
def test_what_is_no_size(text):
    with pytest.raises(ValueError, match=r"size|convert|NaN"):
        parse_size(text)


def test_selection():
    assert {case.family.loss for case in select([], [], False)} == {family.loss for family in FAMILIES}
    assert len(select([], [], True)) > len(select([], [], False))
    assert [case.size for case in select(["mse_loss"], [(5,), (6, 7)], False)] == [(5,)]
    with pytest.raises(ValueError, match="nothing_loss is not measured"):
        select(["nothing_loss"], [], False)
    with pytest.raises(ValueError, match="none of these losses"):
        select(["mse_loss"], [(6, 7)], False)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.loss)
def test_arguments_are_float32_and_the_same_each_time(family):
    size = (4,) * len(family.sizes[0])
    first, second = family.arguments(size), family.arguments(size)
    assert first[0].dtype == np.float32
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_functions_take_turns():
    calls = []
    functions = {name: lambda name=name: calls.append(name) for name in "AB"}
    timings = measure(functions, repeats=3, sample_seconds=0.0)
    assert calls[-12:] == ["A", "A", "B", "B"] * 3  # an untimed call, then the sample
    for timing in timings.values():
        assert timing.loops == 1
        assert timing.least <= timing.median <= timing.greatest


def test_short_functions_are_called_many_times():
    timing = measure({"": lambda: None}, repeats=1, sample_seconds=0.001)[""]
    assert timing.loops > 1


def test_untimed_calls_go_before_each_sample(monkeypatch):
    samples = []
    monkeypatch.setattr("lossgen.bench.measure._calibrate", lambda function, seconds, sample: 40)
    measure({"": lambda: None}, repeats=2, sample=lambda function, loops: samples.append(loops) or 1.0)
    assert samples == [4, 40, 4, 40]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1.234, "1.23 s"), (0.01234, "12.3 ms"), (0.1234, "123 ms"), (3.456e-6, "3.46 µs"), (5e-7, "0.50 µs")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.fixture
def report():
    case = Case(FAMILIES[0], (1000,))
    timings = {
        "lossgen NumPy": Timing(1e-6, 9e-7, 2e-6, 100),
        "lossgen torch": Timing(2e-5, 1e-5, 3e-5, 100),
        "torch eager": Timing(4e-5, 3e-5, 5e-5, 100),
    }
    startup, memory = {"torch eager": Startup(0.5, 1.0, 0.6)}, {"torch eager": Memory(1_500_000, 8_000_000)}
    return Report({"cores": "2"}, {"threads": "1"}, (Row(case, timings),), startup, memory, ("a note",))


def test_markdown(report):
    text = markdown(report)
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert table[0] == (
        "| loss | size | lossgen NumPy | lossgen torch | torch eager | "
        "torch eager / lossgen NumPy | torch eager / lossgen torch |"
    )
    assert "| 1.00 µs (0.90 – 2.00) |" in table[2]
    assert table[2].endswith("| 40 × | 2.0 × |")
    assert "| torch eager | 500 ms | 1.00 s | 600 ms |" in table
    assert "| torch eager | 1.5 |" in table
    assert "beyond 8 MB of inputs" in text
    assert text.endswith("a note")


def test_json(report):
    figures = json.loads(json.dumps(as_json(report)))
    (timing,) = figures["timings"]
    assert timing["size"] == [1000]
    assert timing["seconds"]["torch eager"]["median"] == 4e-5
    assert timing["speedup"]["torch eager / lossgen torch"] == pytest.approx(2)
    assert figures["startup"]["torch eager"]["cached"] == 0.6
    assert figures["memory"]["torch eager"] == {"extra": 1_500_000, "inputs": 8_000_000}


def test_a_column_that_a_row_lacks_is_left_empty(report):
    timings = {**report.rows[0].timings, "optax jit": Timing(5e-6, 4e-6, 6e-6, 100)}
    both = Report({}, {}, (*report.rows, Row(Case(FAMILIES[-1], FAMILIES[-1].sizes[0]), timings)), {}, {}, ())
    _, _, without, beside = [line for line in markdown(both).splitlines() if line.startswith("|")]
    assert without.endswith("| 40 × | 2.0 × |  |")
    assert beside.endswith("| 40 × | 2.0 × | 5.0 × |")
