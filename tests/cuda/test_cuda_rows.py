"""Rows on CUDA: several entries at a time, whatever they begin at; read once where there is room to keep them."""

import inspect
from dataclasses import replace
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import torch
from host import as_array, on_host, place
from kernels import OnSimulatedCuda, title, variants
from sympy import Symbol

from lossgen import generated
from lossgen.formula.load import load_losses
from lossgen.kernel.ir import Branch, Load, Loop, Store, Tiles
from lossgen.kernel.tiles import tiled
from lossgen.runtime.cuda.launching import LONG_ROW, MOST_KEPT
from lossgen.runtime.cuda.prepare import bind
from lossgen.verify.comparison import compare
from lossgen.verify.sampling import random_items, settings

LOSSES = load_losses(Path(__file__).parents[2] / "spec")
ROW = [case for case in variants(LOSSES) if any(a.role.layout == "row" for a in case[1].arguments)]
#: Those that add exponentials below the largest entry.
SOFTMAX = [case for case in ROW if "above = unordered" in inspect.getsource(OnSimulatedCuda().module(*case, "float32"))]
#: Those that do without numbers that all items share.
ALONE = [
    (loss, v)
    for loss, v in ROW
    if all(loss.default(a.name) is not None for a in v.arguments if a.role.layout == "shared")
]
#: One of each kind: a label and class weights, two rows, rows along two axes, loops in loops, squares that are summed.
KINDS = ["cross_entropy_indices", "jensen_shannon_loss", "vae_loss_gaussian", "multilabel_margin_loss", "dice_loss"]
CE = generated.cross_entropy


def named(name):
    return next(case for case in ROW if title(case) == name)


def given_for(case, size, items=3, seed=4):
    sizes = {axis.name: size + k for k, axis in enumerate(case[1].axes)}
    given = random_items(case[1], np.random.default_rng(seed), items, sizes)
    return {n: x if x.dtype.kind == "i" else x.astype(np.float32) for n, x in given.items()}


def run(case, launch, given, kernel="evaluate", **options):
    loss, variant = case
    return launch(loss, variant, kernel, given, settings(loss, variant)[0], **options)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(("size", "width", "room"), [(1, 8, 0), (3, 4, 4), (5, 8, 16), (9, 2, 4), (7, 4, 12)])
def test_results_whatever_rows_begin_at(name, size, width, room):
    """Against the raw formula in 50 digits: rows begin at any multiple of an entry, and are kept, or in part, or not."""
    loss, variant = case = named(name)
    surface = OnSimulatedCuda(2, 3, width, room=room)
    for figure in compare(loss, variant, [surface], given_for(case, size), settings(loss, variant)[0], np.float32):
        assert figure.excess <= 1 and not figure.nonfinite, figure


@pytest.mark.parametrize("case", ALONE, ids=title)
@pytest.mark.parametrize("kernel", ["evaluate", "hvp", "hessian_diagonal"])
def test_a_row_that_is_kept_is_read_once(case, kernel):
    """But for the entry of the label. For gradients of what all items share it would be read again."""
    launch = OnSimulatedCuda(2, 3, 4, room=16)
    module, given = launch.module(*case, "float32"), given_for(case, 7)
    given = {a.name: given[a.name] for a in case[1].arguments if a.role.layout != "shared"}
    moves = {a.name: given[a.name] for a in case[1].predictions} if kernel == "hvp" else {}
    found = run(case, launch, given, kernel, directions=moves)
    again = run(case, OnSimulatedCuda(2, 3, 4, room=0), given, kernel, directions=moves)
    at_label = np.zeros((3, 7), bool)
    for label in case[1].labels:
        at_label[np.arange(3), given[label.name]] = True
    for names in module.KEPT[kernel].values():
        for name in names:
            assert again.reads[name].min() >= 2
            # A tile beyond the row reads the last entry, or the first one, in the place of those that do not exist.
            reads = found.reads[name].reshape(3, -1)
            inner = (reads if case[1].axes[1:] else np.where(at_label, reads.min(), reads))[:, 1:-1]
            assert inner.min() == inner.max() == 1, name
    assert found.values.tobytes() == again.values.tobytes()
    assert all(found.outputs[n].tobytes() == again.outputs[n].tobytes() for n in found.outputs)


