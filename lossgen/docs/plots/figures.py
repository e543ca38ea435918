"""The pictures of a loss: a lattice for each recurrence, maps of rows of classes and of embeddings, curves of the rest."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from lossgen.formula import Loss
from lossgen.pages.blocks import Figure

from ..places import Places
from .draw_curves import draw_sections
from .draw_lattice import draw_lattice
from .draw_maps import draw_maps
from .lattices import Picture, pictures
from .maps import Map, maps
from .readings import readings
from .sections import Section, repeats, sections
from .style import Sheet, style
from .words import (
    caption_of_lattice,
    caption_of_maps,
    caption_of_sections,
    words_of_lattice,
    words_of_maps,
    words_of_sections,
)

#: The most rows of panels in one picture, so that it fits on a page.
SECTIONS, MAPS = 3, 2


def draw_figures(loss: Loss, places: Places, html: bool) -> tuple[Figure, ...]:
    """Draws a loss's pictures and writes them, for the site where there is one."""
    with style():
        return tuple(_written(figure, sheet, places, html) for figure, sheet in _figures(loss))


def _figures(loss: Loss) -> Iterator[tuple[Figure, Sheet]]:
    lattices, found, curves = data(loss)
    for stem, picture in _named(f"{loss.name}-lattice", lattices):
        yield Figure(stem, caption_of_lattice(picture), words_of_lattice(picture)), draw_lattice(picture)
    for stem, part in _named(f"{loss.name}-map", _parts(found, MAPS)):
        yield Figure(stem, caption_of_maps(part), words_of_maps(part)), draw_maps(part)
    for stem, part in _named(f"{loss.name}-curves", _parts(curves, SECTIONS)):
        yield Figure(stem, caption_of_sections(part), words_of_sections(part)), draw_sections(part)


def data(loss: Loss) -> tuple[list[Picture], list[Map], list[Section]]:
    """What there is to draw of a loss, in numbers."""
    lattices: list[Picture] = []
    found: list[Map] = []
    curves: list[Section] = []
    known: set[str] = set()
    for reading in readings(loss):
        if reading.variant.filled:
            new = pictures(reading)
            lattices += [p for p in new if all(p.lattice != q.lattice for q in lattices)]
        else:
            found += maps(reading)
            curves += [section for section in sections(reading, known) if not repeats(section, curves)]
    return lattices, found, curves


def _named(stem: str, parts: Sequence) -> Iterator[tuple[str, object]]:
    """The parts with stems of files: numbered where there are several."""
    for k, part in enumerate(parts, 1):
        yield stem if len(parts) == 1 else f"{stem}-{k}", part


def _parts(whole: Sequence, most: int) -> list[Sequence]:
    """The whole in parts of nearly equal length."""
    count = -(-len(whole) // most)
    ends = [round(k * len(whole) / count) for k in range(count + 1)] if count else []
    return [whole[a:b] for a, b in pairwise(ends)]


def _written(figure: Figure, sheet: Sheet, places: Places, html: bool) -> Figure:
    sheet.save(places.latex / "figures" / f"{figure.stem}.pdf")
    if html:
        sheet.save(places.site / "figures" / f"{figure.stem}.svg")
    return figure
