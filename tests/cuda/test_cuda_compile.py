"""Every CUDA kernel compiles, and to what: PTX and machine code for two generations of devices, without a GPU.

What became of all of them is on record (`compile_record.py`), by the text that was compiled; each run compiles a few again.
"""

import pytest

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed: pip install 'lossgen[cuda]'")
pytest.importorskip("cuda.core", reason="cuda-core is not installed: pip install 'lossgen[cuda]'")

import compile_record
from compiles import CAPABILITIES, LATTICES, LOSSES, MODULES, Compiled, cases, check_limits, compiled, title
from kernels import variants

from lossgen.build.schema import module_name
from lossgen.runtime.cuda.binaries import versions

#: Each float32 module's value and gradient, for one schedule and one device in turn, and some of all others.
EVERY = list(cases(MODULES))
FIRST = [c for c in EVERY if c[2] == "float32" and c[3] == "evaluate"]
OWN = {module_name(*c[:2]): [f for f in FIRST if f[:2] == c[:2]] for c in FIRST}
IN_TURN = [own[k % len(own)] for k, own in enumerate(OWN.values())]
SAMPLE = list({title(c): c for c in [*IN_TURN, *EVERY[::131]]}.values())
#: Of losses with recurrences, which take seconds each: one kernel of each kind of front, and one in double precision.
FEW = ["ctc_with_logits_loss-float32-evaluate-lattice-sm_90", "crf_loss-float32-evaluate-lattice-sm_80"]
FEW += ["soft_dtw_loss-float32-hvp-lattice-sm_90", "ctc_loss-float64-evaluate-lattice-sm_80"]
SAMPLE += [c for c in cases(LATTICES) if title(c) in FEW]


@pytest.fixture(scope="module")
def record():
    return compile_record.read()


@pytest.fixture(scope="module")
def files():
    return compile_record.sources()


@pytest.mark.parametrize("module", [*MODULES, *LATTICES], ids=compile_record.name_of)
def test_every_kernel_was_compiled_as_it_stands(module, record, files):
    name, command = compile_record.name_of(module), "run `python tests/cuda/compile_record.py`"
    known = record["modules"].get(name)
    assert known and known["digest"] == compile_record.digest(name, files), (
        f"{name} is another than on record: {command}"
    )
    own = {compile_record.key(case): case for case in cases([module])}
    assert known["kernels"].keys() == own.keys()
    for kernel, case in own.items():
        check_limits(case, known["kernels"][kernel])


def test_nothing_else_is_on_record(record):
    assert record["modules"].keys() == {compile_record.name_of(module) for module in (*MODULES, *LATTICES)}


@pytest.mark.parametrize("case", SAMPLE, ids=title)
def test_a_kernel_compiles_to_what_is_on_record(case, record):
    """Registers and spills may be others with other compilers."""
    found = compiled(case)
    if record["compilers"] == versions():
        assert found == record["modules"][compile_record.name_of(case[:3])]["kernels"][compile_record.key(case)]


def test_what_is_named_is_compiled():
    assert len(SAMPLE) - len({title(c) for c in SAMPLE}) == 0 and set(FEW) <= {title(c) for c in SAMPLE}


def test_a_change_of_what_is_compiled_with_every_kernel_is_seen(files, tmp_path):
    assert {"device.py", "compile.py", "groups.py", "rows.py", "memory.py", "strided.py"} <= {p.name for p in files}
    changed = tmp_path / "rows.py"
    changed.write_text(next(p for p in files if p.name == "rows.py").read_text() + "\n")
    others = [changed if p.name == "rows.py" else p for p in files]
    assert compile_record.digest("mse_loss_float32", files) != compile_record.digest("mse_loss_float32", others)


@pytest.mark.parametrize("found", [Compiled(257, 0, 0), Compiled(40, 0, 8), Compiled(40, 16, 0)], ids=str)
def test_an_element_kernel_that_spills_is_beyond_the_limits(found):
    wide = next(case for case in FIRST if case[4] == "wide")
    check_limits(wide, Compiled(40, 0, 0))
    with pytest.raises(AssertionError):
        check_limits(wide, found)


@pytest.mark.parametrize("case", [c for c in FIRST if not c[4].startswith("narrow_")][::23], ids=title)
@pytest.mark.parametrize("storage", ["float16", "bfloat16"])
def test_a_kernel_compiles_for_half_precision(case, storage):
    compiled(case, storage)


#: Arrays with strides, by the loss's module: rows that lie beside each other, elements of two layouts.
STRIDED = [
    ("cross_entropy_indices", "evaluate", "thread", "/2/1", "float32"),
    ("dice_loss", "evaluate", "narrow_block", "/1/2", "bfloat16"),
    ("mse_loss", "evaluate", "narrow", "/3", "float32"),
    ("sigmoid_focal_loss", "evaluate", "wide", "/2", "float16"),
]


@pytest.mark.parametrize("case", STRIDED, ids=lambda case: f"{case[0]}-{case[2]}-{case[4]}")
def test_a_kernel_compiles_for_arrays_with_strides(case):
    name, kernel, schedule, ranks, storage = case
    found = next(pair for pair in variants(LOSSES) if module_name(*pair) == name)
    capability = CAPABILITIES[STRIDED.index(case) % 2]
    compiled((*found, "float32", kernel, schedule, capability), storage, ranks)


@pytest.mark.fuzz
@pytest.mark.parametrize("case", [c for c in EVERY if c[4] not in ("warp", "block", "short")], ids=title)
def test_every_kernel_compiles_for_arrays_with_strides(case):
    compiled(case, ranks="/2" if case[4] in ("wide", "narrow") else "/2/1")