@pytest.mark.parametrize(
    ("case", "dtype"),
    [(c, "float32") for c in SOFTMAX] + [(SOFTMAX[0], "float64")],
    ids=lambda x: x if isinstance(x, str) else title(x),
)
def test_exponentials_below_the_largest_entry_so_far(case, dtype):
    """In one pass, against the raw formula in 50 digits: whatever comes first, and by threads that have nothing to add."""
    loss, variant = case
    rng = np.random.default_rng(3)
    given = given_for(case, 11, items=7)
    rows = np.sort(rng.normal(size=(7, 11)) * 5)
    rows[1] = rows[1, ::-1]
    rows[2] = 1.5
    rows[3, ::2] = -90
    rows[4], rows[4, 9] = -40, 60
    rows[5] = 1 + 1e-6 * np.arange(11)
    given |= {"input": rows.astype(np.float32)}
    for launch in (
        OnSimulatedCuda(1, 2, 2, room=0),
        OnSimulatedCuda(1, 1, 4, room=0),
        OnSimulatedCuda(1, 5, 8, room=0),
    ):
        for figure in compare(loss, variant, [launch], given, settings(loss, variant)[0], np.dtype(dtype).type):
            assert figure.excess <= 1 and not figure.nonfinite, figure


@pytest.mark.parametrize("case", SOFTMAX[:1], ids=title)
def test_one_pass_at_infinite_and_missing_numbers_is_like_two(case):
    inf, nan = np.inf, np.nan
    rows = [[-inf, 1, 2, -inf, 0], [-inf] * 5, [inf, 1, 2, 3, 4], [inf] * 5, [nan, 0, 1, 2, 3], [3, -0.0, 0.0, nan, 9]]
    given = {"input": np.array([*rows, [-0.0, 0.0, 0.0, -0.0, -1]], np.float32), "target": np.arange(7) % 5}
    one, two = (run(case, OnSimulatedCuda(1, 2, 2, room=room), given) for room in (0, 6))
    np.testing.assert_allclose(one.values, two.values, rtol=1e-6)
    slopes, expected = (np.delete(found.outputs["input"], 3, 0) for found in (one, two))  # of [inf] * 5 two have some
    np.testing.assert_allclose(slopes, expected, rtol=1e-6, atol=1e-7)
    assert one.reads["input"].min() == 2  # once more for the gradient


def call_for(at, loss, arrays):
    parameters = tuple(p.default for p in loss.schema.parameters)
    given = [None if x is None else as_array(x) for x in arrays]
    return bind(loss, given, parameters, "sum", -1, None, None, None, float("nan"), at)


def placed(at, tensor, first):
    """The tensor in memory of the device, as many entries behind a multiple of 16 bytes."""
    integers = {2: torch.int16, 4: torch.int32, 8: torch.int64}[tensor.element_size()]
    raw = tensor.view(integers).numpy().view(getattr(ml_dtypes, str(tensor.dtype)[6:], None) or str(tensor.dtype)[6:])
    found = at.memory.empty((raw.size + first,), raw.dtype).owner[first:].reshape(raw.shape)
    found[...] = raw
    return found


