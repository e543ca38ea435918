"""What the public modules print for a loss over several batches where they differ from those of other losses."""

from dataclasses import dataclass

from lossgen.formula import Loss


@dataclass(frozen=True)
class Batches:
    """The batches of one loss; none for a loss over a single one."""

    loss: Loss

    def of_each(self, kind: str) -> str:
        """The type of an option that speaks of the items of each batch."""
        return f"Mapping[str, {kind}]" if self.loss.batches else kind

    def of_all(self, kind: str) -> str:
        """The type of an option with one value for all batches, or one for each."""
        return f"{kind} | Mapping[str, {kind}]" if self.loss.batches else kind

    @property
    def documentation(self) -> list[str]:
        """What is said of the batches below the arguments."""
        names = self.loss.batches
        if not names:
            return []
        by_batch = "{" + ", ".join(f'"{name}": …' for name in names) + "}"
        lines = [
            "",
            f"The batches {' and '.join(names)} may have different shapes. The loss is the sum of what they contribute, each of",
            'them reduced by itself: with reduction="mean" it is a sum of means.',
        ]
        if "none" in self.loss.reductions:
            lines.append('With reduction="none" the items of all batches must have one shape.')
        options = "sample_weight and mask are given by batch"
        return [*lines, f"{options}, {by_batch}; denominator is one number for all batches, or given by batch."]
