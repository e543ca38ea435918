"""Where the files of a handbook lie, below the folder that `lossgen docs` is given."""

from dataclasses import dataclass
from pathlib import Path


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
