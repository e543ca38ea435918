"""What calls of losses over lattices launch is what compiles: the types of all arguments, with and without results."""

import numpy as np
import pytest
from host import as_array, place
from lattice_calls import CASES, CRF, CTC_LOGITS, arguments, parameters
from test_cuda_calls import prepared, title

from lossgen.runtime.cuda.bind import kinds
from lossgen.runtime.cuda.packing import Packing
from lossgen.runtime.cuda.scales import Upstream

pytest.importorskip("cuda.core", reason="cuda-core is not installed: pip install 'lossgen[cuda]'")

from compiles import CAPABILITIES, SPELT, compiling, machine_code, no_device_asked, parameters_in, program_of


def launched(at, call):
    """The programs of the loss itself, in their order."""
    return [p for p in at.driver.programs if p.module is call.plan.kernels]


@pytest.mark.parametrize("case", CASES, ids=title)
@pytest.mark.parametrize("storage", ["float32", "float64", "float16"])
def test_calls_have_the_types_that_all_kernels_are_compiled_for(case, storage):
    loss, variant = case
    given = [x.astype(storage) if x.dtype.kind == "f" else x for x in arguments(loss)]
    at, weight, number = place(), np.ones(4, "float32"), as_array(np.array(1.0, storage))
    call, _ = prepared(loss, given, parameters(case), at=at, sample_weight=weight, mask=np.ones(4, bool))
    call.evaluate(variant.predictions, Upstream(1.0, number))
    ways = {n: as_array(given[call.plan.positions[n]]) for n in variant.predictions}
    call.products(ways, variant.predictions, Upstream(1.0, number), True)
    programs = launched(at, call)
    assert [p.kernel for p in programs] == [*(["divisor"] if variant.divided else []), "evaluate", "hvp"]
    for program in programs:
        absent = ["multiplier", "item_scale"] if program.kernel == "divisor" else ["values"]
        expected = program_of(program.module, program.kernel, "lattice", storage, absent)
        named = kinds(getattr(program.module, program.kernel))
        found, right = (dict(zip(named, p.types, strict=True)) for p in (program, expected))
        if storage == "float16" and program.kernel == "divisor":
            right["values"] = "*float32"  # they are never in half precision
        assert found == right


@pytest.mark.parametrize("loss", [CTC_LOGITS, CRF], ids=lambda loss: loss.name)
def test_a_call_without_gradients_compiles(loss):
    at = place()
    call, _ = prepared(loss, arguments(loss), at=at)
    call.value()
    programs = launched(at, call)
    assert programs[-1].kernel == "evaluate"
    for program in programs:
        with no_device_asked():
            assembly = compiling.assemble(program, CAPABILITIES[1])
        assert parameters_in(assembly) == [SPELT[name] for name in Packing(program.types).passed]
        assert machine_code(assembly, CAPABILITIES[1])[2] == 0
