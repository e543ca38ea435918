"""What CUDA kernels of recurrences check themselves, since nobody waits for the device: lengths and labels."""

from collections.abc import Iterator

from lossgen.formula.symbols import Argument

from .lattice_program import LatticeProgram
from .names import full_size, size_name


def checked_sequences(program: LatticeProgram) -> Iterator[str]:
    """Lengths within the arrays, labels that are classes: what is not so is a fault, and its item is skipped."""
    arguments = list(enumerate(program.variant.arguments))
    lengths = [(n, a) for n, a in arguments if a.role.layout == "length"]
    sequences = [(n, a) for n, a in arguments if a.role.layout == "sequence"]
    if not lengths and not sequences:
        return
    yield "wrong = np.int64(0)"
    yield "if not skipped:"
    for position, argument in lengths:
        name = size_name(argument.role.axis)
        yield f"    if {name} < 0 or {name} > {full_size(argument.role.axis)}:"
        yield f"        wrong |= {1 << position}"
    if sequences:
        yield "    if wrong == 0:"
    for position, argument in sequences:
        yield from (f"        {line}" for line in _labels(position, argument))
    yield "wrong = bits_of_block(wrong)"
    yield "if wrong != 0:"
    yield from ("    skipped = True", "    filling = nan", "    fault |= wrong")


def _labels(position: int, argument: Argument) -> Iterator[str]:
    name, size, role = argument.name, size_name(argument.role.axis), argument.role
    yield f"{name}_start = {name}_starts[i]"
    yield f"if {name}_start < 0 or {name}_start + {size} > {name}_size:"
    yield f"    wrong |= {1 << position}"
    yield "else:"
    yield f"    for at in range(member, {size}, THREADS):"
    yield f"        label_read = {name}[{name}_start + at]"
    barred = f" or label_read == {role.barred}" if role.barred else ""
    yield f"        if label_read < 0 or label_read >= {full_size(role.points_to)}{barred}:"
    yield f"            wrong |= {1 << position}"
