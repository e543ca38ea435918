"""What of a generated package is held against the truth: its loss on NumPy arrays, and on PyTorch tensors."""

import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from lossgen.build.errors import BuildError
from lossgen.formula import Loss, Variant

from .batches import OneBatch
from .layouts import as_batch, as_given, has_sequences
from .reductions import summed, values
from .sampling import Arrays

#: What a surface makes of a batch: the entries by the kind of quantity and the argument's name.
Found = dict[str, dict[str, np.ndarray]]


class Surface(Protocol):
    """One way to call a loss. `name` is what tables call it, `folder` where the package has its modules."""

    name: str
    folder: str

    def found(
        self, loss: Loss, variant: Variant, given: Arrays, parameters: Mapping[str, Any], directions: Arrays
    ) -> Found: ...


@dataclass(frozen=True)
class OnArrays:
    """The loss on NumPy arrays; `joined`: with sequences one after another."""

    function: Any
    joined: bool = False
    name: str = "NumPy"
    folder: str = "numpy"

    def found(
        self, loss: Loss, variant: Variant, given: Arrays, parameters: Mapping[str, Any], directions: Arrays
    ) -> Found:
        function, options = self.function, {**parameters, **summed(loss)}
        given, directions = (as_given(variant, x, self.joined) for x in (given, directions))
        ordered, names = [given[a.name] for a in variant.arguments], tuple(a.name for a in variant.differentiable)
        required = [a.name for a in variant.arguments if loss.default(a.name) is None]
        optional = {a.name: given[a.name] for a in variant.arguments if a.name not in required}
        along = tuple(directions.values()) if len(directions) > 1 else next(iter(directions.values()))
        _, slopes = function.value_and_grad(*ordered, **options, wrt=names)
        product = function.hvp(*(given[n] for n in required), along, **optional, **options)
        found = {
            "value": {"": values(loss, variant, function, ordered, parameters)},
            "gradient": dict(zip(names, slopes, strict=True)),
            "product": dict(zip(directions, product if len(directions) > 1 else (product,), strict=True)),
        }
        if not variant.filled:  # over a lattice there is none: it costs a sweep for each entry
            diagonal = function.hessian_diagonal(*ordered, **options)
            found["diagonal"] = dict(zip(directions, diagonal if len(directions) > 1 else (diagonal,), strict=True))
        return {kind: as_batch(variant, parts) for kind, parts in found.items()}


def plain(arrays: Arrays, options: Mapping[str, Any]) -> dict[str, Any]:
    """What a loss is called with: the arrays and the options."""
    return {**arrays, **options}


@dataclass(frozen=True)
class OnTensors:
    """The loss on PyTorch tensors: gradients by its backward pass, the Hessian's product by the backward pass of that.

    `complete` adds to the arrays of a batch what the loss is given besides them.
    """

    function: Any
    complete: Callable[[Arrays, Mapping[str, Any]], dict[str, Any]] = plain
    joined: bool = False
    name: str = "PyTorch"
    folder: str = "torch"

    def found(
        self, loss: Loss, variant: Variant, given: Arrays, parameters: Mapping[str, Any], directions: Arrays
    ) -> Found:
        torch = import_module("torch")  # which is optional
        given, directions = (as_given(variant, x, self.joined) for x in (given, directions))
        names, arguments = [a.name for a in variant.differentiable], [a.name for a in variant.arguments]

        def call(*arrays: np.ndarray, **options: Any) -> np.ndarray:
            return self.function(**_tensors(self.complete(dict(zip(arguments, arrays, strict=True)), options))).numpy()

        def total(moving: Sequence[str]) -> tuple[Any, list[Any]]:
            tensors = _tensors(self.complete(dict(given), {**parameters, **summed(loss)}))
            leaves = [tensors[name].requires_grad_() for name in moving]
            return self.function(**tensors).sum(), leaves

        sum_, leaves = total(names)
        slopes = torch.autograd.grad(sum_, leaves)
        sum_, leaves = total(list(directions))
        first = torch.autograd.grad(sum_, leaves, create_graph=True)
        turned = sum((g * torch.from_numpy(v)).sum() for g, v in zip(first, directions.values(), strict=True))
        products = torch.autograd.grad(turned, leaves, allow_unused=True, materialize_grads=True)
        found = {
            "value": {"": values(loss, variant, call, [given[n] for n in arguments], parameters)},
            "gradient": {n: g.numpy() for n, g in zip(names, slopes, strict=True)},
            "product": {n: p.numpy() for n, p in zip(directions, products, strict=True)},
        }
        return {kind: as_batch(variant, parts) for kind, parts in found.items()}


def _tensors(given: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays as tensors, in nested mappings too; copies, since a tensor that asks for a gradient is marked."""
    torch = import_module("torch")
    return {
        name: _tensors(x) if isinstance(x, dict) else torch.from_numpy(x.copy()) if isinstance(x, np.ndarray) else x
        for name, x in given.items()
    }


def surfaces(loss: Loss, variant: Variant, package: ModuleType) -> Iterator[tuple[Variant, list[Surface]]]:
    """All of a variant that has items and kernels of its own, with the surfaces on which it can be tried here, NumPy first.

    Raises BuildError where the package lacks the loss, or holds a file that Python cannot read.
    """
    arrays = _function(loss, package)
    tensors = _function(loss, import_module(f"{package.__name__}.torch")) if importlib.util.find_spec("torch") else None
    for batch, part in (variant.parts or {"": variant}).items():
        one = OneBatch(loss, variant, batch, arrays) if batch else arrays
        found: list[Surface] = [OnArrays(one)]
        if tensors is not None:
            found.append(OnTensors(tensors, one.completed if batch else plain))
        if has_sequences(part):
            found += [replace(surface, joined=True) for surface in found]
        yield part, found


def _function(loss: Loss, package: ModuleType) -> Any:
    try:
        return getattr(package, loss.name)
    except (AttributeError, ImportError, SyntaxError) as error:
        raise BuildError(f"{loss.name}: not in the generated package ({error}); run `lossgen build`") from error