@pytest.mark.parametrize("size", [1, 31, 32, 33, 1000, 1025])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("first", [0, 1])
def test_calls_over_rows_of_any_length(size, dtype, first):
    """Against PyTorch in double precision, on the numbers that are given."""
    numbers = torch.randn(3, size, generator=torch.Generator().manual_seed(size)).mul(4).to(getattr(torch, dtype))
    x, t = numbers.double().requires_grad_(), torch.arange(3) * 7 % size
    right = torch.nn.functional.cross_entropy(x, t, reduction="sum")
    right.backward()
    at = place()
    value, (slopes,) = call_for(at, CE, [placed(at, numbers, first), t.numpy(), None]).evaluate(["input"])
    exact = {"float64": 1e-14, "float32": 2e-6, "float16": 1e-3, "bfloat16": 8e-3}[dtype]
    np.testing.assert_allclose(np.asarray(on_host(value), float), right.item(), rtol=exact)
    np.testing.assert_allclose(np.asarray(on_host(slopes), float), x.grad.numpy(), rtol=exact, atol=exact / 10)
    group = "warp" if size <= LONG_ROW else "block"
    expected = f"narrow_{group}" if first else "short" if size <= 33 else group
    assert {s for name, s, _ in at.driver.launched if name == "evaluate"} == {expected}
    assert at.memory.is_intact()


def test_rows_without_entries():
    at = place()
    empty = np.zeros((2, 0), np.float32)
    value, (slopes,) = call_for(at, generated.gradient_penalty, [empty]).evaluate(["gradients"])
    assert on_host(slopes).shape == (2, 0) and on_host(value) == 20
    value, _ = call_for(at, CE, [np.zeros((0, 7), np.float32), np.zeros(0, int), None]).evaluate(["input"])
    assert on_host(value) == 0


@pytest.mark.parametrize(
    ("size", "dtype", "bytes_kept"),
    [
        (125, "float32", 0),  # in registers
        (129, "float32", 8 * 4 * 132),  # a tile more, since rows begin anywhere
        (132, "float32", 8 * 4 * 132),
        (1000, "float32", 8 * 4 * 1000),
        (1000, "float64", 8 * 8 * 640),  # in part
        (1025, "float16", 2 * 1032),
        (MOST_KEPT // 2, "float32", MOST_KEPT),
        (MOST_KEPT // 2 + 4, "float32", 0),  # less than half
    ],
)
def test_what_there_is_room_for_is_kept(size, dtype, bytes_kept):
    at = place(threads=256)
    call_for(at, CE, [np.ones((1, size), dtype), np.zeros(1, int), None]).value()
    memories = [m for m, (name, *_) in zip(at.driver.memories, at.driver.launched, strict=True) if name == "evaluate"]
    assert memories == [bytes_kept]


def test_loops_over_rows_become_tiles():
    rows = {"x_row": "C", "y_row": "C", "grad_row": "C"}
    x, y = Load("a", "x_row", "c"), Load("b", "y_row", "c", "y")
    weight, at_label = Load("w", "weight", "c"), Load("t", "x_row", "label")
    store = Store("grad_row", "k", Symbol("a"))
    inner = Loop("d", "n_C", [Load("e", "x_row", "d")])
    plain = Loop("c", "n_C", [weight, at_label])
    adds = Loop("k", "n_C", [Load("a", "x_row", "k"), Store("grad_lane", "k", Symbol("a"), add=True)])
    nested = Loop("k", "n_C", [inner, store])
    first, branch, *rest = tiled(
        [
            Loop("c", "n_C", [x, weight, y]),
            Branch("wanted", [Loop("k", "n_C", [Load("a", "x_row", "k"), store])]),
            *(plain, adds, nested, at_label),
        ],
        rows,
    )
    blocks = [replace(x, array="x_block", index="at"), weight, replace(y, array="y_block", index="at")]
    assert first == Tiles("c", "n_C", blocks, {"x_row": "", "y_row": "y"}, kept=frozenset(["x_row"]))
    (second,) = branch.body
    assert (second.loads, second.stores, second.kept) == ({"x_row": ""}, ("grad_row",), {"x_row"})
    assert second.body[1] == Store("grad_block", "at", Symbol("a"))
    assert rest == [plain, adds, Tiles("k", "n_C", nested.body, singly=True), at_label]
