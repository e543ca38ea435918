"""Losses over several batches of different sizes: the formula is a sum in which each term reads one batch.

>>> @loss
... def wasserstein_critic_loss(real: Prediction.of("real"), fake: Prediction.of("fake")):
...     '''The negated estimate of the distance between two distributions.'''
...     return fake - real

Each batch has items, kernels and a mean of its own. The loss is the sum of what the batches contribute.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sympy import Add, Expr, expand_mul

from .annotations import Annotation, alternatives, is_setting
from .errors import SpecError
from .symbols import ONE, Argument

if TYPE_CHECKING:
    from .variant import Variant


def check_batches(name: str, roles: Mapping[str, Annotation]) -> tuple[str, ...]:
    """The batches of a loss's arguments, in the order of the signature; none where no argument speaks of one.

    Raises SpecError for an argument of no batch or of two where others have one, a single batch, a batch without a
    prediction.
    """
    of_arguments = {n: {r.batch for r in alternatives(role)} for n, role in roles.items() if not is_setting(role)}
    batches = tuple(dict.fromkeys(batch for found in of_arguments.values() for batch in sorted(found)))
    if not any(batches):
        return ()
    for argument, found in of_arguments.items():
        if found == {""}:
            raise SpecError(f"{name}: argument {argument} is of no batch; say which, as in {roles[argument]}.of(…)")
        if len(found) > 1:
            of = " and ".join(sorted(batch or "none" for batch in found))
            raise SpecError(f"{name}: the roles of argument {argument} are of batches {of}, expected one batch")
    if len(batches) == 1:
        raise SpecError(f"{name}: {batches[0]!r} is the only batch; leave .of({batches[0]!r}) out")
    for batch in batches:
        members = [roles[n] for n, found in of_arguments.items() if batch in found]
        if not any(r.kind == "prediction" for role in members for r in alternatives(role)):
            raise SpecError(f"{name}: batch {batch} has no prediction, so that nothing in it is to be trained")
    return batches


def distinct(variants: "Iterable[Variant]") -> "tuple[Variant, ...]":
    """One batch's parts of all variants, without those that differ in the role of another batch's argument only."""
    found: list[Variant] = []
    for variant in variants:
        if all((v.arguments, v.options) != (variant.arguments, variant.options) for v in found):
            found.append(variant)
    return tuple(found)


def split(name: str, variant: "Variant", batches: Sequence[str]) -> "dict[str, Variant]":
    """What each batch contributes, as a variant with the batch's own arguments; constants go to the first batch.

    Raises SpecError for a term, or a normalizer, that reads several batches, for a batch that no term reads, and for `item`.
    """
    if variant.numbered:
        raise SpecError(
            f"{name}: item, the number of an item, in a loss over several batches: each has numbers of its own"
        )
    terms: dict[str, list[Expr]] = {batch: [] for batch in batches}
    constants: list[Expr] = []
    for term in _terms(name, variant.expression):
        read = _read(term)
        (terms[read[0]] if read else constants).append(term)
    unread = [batch for batch, found in terms.items() if not found]
    if unread:
        raise SpecError(f"{name}: no term of the formula reads batch {unread[0]}")
    terms[batches[0]] += constants
    counting = _read(variant.normalizer)
    if len(counting) > 1:
        raise SpecError(f"{name}: the normalizer reads batches {_listed(counting)}, expected one")
    return {
        batch: replace(
            variant,
            label="_".join(filter(None, [variant.label, batch])),
            arguments=tuple(a for a in variant.arguments if a.role.batch == batch),
            expression=Add(*terms[batch]),
            normalizer=variant.normalizer if batch in counting else ONE,
            names={n: part for n, part in variant.names.items() if _read(part) == (batch,)},
        )
        for batch in batches
    }


def _terms(name: str, expression: Expr) -> Iterator[Expr]:
    """The terms of a sum, each of which reads one batch or none; products are multiplied out only where they must be."""
    for term in Add.make_args(expression):
        read = _read(term)
        if len(read) < 2:
            yield term
            continue
        expanded = expand_mul(term, deep=False)
        if not isinstance(expanded, Add):
            raise SpecError(
                f"{name}: the term {term} reads batches {_listed(read)}, which may differ in size; "
                "expected a sum of terms that read one batch each"
            )
        yield from _terms(name, expanded)


def _read(expression: Expr) -> tuple[str, ...]:
    """The batches that an expression reads."""
    return tuple(sorted({s.role.batch for s in expression.free_symbols if isinstance(s, Argument)}))


def _listed(batches: Iterable[str]) -> str:
    return " and ".join(sorted(batches))
