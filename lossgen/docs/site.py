"""The static site: a page for each loss, an index, how the derivation works, the references, and the formulas' files.

Everything lies in one folder and needs no server, no network and no script; a script adds the search. The pages are a
mapping of file name to text, the same bytes for the same content.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from importlib.resources import files as resources
from pathlib import PurePosixPath

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lossgen.build.errors import BuildError
from lossgen.pages.blocks import Page, Section

from .html import Writer, cited, code, plain, with_breaks
from .opening import by_family, title_of
from .places import Places, remove_others, stems

#: What every site holds as it is.
STATIC = resources("lossgen.docs") / "static"
STATIC_FILES = ("style.css", "search.js", "icon.svg")
#: What every page of a site holds in its head.
MARK = '<meta name="generator" content="lossgen" />'


@dataclass(frozen=True)
class Source:
    """The file in which a formula stands: its path below the project's formulas, and its text."""

    path: str
    text: str

    @property
    def file(self) -> str:
        """The name of its page. A dot keeps it apart from the pages of losses, whose names are identifiers."""
        return ".".join(("source", *PurePosixPath(self.path).parts, "html"))


@dataclass(frozen=True)
class Entry:
    """A loss in the lists of the site."""

    page: Page

    @property
    def name(self) -> str:
        return self.page.name

    @property
    def file(self) -> str:
        return f"{self.name}.html"

    @property
    def label(self) -> Markup:
        return with_breaks(self.name)

    @property
    def purpose(self) -> str:
        return plain(self.page.purpose)


@dataclass(frozen=True)
class Family:
    """Losses that belong together."""

    name: str
    entries: tuple[Entry, ...]

    @property
    def title(self) -> str:
        return title_of(self.name)

    @property
    def anchor(self) -> str:
        return "family-" + (self.name.replace("/", "-") or "none")


@dataclass(frozen=True)
class Site:
    """What the templates are given. `opening`: the sections before the losses, of which the first stands on the index."""

    pages: Sequence[Page]
    opening: Sequence[Section]
    sources: Mapping[str, Source]

    @cached_property
    def families(self) -> tuple[Family, ...]:
        """The families, each with its losses, in alphabetical order."""
        return tuple(Family(name, tuple(map(Entry, pages))) for name, pages in by_family(self.pages).items())

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The losses in the order of the lists."""
        return tuple(entry for family in self.families for entry in family.entries)

    @cached_property
    def about(self) -> tuple[tuple[str, str], ...]:
        """The pages about all losses: file and title of each."""
        return tuple((_file(section), section.title) for section in self.opening[1:])

    @cached_property
    def writer(self) -> Writer:
        """The writer of pages that are no loss's own."""
        return Writer({entry.name for entry in self.entries})

    def neighbours(self, entry: Entry) -> tuple[Entry | None, Entry | None]:
        """The losses before and after one in the lists."""
        around = (None, *self.entries, None)
        at = around.index(entry)
        return around[at - 1], around[at + 1]

    @cached_property
    def references(self) -> tuple[tuple[Markup, tuple[Entry, ...]], ...]:
        """Each source with the losses that are from it, by its first author."""
        found: dict[str, list[Entry]] = {}
        for entry in self.entries:
            if entry.page.reference:
                found.setdefault(entry.page.reference, []).append(entry)
        return tuple((cited(text), tuple(found[text])) for text in sorted(found, key=lambda text: (text.lower(), text)))


def write_site(
    pages: Sequence[Page],
    places: Places,
    opening: Sequence[Section],
    sources: Mapping[str, Source],
) -> None:
    """Write the site into `places.site`. Figures are not drawn here; pages show those in its folder `figures`.
    Pages and figures that an earlier site had there, and this one has not, are removed.

    `opening` holds the sections that come before the losses: the first on the index, each other on a page of its own.
    `sources` gives the file of each loss's formula by the name of the loss. Raises BuildError for a formula that has no
    MathML, for a figure that is not there, and for two pages of one name.
    """
    files = site_files(pages, opening, sources)
    shown = stems(section for part in (*(page.sections for page in pages), opening) for section in part)
    for stem in shown:
        figure = places.site / "figures" / f"{stem}.svg"
        if not figure.is_file():
            raise BuildError(f"figure {stem!r}: there is no file {figure}")
    places.site.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (places.site / name).write_text(text, encoding="utf-8", newline="\n")
    remove_others(places.site, "*.html", files, MARK)
    remove_others(places.site / "figures", "*.svg", [f"{stem}.svg" for stem in shown])


def site_files(pages: Sequence[Page], opening: Sequence[Section], sources: Mapping[str, Source]) -> dict[str, str]:
    """The files of the site by name, without the figures. Nothing is written."""
    site = Site(pages, opening, sources)
    render = partial(_render, site)
    files = [("index.html", render("index")), ("all-references.html", render("references"))]
    files += [(_file(section), render("opening", section=section)) for section in opening[1:]]
    for entry in site.entries:
        files.append((entry.file, _loss(site, entry)))
    for source in {source.file: source for source in sources.values()}.values():
        files.append((source.file, render("source", source=source, listing=code("python", source.text))))
    files += [(name, STATIC.joinpath(name).read_text(encoding="utf-8")) for name in STATIC_FILES]
    return _distinct(files)


def _loss(site: Site, entry: Entry) -> str:
    """The page of a loss. In it, the names of the other losses lead to theirs."""
    before, after = site.neighbours(entry)
    try:
        return _render(
            site,
            "loss",
            entry=entry,
            before=before,
            after=after,
            family=next(family for family in site.families if entry in family.entries),
            source=site.sources.get(entry.name),
            cited=cited(entry.page.reference),
            writer=Writer({other.name for other in site.entries if other != entry}),
        )
    except BuildError as error:
        raise BuildError(f"{entry.name}: {error}") from None


def _file(section: Section) -> str:
    """The page of a section that is about all losses. A hyphen keeps it apart from the pages of losses."""
    return f"about-{section.key}.html"


def _render(site: Site, template: str, **values: object) -> str:
    return templates().get_template(f"{template}.html.jinja").render(site=site, **values)


@cache
def templates() -> Environment:
    """The templates of the pages; a name that a template is not given is an error."""
    return Environment(
        loader=PackageLoader("lossgen.docs"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _distinct(files: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The files by name, unless one would hide another (on some disks "A.html" and "a.html" are one file)."""
    seen: set[str] = set()
    for name, _ in files:
        if name.lower() in seen:
            raise BuildError(f"{name}: two pages of the site would have this name")
        seen.add(name.lower())
    return dict(files)
