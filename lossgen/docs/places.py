"""Where the files of a handbook lie, below the folder that `lossgen docs` is given."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from lossgen.pages.blocks import Figure, Items, Section


@dataclass(frozen=True)
class Places:
    """The folders of a handbook: LaTeX with its figures, and the site with its own."""

    root: Path

    @property
    def latex(self) -> Path:
        """The LaTeX sources: handbook.tex, one file for each loss, figures/*.pdf."""
        return self.root / "latex"

    @property
    def site(self) -> Path:
        """The static site: index.html, one file for each loss, figures/*.svg."""
        return self.root / "html"


def stems(sections: Iterable[Section]) -> list[str]:
    """The stems of the drawings that sections show."""
    blocks = [block for section in sections for block in section.blocks]
    for block in blocks:
        if isinstance(block, Items):
            blocks += [inner for item in block.items for inner in item]
    return sorted({block.stem for block in blocks if isinstance(block, Figure)})


def remove_others(folder: Path, pattern: str, kept: Collection[str], mark: str = "") -> None:
    """Removes files that an earlier handbook left: of losses that are no more, or that have nothing to show any more.

    `mark` is what a file holds only if lossgen wrote it, where the folder may hold files of others.
    """
    for path in folder.glob(pattern):
        if path.name not in kept and mark.encode() in path.read_bytes():
            path.unlink()
