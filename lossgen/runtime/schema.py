"""What the runtime knows about a loss: names, layouts, domains and defaults as pure data, without any code.

Generated modules instantiate these classes; nothing here computes anything beyond simple look-ups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Layout = Literal["item", "row", "shared", "broadcast", "grid", "table", "sequence", "length"]
Place = Literal["class", "features", "first", "last"]
Reduction = Literal["none", "mean", "batchmean", "sum"]
Option = bool | int | float | str
#: The layouts whose arrays the kernels take whole, with lengths: those of a loss over lattices.
WHOLE = frozenset(("grid", "table", "sequence", "length"))


@dataclass(frozen=True, slots=True)
class Axis:
    """A named axis that a loss reduces over.

    Args:
        name: the name used by the arguments and by `axis={name: ...}`.
        place: where the axis lies by default. "class": dimension 1 of (N, C, d1, ...), or dimension 0 of a 1-D array.
            "features": all dimensions but the first, flattened, or the only dimension of a 1-D array (then one item).
            "first" and "last": the first and the last dimension; of an argument with several axes, those at the front
            are its first dimensions and those at the end its last ones, in the argument's order.
        base: an axis that this one is longer than, if any.
        longer: by how many entries.
    """

    name: str
    place: Place
    base: str = ""
    longer: int = 0


@dataclass(frozen=True, slots=True)
class Argument:
    """An array argument of a loss.

    Args:
        name: the argument's name in the signature.
        layout: "item": one number per item; "row": one number per item and entry of `axis`; "shared": one number per
            entry of `axis`, the same for all items (class weights); "broadcast": anything that broadcasts to the items;
            "grid": one number per item and entry of several axes; "table": one number per entry of several axes, the
            same for all items; "sequence": class indices along `axis`, as many for each item as its length says, one row
            per item or all rows one after another; "length": how many entries of `axis` an item has.
        axis: the name of the argument's axis; for a class index the axis it points into; None if it has none or several.
        domain: a key of `lossgen.runtime.domains.ARRAYS`: which values are allowed.
        default: the number that the kernels use where the argument is not given; None means required.
        integer: True for a class index, and with the layout "row" for a list of class indices, of which the kernels are
            given how often it names each class.
        axes: the names of its axes, if it has several.
        points_to: the axis that the class indices of a sequence point into.
        barred: the parameter whose class none of them may be.
        broadcast: True, with the layout "row", for anything that broadcasts to the shape of the other rows over the axis.
    """

    name: str
    layout: Layout
    axis: str | None
    domain: str
    default: float | None = None
    integer: bool = False
    axes: tuple[str, ...] = ()
    points_to: str = ""
    barred: str = ""
    broadcast: bool = False

    @property
    def listed(self) -> bool:
        """Whether it is a list of class indices."""
        return self.integer and self.layout == "row"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a loss, the same for all items.

    Args:
        name: the parameter's name in the signature.
        default: its default.
        domain: a key of `lossgen.runtime.domains.SCALARS`: which numbers are allowed; None if only the options are.
        integer: True for a whole number.
        options: values with a variant of their own.
        axis: the axis that it is the number of an entry of, with the domain "class-index".
    """

    name: str
    default: Option
    domain: str | None = None
    integer: bool = False
    options: tuple[Option, ...] = ()
    axis: str = ""


@dataclass(frozen=True, slots=True)
class Variant:
    """One form of a loss: class indices or class probabilities as the target, say.

    Args:
        label: words for messages, such as "class indices".
        module: the kernels' module without its dtype suffix.
        arguments: all arguments in the order of the signature.
        differentiable: the names of the arguments that `evaluate` has a gradient for, in the order of the signature.
        predictions: those of them that a gradient is taken for by default.
        normalized: True if `mean` divides by a normaliser of its own (kernel `normalizer`), not by the number of items.
        choice: for each parameter with options the value that this form is for; None for any other number, which the
            kernels then take as a parameter.
        normalizer_reads: the arguments whose entries that kernel reads; None means any. With it, arguments that have to
            be copied for the kernels (a class axis that is not the last) are copied once, not twice.
        numbered: True if the kernels take, as their last parameter, the number of the first item in its batch.
        diagonal: the axes of which each item reads the entry of its own number, so that they must be long enough.
        normalizer_default: what every item counts where none of those arguments is given, or class indices alone and the
            item is not ignored; None: ask the kernel.
        sizes: the axes whose sizes the kernels take, after the parameters (and after the number of the first item).
        divided: True if `mean` divides each item by what the kernel `divisor` says, before it averages the items.
    """

    label: str
    module: str
    arguments: tuple[Argument, ...]
    differentiable: tuple[str, ...]
    predictions: tuple[str, ...]
    normalized: bool
    normalizer_reads: tuple[str, ...] | None = None
    normalizer_default: float | None = None
    choice: tuple[Option | None, ...] = ()
    numbered: bool = False
    diagonal: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    divided: bool = False

    @property
    def whole(self) -> bool:
        """Whether its kernels take arrays whole: a loss over lattices."""
        return bool(self.sizes) or any(argument.layout in WHOLE for argument in self.arguments)


@dataclass(frozen=True, slots=True)
class Schema:
    """A loss: its axes, its parameters, its variants, the reduction it uses by default, and all that it has."""

    name: str
    axes: tuple[Axis, ...]
    parameters: tuple[Parameter, ...]
    variants: tuple[Variant, ...]
    reduction: Reduction = "mean"
    reductions: tuple[Reduction, ...] = ("mean", "sum", "none")

    def numbers(self, variant: Variant) -> tuple[str, ...]:
        """The names of the parameters that the variant's kernels take, in their order."""
        chosen = iter(variant.choice)
        return tuple(p.name for p in self.parameters if not p.options or next(chosen) is None)
