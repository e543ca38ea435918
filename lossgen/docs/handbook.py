"""The handbook in LaTeX: one document that includes the pages of all losses, by family."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lossgen.pages.blocks import Page, Section
from lossgen.pages.latex import blocks_latex, environment
from lossgen.pages.latex_text import latex_text

from .opening import by_family, title_of
from .places import Places

#: What a document of a page takes from beside it, by the key of the section and the folder of the file.
MEASURED = {"accuracy": "accuracy", "figures": "figures"}


def write_handbook(
    pages: Sequence[Page],
    texts: Mapping[str, str],
    opening: Sequence[Section],
    further: Mapping[str, Sequence[Section]],
    places: Places,
) -> None:
    """Writes handbook.tex and all that it includes, but for the drawings.

    Args:
        pages: the losses' pages.
        texts: the pages, the preamble and the bibliography in LaTeX, by file name, as the build writes them.
        opening: the sections before the losses.
        further: for each loss the sections that no build knows: its figures, its measured accuracy.
        places: where to.
    """
    files = dict(texts)
    for name, sections in further.items():
        for section in sections:
            files[f"{MEASURED[section.key]}/{name}.tex"] = _section(section)
    chapters = [(latex_text(section.title), blocks_latex(section.blocks)) for section in opening]
    families = [(latex_text(title_of(f)), [page.name for page in members]) for f, members in by_family(pages).items()]
    template = environment("lossgen.docs").get_template("handbook.tex.jinja")
    files["handbook.tex"] = template.render(chapters=chapters, families=families)
    for name in sorted(files):
        _write(places.latex / name, files[name])
    for folder in MEASURED.values():
        for path in sorted((places.latex / folder).glob("*.tex")):
            if f"{folder}/{path.name}" not in files:  # of a loss that is no more, or that has nothing to show any more
                path.unlink()


def _section(section: Section) -> str:
    """The section. Figures float, and have captions of their own: they need no heading."""
    heading = "" if section.key == "figures" else f"\\lossgenpart{{{latex_text(section.title)}}}\n\n"
    return f"{heading}{blocks_latex(section.blocks)}\n"


def _write(path: Path, text: str) -> None:
    """Writes the file if that changes it: latexmk then knows what it need not do again."""
    data = text.encode()
    if path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
