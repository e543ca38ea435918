"""`lossgen docs`."""

from pathlib import Path

import click
from rich.console import Console

from lossgen.build.package import pages_latex
from lossgen.build.project import Project, package_name
from lossgen.docs.accuracy import accuracy
from lossgen.docs.compiling import check_programs, compile_pdf
from lossgen.docs.handbook import write_handbook
from lossgen.docs.mathml import converter
from lossgen.docs.opening import opening
from lossgen.docs.places import Places
from lossgen.docs.plots import draw
from lossgen.docs.site import Source, write_site
from lossgen.formula import Loss
from lossgen.pages.blocks import Page, Section
from lossgen.pages.page import page
from lossgen.verify.record import read

from .coverage import record_path
from .options import open_project, pick
from .progress import one_by_one

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("names", nargs=-1)
@click.option("--pdf", is_flag=True, help="Compile the handbook with latexmk.")
@click.option("--html", is_flag=True, help="Write the same as a static site.")
@click.option("--out", type=FOLDER, default="build/handbook", show_default=True, help="The handbook's folder.")
@click.option("--spec", type=FOLDER, help="The folder of the formulas.")
@click.option("--package", type=FOLDER, help="The generated package's folder.")
def docs(names: tuple[str, ...], pdf: bool, html: bool, out: Path, spec: Path | None, package: Path | None) -> None:
    """Writes a handbook in LaTeX: a page for each loss, or for those that are named, with figures and measured accuracy."""
    if pdf:
        check_programs()
    if html:
        converter()  # what is not installed is said before the figures are drawn
    project, losses = open_project(spec, package)
    chosen = {name: pick(losses, name) for name in names} or losses
    places = Places(out)
    pages, further = _contents(chosen, project, places, html)
    before = opening(list(pages.values()))
    write_handbook(list(pages.values()), pages_latex(pages, chosen, project.spec), before, further, places)
    click.echo(places.latex / "handbook.tex")
    if html:
        whole = [_whole(pages[name], further[name]) for name in pages]
        write_site(whole, places, before, {name: _source(loss, project.spec) for name, loss in chosen.items()})
        click.echo(places.site / "index.html")
    if pdf:
        with Console(stderr=True).status("compiling"):
            file = compile_pdf(places)
        click.echo(file)


def _contents(
    losses: dict[str, Loss], project: Project, places: Places, html: bool
) -> tuple[dict[str, Page], dict[str, list[Section]]]:
    """The page of each loss, and the sections that only a handbook has: its figures, which are drawn here, and its accuracy."""
    record, name_of_package = read(record_path(project.out)), package_name(project.out)
    pages: dict[str, Page] = {}
    further: dict[str, list[Section]] = {}
    for loss in one_by_one(losses.values()):
        pages[loss.name] = page(loss, name_of_package)
        figures = draw(loss, places, html)
        further[loss.name] = [Section("figures", "Figures", figures)] if figures else []
        further[loss.name].append(accuracy(loss, project.out, record))
    return pages, further


def _whole(page: Page, further: list[Section]) -> Page:
    """The page with its figures after the definition and its accuracy before the programs, as the LaTeX page has them."""
    for section in further:
        page = page.with_sections((section,), "symbols" if section.key == "figures" else "calls")
    return page


def _source(loss: Loss, spec: Path) -> Source:
    """The file of the formula, for readers of the site."""
    return Source(loss.source.relative_to(spec.resolve()).as_posix(), loss.source.read_text(encoding="utf-8"))
