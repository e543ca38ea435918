"""What CUDA kernels of recurrences check themselves, since nobody waits for the device: lengths, labels, entries."""

from collections.abc import Iterator

from lossgen.formula.symbols import Argument

from .lattice_program import LatticeProgram
from .names import full_size, size_name
from .spelling import place_of
from .statement_printer import DOMAIN_CHECKS


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


def checked_entries(program: LatticeProgram, position: int, argument: Argument) -> Iterator[str]:
    """Raises the argument's bit where an entry within the item's lengths is outside the domain."""
    name, axes = argument.name, argument.role.axes
    places = [f"at_{n}" for n in range(1, len(axes) + 1)]
    entries = {
        "grid": f"{name}[{place_of(name, places[:-1])} + {places[-1] if places else ''}]",
        "row": f"{name}_row[at_1]",
    }
    entry = entries.get(argument.role.layout, f"{name}_i")
    if len(axes) == 1:
        shares = [f"member, {size_name(axes[0])}, THREADS"]
    else:
        shares = list(map(size_name, axes))
        shares[:1] = [f"own_group, {share}, GROUPS" for share in shares[:1]]
        shares[1:] = [*shares[1:-1], *(f"rank, {share}, LANES" for share in shares[1:][-1:])]
    lines = [f"for {place} in range({share}):" for place, share in zip(places, shares, strict=True)]
    lines += [f"if not ({DOMAIN_CHECKS[argument.role.domain].format(x=entry)}):", f"fault |= {1 << position}"]
    if program.defaults.get(name) is not None and argument.role.layout == "row":
        lines.insert(0, f"if {name} is not None:")
    yield from ("    " * depth + line for depth, line in enumerate(lines))
