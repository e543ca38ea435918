"""What is measured: families of one loss each, at several sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

Size = tuple[int, ...]
LATENT = 40  # features of an item of the Gaussian divergence


@dataclass(frozen=True)
class Family:
    """A loss and the sizes it is measured at.

    Attributes:
        loss: its name in `lossgen.generated`.
        sizes: what is measured by default; (elements,), (items, classes), (steps, items, states) or (frames, items,
            classes, labels).
        arguments: makes the arguments of one size.
        large: sizes that need several gigabytes or minutes.
        predictions: the positions of the arguments that get a gradient.
        options: keyword arguments of the generated loss, for the reduction that the peers use: the mean.
        looped: whether torch has no such loss and the plain one is a loop over steps. torch.compile is no peer then: it
            unrolls the loop, which takes it minutes.
        optax: whether Optax is a peer as well.
    """

    loss: str
    sizes: tuple[Size, ...]
    arguments: Callable[[Size], tuple[np.ndarray, ...]]
    large: tuple[Size, ...] = ()
    predictions: tuple[int, ...] = (0,)
    options: tuple[tuple[str, object], ...] = ()
    looped: bool = False
    optax: bool = False


@dataclass(frozen=True)
class Case:
    """A family at one size."""

    family: Family
    size: Size

    @property
    def loss(self) -> str:
        """The loss's name."""
        return self.family.loss

    @property
    def label(self) -> str:
        """The size for people: 1e7, or 512 × 32,000."""
        return size_label(self.size)


def size_label(size: Size) -> str:
    """The size for people: 1e7, or 512 × 32,000."""
    if len(size) > 1:
        return " × ".join(f"{number:,}" for number in size)
    exponent = len(str(size[0])) - 1
    return f"1e{exponent}" if size[0] == 10**exponent and exponent > 2 else f"{size[0]:,}"


def parse_size(text: str) -> Size:
    """A size as written on the command line: 1e7, 100000, 512x32000 (items x classes), 100x32x20 (steps x items x
    states) or 150x16x30x30 (frames x items x classes x labels).

    Raises:
        ValueError: the text is something else.
    """
    numbers = tuple(float(part.replace(",", "").replace("_", "")) for part in text.lower().replace("×", "x").split("x"))
    if len(numbers) > 4 or not all(number >= 1 and number == int(number) for number in numbers):
        raise ValueError(
            f"{text!r} is no size, expected a number of elements, items x classes, steps x items x states or "
            "frames x items x classes x labels"
        )
    return tuple(int(number) for number in numbers)


def select(names: Sequence[str], sizes: Sequence[Size], large: bool) -> list[Case]:
    """The cases with these losses (all if none is named) and these sizes (each family's own if none is given).

    Sizes with one number are for losses over single elements, with two for losses over classes, with three for paths
    through a table, with four for losses over sequences of labels.

    Raises:
        ValueError: a loss is not among the families, or nothing is left to measure.
    """
    known = {family.loss: family for family in FAMILIES}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"{unknown[0]} is not measured, expected one of: {', '.join(known)}")
    families = [known[name] for name in names] or list(FAMILIES)
    cases = [Case(family, size) for family in families for size in _sizes(family, sizes, large)]
    if not cases:
        raise ValueError("none of these losses has such a size")
    return cases


def _sizes(family: Family, chosen: Sequence[Size], large: bool) -> Iterable[Size]:
    if chosen:
        return [size for size in chosen if len(size) == len(family.sizes[0])]
    return family.sizes + (family.large if large else ())


def _normal(generator: np.random.Generator, *shape: int) -> np.ndarray:
    return generator.standard_normal(shape, dtype=np.float32)


def _regression(size: Size) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(0)
    return _normal(generator, *size), _normal(generator, *size)


def _binary(size: Size) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(0)
    return _normal(generator, *size), generator.integers(0, 2, size, dtype=np.uint8).astype(np.float32)


def _gaussian(size: Size) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(0)
    features = min(size[0], LATENT)
    shape = (size[0] // features, features)
    return _normal(generator, *shape), _normal(generator, *shape)


def _classes(size: Size) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(0)
    return _normal(generator, *size), generator.integers(0, size[1], size[0])


def _sequences(size: Size) -> tuple[np.ndarray, ...]:
    """Logits (T, N, C), labels other than the blank, 0, and lengths, all of them full."""
    generator = np.random.default_rng(0)
    frames, items, classes, labels = size
    logits, targets = _normal(generator, frames, items, classes), generator.integers(1, classes, (items, labels))
    return logits, targets, np.full(items, frames), np.full(items, labels)


def _transducer(size: Size) -> tuple[np.ndarray, ...]:
    """Logits (N, T, U + 1, C) for every frame and number of labels so far, and labels other than the blank, 0."""
    generator = np.random.default_rng(0)
    frames, items, classes, labels = size
    logits = _normal(generator, items, frames, labels + 1, classes)
    return logits, generator.integers(1, classes, (items, labels))


def _chain(size: Size) -> tuple[np.ndarray, ...]:
    """Emissions (N, T, K), tags, and what they share: transitions, scores of the first and the last tag."""
    generator = np.random.default_rng(0)
    steps, items, tags = size
    emissions, path = _normal(generator, items, steps, tags), generator.integers(0, tags, (items, steps))
    return emissions, path, _normal(generator, tags, tags), _normal(generator, tags), _normal(generator, tags)


def _distances(size: Size) -> tuple[np.ndarray, ...]:
    """Distances (N, I, J) between the entries of two series; the first and the last number are the lengths of these."""
    rows, items, columns = size
    return (np.square(_normal(np.random.default_rng(0), items, rows, columns)),)


_ELEMENTS: tuple[Size, ...] = ((10**7,), (10**5,), (10**3,), (32,))
FAMILIES = (
    Family("mse_loss", _ELEMENTS, _regression),
    Family("l1_loss", ((10**5,), (32,)), _regression),
    Family("binary_cross_entropy_with_logits", _ELEMENTS, _binary),
    Family("sigmoid_focal_loss", _ELEMENTS, _binary, options=(("reduction", "mean"),)),
    Family("gaussian_kl_divergence", _ELEMENTS, _gaussian, predictions=(0, 1)),
    Family("cross_entropy", ((512, 32_000), (512, 1_000), (32, 10)), _classes, large=((2_048, 128_256),)),
    Family("ctc_with_logits_loss", ((150, 16, 30, 30), (500, 8, 5_000, 100)), _sequences, optax=True),
    Family("rnnt_loss", ((150, 8, 30, 30), (100, 4, 1_000, 20)), _transducer, looped=True),
    Family("crf_loss", ((100, 32, 20), (500, 8, 50)), _chain, predictions=(0, 2, 3, 4), looped=True),
    Family("soft_dtw_loss", ((100, 16, 100), (30, 64, 30)), _distances, looped=True),
)
