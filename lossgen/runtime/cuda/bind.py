"""Kernels of a generated module, as functions of the device: the module's text with the device's functions in its globals."""

from collections.abc import Callable, Mapping
from inspect import get_annotations
from types import FunctionType, ModuleType, NoneType
from typing import Any, get_args

Compile = Callable[[FunctionType], Any]


def bind(module: ModuleType, device: Mapping[str, Any], compile_function: Compile) -> dict[str, FunctionType]:
    """The kernels of the module by their names, as plain functions that `numba.cuda` can compile.

    device: what stands in the place of the names that the module imports from `lossgen.runtime.device`, and what these need.
        Plain functions among them are taken as source, and see the same globals as the kernels.
    compile_function: makes a function of the device from a plain one.
    """
    shared: dict[str, Any] = {**vars(module), **device}
    own = {name: value for name, value in vars(module).items() if _is_own(value, module)}
    for name, function in {**own, **device}.items():
        if isinstance(function, FunctionType):
            bound = FunctionType(function.__code__, shared, name, function.__defaults__)
            bound.__module__, bound.__qualname__ = module.__name__, name
            bound.__annotations__ = function.__annotations__
            shared[name] = bound if name in module.KERNELS else compile_function(bound)
    return {name: shared[name] for name in module.KERNELS}


def kinds(kernel: FunctionType) -> dict[str, type]:
    """What each argument of a kernel is, as `lossgen.runtime.device` calls it."""
    found = {name: kind for name, kind in get_annotations(kernel).items() if name != "return"}
    return {name: next(k for k in (*get_args(kind), kind) if k is not NoneType) for name, kind in found.items()}


def optional(kernel: FunctionType) -> list[str]:
    """The arrays of a kernel that may be absent."""
    return [name for name, kind in get_annotations(kernel).items() if NoneType in get_args(kind)]


def _is_own(value: Any, module: ModuleType) -> bool:
    return isinstance(value, FunctionType) and value.__module__ == module.__name__
