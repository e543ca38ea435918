"""A table of PyTorch's losses: inputs of every accepted form, and values for every option that belongs to the loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf

import torch
from torch import Tensor

Sample = dict[str, Tensor]

#: PyTorch's losses that this package does not offer.
EXCLUDED = {
    "LinearCrossEntropyLoss": "a layer and its loss in one",
    "TripletMarginWithDistanceLoss": "takes a function",
    "AdaptiveLogSoftmaxWithLoss": "has weights of its own",
}


@dataclass(frozen=True)
class Counterpart:
    """One of PyTorch's losses.

    Args:
        name: in torch.nn.functional.
        module: in torch.nn.
        samples: makers of the tensors to call it with, in float64, by a name for each.
        options: for each hyperparameter its default and other values.
        weights: for each optional tensor what makes it for a sample.
        constants: tensors without a gradient, in PyTorch or here.
        reductions: all that it has.
        through: what makes an input from a sample's tensor, where PyTorch's gradient is right behind that alone.
        halves: whether PyTorch has it in half precision in some form that it could be held against.
    """

    name: str
    module: str
    samples: Mapping[str, Callable[[], Sample]]
    options: Mapping[str, tuple] = field(default_factory=dict)
    weights: Mapping[str, Callable[[Sample], Tensor]] = field(default_factory=dict)
    constants: tuple[str, ...] = ()
    reductions: tuple[str, ...] = ("mean", "sum", "none")
    through: Mapping[str, Callable[[Tensor], Tensor]] = field(default_factory=dict)
    halves: bool = True


def normal(*shape: int) -> Tensor:
    return 2 * torch.randn(shape, dtype=torch.float64)


def uniform(low: float, high: float, *shape: int) -> Tensor:
    return low + (high - low) * torch.rand(shape, dtype=torch.float64)


def strided(shape: tuple[int, ...], maker: Callable[..., Tensor]) -> Tensor:
    """What `maker` makes, with every other entry of twice the last dimension, dimensions reversed in memory."""
    wide = maker(2 * shape[-1], *shape[-2::-1])[::2]
    return wide.permute(*range(wide.dim() - 1, -1, -1))


def log_softmax(logits: Tensor) -> Tensor:
    return torch.log_softmax(logits, 0 if logits.dim() == 1 else 1)


def soft(*shape: int) -> Tensor:
    """A distribution over the classes for each item."""
    return log_softmax(normal(*shape)).exp()


def labels(*shape: int, classes: int = 4) -> Tensor:
    """Class indices; the first is 2, so that at least one counts when 1 is ignored."""
    found = torch.randint(0, classes, shape)
    if found.numel():
        found.view(-1)[0] = 2
    return found


def signs(*shape: int) -> Tensor:
    return 2.0 * torch.randint(0, 2, shape).double() - 1


def hot(*shape: int) -> Tensor:
    """Zeros and ones."""
    return torch.randint(0, 2, shape).double()


def pairs(
    first: Callable[..., Tensor], second: Callable[..., Tensor], names: tuple[str, str] = ("input", "target")
) -> dict[str, Callable[[], Sample]]:
    """Elementwise samples: no dimension, several, none of the entries, and entries that are not contiguous."""

    def same(shape: tuple[int, ...]) -> Callable[[], Sample]:
        return lambda: dict(zip(names, (first(*shape), second(*shape)), strict=True))

    found = {str(shape): same(shape) for shape in ((), (5,), (4, 3), (2, 3, 4), (0,), (0, 3))}
    return found | {
        "strided": lambda: dict(zip(names, (strided((4, 3), first), strided((4, 3), second)), strict=True)),
        "mixed": lambda: dict(zip(names, (strided((4, 3), first), second(4, 3)), strict=True)),
    }


def rows(of_input: Callable[..., Tensor], empty: bool = True) -> dict[str, Callable[[], Sample]]:
    """Class indices for rows over the class axis: unbatched, batched, with further dimensions, strided."""

    def sample(shape: tuple[int, ...]) -> Callable[[], Sample]:
        items = shape[:1] + shape[2:] if len(shape) > 1 else ()
        return lambda: {"input": of_input(*shape), "target": labels(*items)}

    shapes = [(4,), (6, 4), (2, 4, 3), (2, 4, 3, 2), *([(0, 4)] if empty else [])]
    found = {str(shape): sample(shape) for shape in shapes}
    return found | {"strided": lambda: {"input": strided((5, 4, 3), of_input), "target": labels(3, 5).T}}


def distributions() -> dict[str, Callable[[], Sample]]:
    return {
        str(shape): lambda shape=shape: {"input": normal(*shape), "target": soft(*shape)}
        for shape in ((4,), (6, 4), (2, 4, 3), (2, 4, 3, 2))
    }


def class_weights(sample: Sample) -> Tensor:
    return uniform(0.5, 1.5, 4)


def item_weights(sample: Sample) -> Tensor:
    return uniform(0.5, 1.5, *sample["input"].shape)


def last_weights(sample: Sample) -> Tensor:
    """Weights that broadcast over all dimensions but the last."""
    return uniform(0.5, 1.5, *sample["input"].shape[-1:])


def vectors(*names: str) -> dict[str, Callable[[], Sample]]:
    """A vector for each item and each name: unbatched, batched, strided."""
    return {
        "(6,)": lambda: {name: normal(6) for name in names},
        "(5, 6)": lambda: {name: normal(5, 6) for name in names},
        "strided": lambda: {name: strided((5, 6), normal) for name in names},
    }


def with_signs(samples: Mapping[str, Callable[[], Sample]]) -> dict[str, Callable[[], Sample]]:
    """The samples, and a target of −1 or 1 for each item."""

    def add(make: Callable[[], Sample]) -> Callable[[], Sample]:
        def made() -> Sample:
            sample = make()
            return sample | {"target": signs(*next(iter(sample.values())).shape[:-1])}

        return made

    return {name: add(make) for name, make in samples.items()}


def triples() -> dict[str, Callable[[], Sample]]:
    found = pairs(normal, normal, ("input1", "input2"))
    return {
        name: lambda make=make: (s := make()) | {"target": signs(*s["input1"].shape)} for name, make in found.items()
    }


def label_lists() -> dict[str, Callable[[], Sample]]:
    """The right classes of each item, in any order, ended by −1; what follows counts nothing."""
    ended = torch.tensor([[3, 0, -1, 1], [1, -1, 0, 2], [0, 1, 2, 3], [-1, 2, 2, 2]])
    return {
        "(4,)": lambda: {"input": normal(4), "target": ended[0]},
        "(4, 4)": lambda: {"input": normal(4, 4), "target": ended},
        "strided": lambda: {"input": strided((4, 4), normal), "target": ended.T.contiguous().T},
    }


def variances() -> dict[str, Callable[[], Sample]]:
    """A variance for each entry, one for all entries of the last dimension, or one dimension of size 1."""

    def sample(shape: tuple[int, ...], of_variance: tuple[int, ...]) -> Callable[[], Sample]:
        return lambda: {"input": normal(*shape), "target": normal(*shape), "var": uniform(0.2, 3, *of_variance)}

    same = {str(shape): sample(shape, shape) for shape in ((), (5,), (4, 3), (2, 3, 4))}
    return same | {"(4, 3) and (4, 1)": sample((4, 3), (4, 1)), "(2, 3, 4) and (2, 1, 4)": sample((2, 3, 4), (2, 1, 4))}


def alignments() -> dict[str, Callable[[], Sample]]:
    """Frames and labels: labels in rows and one after another, a single item, the batch first in memory, no labels."""
    lengths = torch.tensor([3, 1, 0, 2])
    frames = torch.tensor([7, 4, 5, 6])
    names = ("log_probs", "targets", "input_lengths", "target_lengths")

    def sample(of_input: Callable[[], Tensor], targets: Tensor, *rest: Tensor) -> Callable[[], Sample]:
        return lambda: dict(zip(names, (of_input(), targets, *rest), strict=True))

    rows = torch.tensor([[1, 1, 3], [3, 0, 0], [0, 0, 0], [1, 3, 0]])
    joined = torch.tensor([1, 1, 3, 3, 1, 3], dtype=torch.int32)
    return {
        "rows": sample(lambda: normal(7, 4, 5), rows, frames, lengths),
        "batch first in memory": sample(lambda: normal(4, 7, 5).transpose(0, 1), rows, frames, lengths),
        "strided": sample(lambda: strided((7, 4, 5), normal), rows.T.contiguous().T, frames.int(), lengths),
        "one after another": sample(lambda: normal(7, 4, 5), joined, frames.int(), lengths.int()),
        "one item": sample(lambda: normal(7, 5), rows[0], frames[0], lengths[0]),
        "one item, lengths in a row": sample(lambda: normal(7, 5), rows[0], frames[:1], lengths[:1]),
        "one item, labels in a row": sample(lambda: normal(7, 5), rows[:1], frames[0], lengths[0]),
        "no labels": sample(lambda: normal(7, 4, 5), rows, frames, 0 * lengths),
    }


COUNTERPARTS = (
    Counterpart("mse_loss", "MSELoss", pairs(normal, normal), weights={"weight": item_weights}),
    Counterpart("l1_loss", "L1Loss", pairs(normal, normal), weights={"weight": item_weights}),
    Counterpart(
        "huber_loss", "HuberLoss", pairs(normal, normal), {"delta": (1.0, 0.3, 2)}, weights={"weight": item_weights}
    ),
    Counterpart("smooth_l1_loss", "SmoothL1Loss", pairs(normal, normal), {"beta": (1.0, 0, 0.3, 2)}),
    Counterpart(
        "binary_cross_entropy",
        "BCELoss",
        pairs(lambda *s: uniform(0.05, 0.95, *s), lambda *s: uniform(0, 1, *s))
        | {"hard": lambda: {"input": uniform(0.05, 0.95, 4, 3), "target": hot(4, 3)}},
        weights={"weight": last_weights},
    ),
    Counterpart(
        "binary_cross_entropy_with_logits",
        "BCEWithLogitsLoss",
        pairs(normal, lambda *s: uniform(0, 1, *s)) | {"hard": lambda: {"input": normal(4, 3), "target": hot(4, 3)}},
        weights={"weight": last_weights, "pos_weight": last_weights},
    ),
    Counterpart(
        "cross_entropy",
        "CrossEntropyLoss",
        rows(normal),
        {"ignore_index": (-100, 1), "label_smoothing": (0.0, 0.2)},
        {"weight": class_weights},
    ),
    Counterpart(
        "cross_entropy", "CrossEntropyLoss", distributions(), {"label_smoothing": (0.0, 0.2)}, {"weight": class_weights}
    ),
    Counterpart(
        "nll_loss",
        "NLLLoss",
        rows(lambda *s: log_softmax(normal(*s))),
        {"ignore_index": (-100, 1)},
        {"weight": class_weights},
    ),
    Counterpart("soft_margin_loss", "SoftMarginLoss", pairs(normal, signs), constants=("target",)),
    Counterpart(
        "multilabel_soft_margin_loss",
        "MultiLabelSoftMarginLoss",
        {
            str(shape): lambda shape=shape: {"input": normal(*shape), "target": hot(*shape)}
            for shape in ((4,), (5, 4), (2, 3, 4))
        },
        weights={"weight": class_weights},
    ),
    Counterpart(
        "multi_margin_loss",
        "MultiMarginLoss",
        {
            "(4,)": lambda: {"input": normal(4), "target": labels()},
            "(5, 4)": lambda: {"input": normal(5, 4), "target": labels(5)},
            "strided": lambda: {"input": strided((5, 4), normal), "target": labels(5)},
        },
        {"p": (1, 2), "margin": (1.0, 0.3, 2)},
        {"weight": class_weights},
    ),
    Counterpart("multilabel_margin_loss", "MultiLabelMarginLoss", label_lists()),
    Counterpart(
        "hinge_embedding_loss",
        "HingeEmbeddingLoss",
        pairs(normal, signs),
        {"margin": (1.0, 0.3, 2)},
        constants=("target",),
    ),
    Counterpart(
        "margin_ranking_loss", "MarginRankingLoss", triples(), {"margin": (0.0, 0.4, 1)}, constants=("target",)
    ),
    Counterpart(
        "cosine_embedding_loss",
        "CosineEmbeddingLoss",
        with_signs(vectors("input1", "input2")),
        {"margin": (0.0, 0.4)},
        constants=("target",),
    ),
    Counterpart(
        "triplet_margin_loss",
        "TripletMarginLoss",
        vectors("anchor", "positive", "negative"),
        {"margin": (1.0, 0.2, 5), "p": (2.0, 1, inf, 3.5), "eps": (1e-6, 1e-3), "swap": (False, True)},
    ),
    Counterpart(
        "kl_div",
        "KLDivLoss",
        pairs(lambda *s: -uniform(0.1, 4, *s), lambda *s: uniform(0.05, 1, *s)),
        {"log_target": (False, True)},
        reductions=("mean", "batchmean", "sum", "none"),
    ),
    Counterpart(
        "poisson_nll_loss",
        "PoissonNLLLoss",
        pairs(lambda *s: uniform(0.1, 3, *s), lambda *s: torch.round(uniform(0, 6, *s))),
        {"log_input": (True, False), "full": (False, True), "eps": (1e-8, 1e-2)},
        constants=("target",),
    ),
    Counterpart(
        "ctc_loss",
        "CTCLoss",
        alignments(),
        {"blank": (0, 2), "zero_infinity": (False, True)},
        through={"log_probs": lambda logits: torch.log_softmax(logits, -1)},
        halves=False,
    ),
    Counterpart("gaussian_nll_loss", "GaussianNLLLoss", variances(), {"full": (False, True), "eps": (1e-6, 0.5)}),
)
