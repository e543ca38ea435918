"""What is measured on a device: losses, sizes and dtypes, with data that is made there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .cases import LATENT, Size, size_label

#: The dtypes by the names of the command line.
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

Make = Callable[[Size, torch.dtype, torch.Generator], tuple[Tensor, ...]]


@dataclass(frozen=True)
class DeviceFamily:
    """A loss and the sizes it is measured at on a device; attributes as those of `lossgen.bench.cases.Family`.

    Attributes:
        arguments: makes the arguments of one size and dtype, on the generator's device.
        halves: whether torch's own loss takes half precision.
    """

    loss: str
    sizes: tuple[Size, ...]
    arguments: Make
    predictions: tuple[int, ...] = (0,)
    options: tuple[tuple[str, object], ...] = ()
    halves: bool = True


@dataclass(frozen=True)
class DeviceCase:
    """A family at one size and dtype."""

    family: DeviceFamily
    size: Size
    dtype: str

    @property
    def loss(self) -> str:
        """The loss's name."""
        return self.family.loss

    @property
    def label(self) -> str:
        """The size and the dtype for people."""
        return f"{size_label(self.size)}, {self.dtype}"

    def tensors(self, device: str) -> tuple[Tensor, ...]:
        """The arguments, the same in each run; those that get a gradient are leaves."""
        generator = torch.Generator(device).manual_seed(0)
        made = self.family.arguments(self.size, DTYPES[self.dtype], generator)
        return tuple(t.requires_grad_(n in self.family.predictions) for n, t in enumerate(made))


def select_on_device(names: Sequence[str], sizes: Sequence[Size], dtypes: Sequence[str]) -> list[DeviceCase]:
    """The cases with these losses (all if none is named), sizes (each family's own if none is given) and dtypes.

    Raises:
        ValueError: a loss is not among the families, or nothing is left to measure.
    """
    known = {family.loss: family for family in FAMILIES}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"{unknown[0]} is not measured on a device, expected one of: {', '.join(known)}")
    families = [known[name] for name in names] or list(FAMILIES)
    cases = [case for family in families for case in _cases(family, sizes, dtypes)]
    if not cases:
        raise ValueError("none of these losses has such a size and dtype")
    return cases


def _cases(family: DeviceFamily, sizes: Sequence[Size], dtypes: Sequence[str]) -> Iterable[DeviceCase]:
    chosen = [size for size in sizes if len(size) == len(family.sizes[0])] if sizes else family.sizes
    for size in chosen:
        yield from (DeviceCase(family, size, dtype) for dtype in dtypes if family.halves or dtype == "float32")


def _normal(generator: torch.Generator, dtype: torch.dtype, *shape: int) -> Tensor:
    return torch.randn(shape, dtype=dtype, device=generator.device, generator=generator)


def _whole(generator: torch.Generator, low: int, high: int, *shape: int) -> Tensor:
    return torch.randint(low, high, shape, device=generator.device, generator=generator)


def _regression(size: Size, dtype: torch.dtype, generator: torch.Generator) -> tuple[Tensor, ...]:
    return _normal(generator, dtype, *size), _normal(generator, dtype, *size)


def _binary(size: Size, dtype: torch.dtype, generator: torch.Generator) -> tuple[Tensor, ...]:
    return _normal(generator, dtype, *size), _whole(generator, 0, 2, *size).to(dtype)


def _gaussian(size: Size, dtype: torch.dtype, generator: torch.Generator) -> tuple[Tensor, ...]:
    features = min(size[0], LATENT)
    shape = (size[0] // features, features)
    return _normal(generator, dtype, *shape), _normal(generator, dtype, *shape)


def _classes(size: Size, dtype: torch.dtype, generator: torch.Generator) -> tuple[Tensor, ...]:
    return _normal(generator, dtype, *size), _whole(generator, 0, size[1], size[0])


def _sequences(size: Size, dtype: torch.dtype, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Logits (T, N, C), labels other than the blank, 0, and lengths, all of them full.

    Lengths are in main memory, where PyTorch's own loss looks at them: it would wait for those on a device.
    """
    frames, items, classes, labels = size
    lengths = (torch.full((items,), number) for number in (frames, labels))
    return (
        _normal(generator, dtype, frames, items, classes),
        _whole(generator, 1, classes, items, labels),
        *lengths,
    )


_ELEMENTS: tuple[Size, ...] = ((10**8,), (10**3,))
FAMILIES = (
    DeviceFamily("mse_loss", _ELEMENTS, _regression),
    DeviceFamily("binary_cross_entropy_with_logits", _ELEMENTS, _binary),
    DeviceFamily("sigmoid_focal_loss", _ELEMENTS, _binary, options=(("reduction", "mean"),)),
    DeviceFamily("gaussian_kl_divergence", _ELEMENTS, _gaussian, predictions=(0, 1)),
    DeviceFamily("cross_entropy", ((8_192, 128_256), (65_536, 1_000)), _classes),
    DeviceFamily("ctc_with_logits_loss", ((500, 64, 5_000, 100),), _sequences, halves=False),
)
