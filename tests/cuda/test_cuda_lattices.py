"""CUDA kernels of losses with recurrences, run in the simulator: against the raw formula in 50 digits, and at their edges."""

from pathlib import Path

import lattice_cases as at
import ml_dtypes
import numpy as np
import pytest
from blocks import OnSimulatedBlocks
from kernels import lattice_variants, title

from lossgen.formula.load import load_losses
from lossgen.verify.comparison import compare
from lossgen.verify.sampling import settings

CASES = lattice_variants(load_losses(Path(__file__).parents[2] / "spec"))
BY_TITLE = {title(case): case for case in CASES}
CTC = BY_TITLE["ctc_with_logits_loss"]
LABELLED = [case for case in CASES if any(a.role.layout == "sequence" for a in case[1].arguments)]
WITH_LENGTHS = [case for case in CASES if any(a.role.layout == "length" for a in case[1].arguments)]

#: One thread; fewer threads than states, and groups; more threads than states, and blocks than items.
LAUNCHES = [OnSimulatedBlocks(1, 1, 1), OnSimulatedBlocks(2, 2, 2), OnSimulatedBlocks(7, 2, 8)]


def failures(case, arrays, dtype, launch):
    """The figures that are not within what is allowed."""
    loss, variant = case
    figures = list(compare(loss, variant, [launch], arrays, settings(loss, variant)[0], dtype))
    assert {f.kind for f in figures} == {"value", "gradient", "product"}
    return [f for f in figures if f.excess > 1 or f.nonfinite]


@pytest.mark.parametrize("launch", LAUNCHES, ids=lambda launch: f"{launch.blocks}x{launch.teams}x{launch.lanes}")
@pytest.mark.parametrize("case", CASES, ids=title)
def test_ordinary_items(case, launch):
    assert not failures(case, at.ordinary(case), np.float32, launch)


@pytest.mark.parametrize("case", CASES, ids=title)
def test_in_double_precision(case):
    assert not failures(case, at.ordinary(case), np.float64, LAUNCHES[1])


@pytest.mark.parametrize("case", CASES, ids=title)
def test_hard_items(case):
    """Peaked and forbidden entries, repeated labels, too few entries or none; nothing is read beyond the lengths."""
    assert not failures(case, at.hard(case), np.float32, LAUNCHES[1])


@pytest.mark.fuzz
@pytest.mark.parametrize("launch", LAUNCHES, ids=lambda launch: f"{launch.blocks}x{launch.teams}x{launch.lanes}")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=title)
def test_hard_items_in_every_launch(case, dtype, launch):
    assert not failures(case, at.hard(case), dtype, launch)


@pytest.mark.parametrize("case", CASES, ids=title)
def test_the_same_bits_in_every_run_and_for_any_number_of_blocks(case):
    given = at.ordinary(case, dtype=np.float32)
    first, again = (at.run(case, OnSimulatedBlocks(2, 2, 3), given) for _ in range(2))
    other = at.run(case, OnSimulatedBlocks(3, 2, 3), given)
    for name in first.outputs:
        assert first.outputs[name].tobytes() == again.outputs[name].tobytes(), name
        np.testing.assert_allclose(other.outputs[name], first.outputs[name], rtol=1e-12, atol=1e-15)
    assert first.values.tobytes() == again.values.tobytes() == other.values.tobytes()
    np.testing.assert_allclose(first.total, first.values.sum(dtype=np.float64), rtol=1e-6)


@pytest.mark.parametrize("case", LABELLED, ids=title)
def test_sequences_one_after_another(case):
    given = at.ordinary(case, dtype=np.float32)
    padded, joined = (at.run(case, OnSimulatedBlocks(joined=joined), given) for joined in (False, True))
    assert padded.values.tobytes() == joined.values.tobytes()
    assert all(padded.outputs[n].tobytes() == joined.outputs[n].tobytes() for n in padded.outputs)


@pytest.mark.parametrize("case", LABELLED, ids=title)
@pytest.mark.parametrize("label", [-1, -(2**62), 2**40, "size", "barred"])
def test_a_label_that_is_no_class_is_nan_in_its_item_and_a_fault(case, label):
    """It is not read; the other items are as they are."""
    (argument,) = (a for a in case[1].arguments if a.role.layout == "sequence")
    given = at.ordinary(case, dtype=np.float32)
    if label == "barred" and not argument.role.barred:
        label = -1
    wrong = {"size": at.size_of(case, argument.role.points_to), "barred": 0}.get(label, label)
    spoilt = given | {argument.name: given[argument.name].copy()}
    spoilt[argument.name][1, 0] = wrong
    check_one_is_wrong(case, given, spoilt, argument, (1,))


@pytest.mark.parametrize("case", WITH_LENGTHS, ids=title)
@pytest.mark.parametrize("length", [-1, -(2**62), 2**40, "one more"])
def test_a_length_beyond_its_array_is_nan_in_its_item_and_a_fault(case, length):
    for argument in (a for a in case[1].arguments if a.role.layout == "length"):
        given = at.ordinary(case, dtype=np.float32)
        size = at.size_of(case, argument.role.axis)
        spoilt = given | {argument.name: given[argument.name].copy()}
        spoilt[argument.name][1] = size + 1 if length == "one more" else length
        check_one_is_wrong(case, given, spoilt, argument, (1,))


