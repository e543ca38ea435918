"""The operators that tracers meet: torch.compile, torch.export and whatever else records a program.

They cannot look into a kernel of Numba, so to them a call is one node of their graph. There is one family of operators
for all losses, not one for each: nothing has to be registered when a loss is added, and a saved program says by itself
where to import its loss from. Shapes and dtypes of the results are known without running anything.

The tensors of a call come as a list without gaps, with the position of each, since lists with None in them lose their
gradients in PyTorch's own operators. All results are new; they are contiguous on the CPU, on a device they lie in memory as
`torch_cuda_forms` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lossgen.runtime.axes import AxisOption
from lossgen.runtime.loss import find_loss

from . import torch_cuda_forms
from .torch_cuda import serves
from .torch_library import torch
from .torch_task import Form, Task, Tensors

_CALL = (
    "Tensor[] tensors, int[] places, str loss, float[] numbers, str[] words, str reduction, str axis, float empty,"
    " int[] wanted"
)
_SCHEMAS = {
    "evaluate": f"({_CALL}) -> Tensor[]",
    "gradients": f"(Tensor upstream, {_CALL}) -> Tensor[]",
    "products": f"(Tensor upstream, Tensor[] directions, int[] moving, bool slope, {_CALL}) -> Tensor[]",
    "normalisers": f"({_CALL}) -> Tensor",
}
_LIBRARY = torch.library.Library("lossgen", "FRAGMENT")  # unregisters everything if it is collected
for _name, _schema in _SCHEMAS.items():
    _LIBRARY.define(_name + _schema, tags=(torch.Tag.pt2_compliant_tag,))
evaluate = torch.ops.lossgen.evaluate.default
gradients = torch.ops.lossgen.gradients.default
products = torch.ops.lossgen.products.default
normalisers = torch.ops.lossgen.normalisers.default


def written(
    location: str, places: Sequence[int], parameters: tuple, reduction: str, axis: str, empty: float, wanted: list[int]
) -> tuple:
    """What an operator takes after the tensors. Written so that torch.compile can follow it."""
    numbers = [0.0 if isinstance(p, str) else torch.sym_float(p) for p in parameters]
    words = [p if isinstance(p, str) else "" for p in parameters]
    return list(places), location, numbers, words, reduction, axis, empty, wanted


def written_task(task: Task) -> tuple:
    """What an operator takes after the tensors for a task."""
    axis = written_axis(task.axis)
    return written(
        task.loss.location, task.places, task.parameters, task.reduction, axis, task.empty, list(task.wanted)
    )


def written_axis(axis: AxisOption) -> str:
    """The `axis` option as text: nothing, one dimension, several, or several with their axes' names."""
    if axis is None:
        return ""
    if isinstance(axis, Mapping):
        return ";".join([f"{name}={written_axis(dimensions)}" for name, dimensions in axis.items()])
    if isinstance(axis, (tuple, list)):
        return "".join([f"{dimension}," for dimension in axis])
    return f"{axis}"


def read_axis(text: str) -> AxisOption:
    """The option that `written_axis` has written."""
    if not text:
        return None
    if "=" in text:
        return {name: _read_dimensions(rest) for name, rest in (part.split("=") for part in text.split(";"))}
    return _read_dimensions(text)


def _read_dimensions(text: str) -> int | tuple[int, ...]:
    return tuple(int(part) for part in text.split(",")[:-1]) if "," in text or not text else int(text)


def task_of(
    places: Sequence[int],
    location: str,
    numbers: Sequence[float],
    words: Sequence[str],
    reduction: str,
    axis: str,
    empty: float,
    wanted: Sequence[int],
) -> Task:
    """The task that an operator was called with."""
    parameters = tuple(word or number for number, word in zip(numbers, words, strict=True))
    return Task(
        find_loss(location), tuple(places), parameters, reduction, read_axis(axis), empty, tuple(wanted), traced=True
    )


def _evaluate(tensors: Tensors, *call) -> list[torch.Tensor]:
    return task_of(*call).evaluate(tensors)


def _gradients(upstream: torch.Tensor, tensors: Tensors, *call) -> list[torch.Tensor]:
    return task_of(*call).gradients(upstream, tensors)


def _products(
    upstream: torch.Tensor, directions: Tensors, moving: Sequence[int], slope: bool, tensors: Tensors, *call
) -> list[torch.Tensor]:
    return task_of(*call).products(upstream, tensors, dict(zip(moving, directions, strict=True)), slope)


def _normalisers(tensors: Tensors, *call) -> torch.Tensor:
    return task_of(*call).normalisers(tensors)


def _value_form(task: Task, tensors: Tensors) -> torch.Tensor:
    form = task.form(tensors)
    return _item_form(task, form, tensors) if task.per_item else tensors[0].new_empty((), dtype=form.real)


def _item_form(task: Task, form: Form, tensors: Tensors) -> torch.Tensor:
    """One number for each item."""
    if serves(tensors[0]):
        return torch_cuda_forms.per_item(task, form, tensors)
    return tensors[0].new_empty(form.geometry.item_shape, dtype=form.real)


def _gradient_forms(task: Task, tensors: Tensors) -> list[torch.Tensor]:
    given = task.place(tensors)
    real = task.form(tensors).real
    wanted = [(given[place], given[place].dtype if given[place].is_floating_point() else real) for place in task.wanted]
    if serves(tensors[0]):
        return [torch_cuda_forms.like(tensor, dtype) for tensor, dtype in wanted]
    return [tensor.new_empty(tensor.shape, dtype=dtype) for tensor, dtype in wanted]


def _evaluate_form(tensors: Tensors, *call) -> list[torch.Tensor]:
    task = task_of(*call)
    return [_value_form(task, tensors), *_gradient_forms(task, tensors)]


def _gradients_form(upstream: torch.Tensor, tensors: Tensors, *call) -> list[torch.Tensor]:
    return _gradient_forms(task_of(*call), tensors)


def _products_form(
    upstream: torch.Tensor, directions: Tensors, moving: Sequence[int], slope: bool, tensors: Tensors, *call
) -> list[torch.Tensor]:
    task = task_of(*call)
    return [*([_value_form(task, tensors)] if slope else []), *_gradient_forms(task, tensors)]


def _normalisers_form(tensors: Tensors, *call) -> torch.Tensor:
    task = task_of(*call)
    return _item_form(task, task.form(tensors), tensors)


def _register(name: str, run: Callable, form: Callable) -> None:
    _LIBRARY.impl(name, run, "CPU")
    _LIBRARY.impl(name, run, "CUDA")
    torch.library.register_fake(f"lossgen::{name}", form, lib=_LIBRARY)


_register("evaluate", _evaluate, _evaluate_form)
_register("gradients", _gradients, _gradients_form)
_register("products", _products, _products_form)
_register("normalisers", _normalisers, _normalisers_form)


def register_derivatives(name: str, differentiable: Callable, batched: Callable) -> None:
    """Say how an operator is differentiated and how it is run on a batch of calls: see `torch_dispatch`."""
    _LIBRARY.impl(name, differentiable, "Autograd")
    torch.library.register_vmap(f"lossgen::{name}", batched, lib=_LIBRARY)