def check_one_is_wrong(case, given, spoilt, argument, items):
    fine, result = at.run(case, OnSimulatedBlocks(), given), at.run(case, OnSimulatedBlocks(), spoilt)
    assert result.faults == 1 << case[1].arguments.index(argument)
    bad = np.isin(np.arange(len(fine.values)), items)
    assert np.isnan(result.values[bad]).all() and np.isnan(result.total)
    assert result.values[~bad].tobytes() == fine.values[~bad].tobytes()
    for a in case[1].differentiable:
        if not a.role.same:
            assert np.isnan(result.outputs[a.name][bad]).all()
            assert result.outputs[a.name][~bad].tobytes() == fine.outputs[a.name][~bad].tobytes()


def test_a_sequence_beyond_the_labels_is_a_fault(monkeypatch):
    """Where the lengths of sequences that are given one after another are more than there are labels."""
    argument = next(a for a in CTC[1].arguments if a.role.layout == "sequence")
    given = at.ordinary(CTC, dtype=np.float32)
    launch = OnSimulatedBlocks(joined=True)
    plain = launch._argument
    monkeypatch.setattr(
        OnSimulatedBlocks,
        "_argument",
        lambda self, a, *rest: {n: x - 1 if n == "targets_size" else x for n, x in plain(a, *rest).items()},
    )
    result = at.run(CTC, launch, given)
    assert result.faults == 1 << CTC[1].arguments.index(argument)
    assert np.isnan(result.values[-1]) and np.isfinite(result.values[:-1]).all()


@pytest.mark.parametrize("case", CASES, ids=title)
def test_an_item_of_scale_0_is_0_whatever_it_holds(case):
    given = at.ordinary(case, dtype=np.float32)
    kept = np.array([1, 0, 2, 0, 1], np.float32)
    plain = at.run(case, OnSimulatedBlocks(), given)
    masked = at.run(case, OnSimulatedBlocks(), at.spoilt(case, given, kept == 0), item_scale=kept, scale=0.5)
    assert masked.faults == 0 and not masked.values[kept == 0].any()
    np.testing.assert_allclose(masked.values, kept * plain.values, rtol=1e-6)
    for a in case[1].differentiable:
        if not a.role.same:
            slopes = masked.outputs[a.name]
            expected = 0.5 * kept.reshape(-1, *[1] * (slopes.ndim - 1)) * plain.outputs[a.name]
            assert not slopes[kept == 0].any()
            np.testing.assert_allclose(slopes, expected, rtol=1e-5, atol=1e-7)


def test_the_scale_has_a_factor_from_the_device():
    given = at.ordinary(CTC, dtype=np.float32)
    plain, scaled = (at.run(CTC, OnSimulatedBlocks(), given, multiplier=m, scale=0.5) for m in (None, np.array([4.0])))
    assert scaled.values.tobytes() == plain.values.tobytes()
    np.testing.assert_allclose(scaled.outputs["logits"], 4 * plain.outputs["logits"], rtol=1e-6)


@pytest.mark.parametrize("case", CASES, ids=title)
def test_outputs_that_are_not_wanted(case):
    """Each of them alone, and none."""
    given = at.ordinary(case, dtype=np.float32)
    names = [a.name for a in case[1].differentiable]
    full = at.run(case, OnSimulatedBlocks(), given)
    for wanted in ([], *([name] for name in names)):
        found = at.run(case, OnSimulatedBlocks(), given, absent=tuple(n for n in names if n not in wanted))
        assert found.values.tobytes() == full.values.tobytes()
        assert all(found.outputs[n].tobytes() == full.outputs[n].tobytes() for n in wanted)


@pytest.mark.parametrize("case", CASES, ids=title)
@pytest.mark.parametrize("storage", [np.float16, ml_dtypes.bfloat16])
def test_half_precision_is_rounded_once(case, storage):
    """The same numbers as in single precision; gradients of grids stay in it."""
    rounded = {n: x.astype(storage) if x.dtype.kind == "f" else x for n, x in at.ordinary(case).items()}
    given = {n: x if x.dtype.kind == "i" else x.astype(np.float32) for n, x in rounded.items()}
    single = at.run(case, OnSimulatedBlocks(), given)
    half = at.run(case, OnSimulatedBlocks(storage=np.dtype(storage).name), given)
    assert half.values.tobytes() == single.values.astype(storage).tobytes()
    for name, slopes in single.outputs.items():
        assert half.outputs[name].dtype == slopes.dtype and half.outputs[name].tobytes() == slopes.tobytes()


@pytest.mark.parametrize("case", CASES, ids=title)
def test_no_items(case):
    given = {
        n: x if a.role.same else x[:0] for (n, x), a in zip(at.ordinary(case).items(), case[1].arguments, strict=True)
    }
    result = at.run(case, OnSimulatedBlocks(), given)
    assert result.total == 0 and not any(np.any(x) for x in result.outputs.values())
