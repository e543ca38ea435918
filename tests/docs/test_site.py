"""The static site, read with an XML parser: it is HTML that is also XML, so that nothing can be misread."""

import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from written import NASTY, OPENING, SOURCES, pages

from lossgen.build.errors import BuildError
from lossgen.docs.site import site_files
from lossgen.pages.blocks import Display, Figure, Formula, Items, Listing, Page, Paragraph, Plain, Section

HEAD = "<!DOCTYPE html>\n"


def parsed(files):
    """The pages as trees; a page that is not well-formed raises."""
    texts = {name: text for name, text in files.items() if name.endswith(".html")}
    assert all(text.startswith(HEAD) for text in texts.values())
    return {name: ElementTree.fromstring(text.removeprefix(HEAD)) for name, text in texts.items()}


@pytest.fixture(scope="module")
def files():
    return site_files(pages(), OPENING, SOURCES)


@pytest.fixture(scope="module")
def trees(files):
    return parsed(files)


def test_every_page_is_well_formed(trees):
    assert set(trees) == {
        "index.html",
        "all-references.html",
        "about-derivation.html",
        "huber_loss.html",
        "other_loss.html",
        "a_loss_of_which_the_name_is_longer_than_others.html",
        "source.regression.huber.py.html",
        "source.top.py.html",
    }
    for name, tree in trees.items():
        ids = [node.get("id") for node in tree.iter() if node.get("id")]
        assert len(ids) == len(set(ids)), name
        assert [node.tag for node in tree] == ["head", "body"] and tree.get("lang") == "en"
        assert len(list(tree.iter("h1"))) == 1 and len(list(tree.iter("main"))) == 1
        assert all(node.get("alt") for node in tree.iter("img"))
        assert all(node.get("scope") for node in tree.iter("th"))
        assert tree.findtext("head/title")


def test_headings_leave_no_level_out(trees):
    for name, tree in trees.items():
        levels = [int(node.tag[1]) for node in tree.find("body/main").iter() if re.fullmatch("h[1-6]", node.tag)]
        assert levels[0] == 1 and all(b <= a + 1 for a, b in pairwise(levels)), name


def test_an_author_may_write_what_html_could_misread(files, trees):
    page = trees["huber_loss.html"]
    for node in (".//td[@class='wide']", ".//p[@class='lead']", ".//li/pre", ".//img"):
        found = ["".join(n.itertext()) + n.get("alt", "") for n in page.findall(node)]
        assert any(NASTY in text for text in found), node
    assert NASTY in page.find("head/meta[@name='description']").get("content")
    assert NASTY in next(a for a in page.iter("a") if a.get("href") == "huber_loss.html").get("title")
    assert NASTY in "".join(trees["source.regression.huber.py.html"].find(".//pre").itertext())
    assert not any("<script>" in text for name, text in files.items() if name.endswith(".html"))


def formulas(sections):
    """How many formulas the blocks hold."""

    def runs(entries):
        return sum(isinstance(run, Formula) for run in entries)

    def of(block):
        if isinstance(block, Display):
            return 1
        if isinstance(block, Items):
            return sum(of(inner) for item in block.items for inner in item)
        if isinstance(block, Paragraph):
            return runs(block.runs)
        if isinstance(block, Figure):
            return runs(block.caption)
        return 0 if isinstance(block, Listing) else sum(runs(cell) for row in (block.head, *block.rows) for cell in row)

    return sum(of(block) for section in sections for block in section.blocks)


def test_every_formula_is_mathml(trees):
    for page in pages():
        found = list(trees[f"{page.name}.html"].iter("math"))
        assert len(found) == formulas(page.sections)
        for math in found:
            assert not any("\\" in (node.text or "") + (node.tail or "") for node in math.iter())
            assert any((node.text or "").strip() for node in math.iter())
    assert formulas(pages()[0].sections) == 6
    kept = ["".join(node.itertext()) for node in trees["huber_loss.html"].findall(".//span[@class='whole']")]
    assert kept == ["e=x−y,"]  # no line breaks before the comma


def check_links(trees, files, figures):
    """Every address leads to a file of the site and to a place in it, or is an address of a paper."""
    anchors = {name: {node.get("id") for node in tree.iter()} for name, tree in trees.items()}
    for name, tree in trees.items():
        for node in tree.iter():
            address = node.get("href") or node.get("src")
            if address is None or re.fullmatch(r"\.\./latex/\w+\.tex", address):
                continue
            if address.startswith("https://"):
                assert node.tag == "a" and address.startswith("https://arxiv.org/abs/")
                continue
            file, _, place = address.partition("#")
            if file.startswith("figures/"):
                assert file.removeprefix("figures/") in figures, (name, address)
                continue
            assert (file or name) in files, (name, address)
            assert not place or place in anchors[file or name], (name, address)


def test_links_lead_somewhere(trees, files):
    check_links(trees, files, {"huber_loss.svg"})
    assert trees["huber_loss.html"].find(".//a[@href='../latex/huber_loss.tex']") is not None
    assert trees["huber_loss.html"].find(".//a[@href='source.regression.huber.py.html']") is not None


def test_a_page_names_its_neighbours_and_other_losses_are_links(trees):
    def turns(name):
        return {a.get("rel"): a.get("href") for a in trees[name].iter("a") if a.get("rel")}

    first = "a_loss_of_which_the_name_is_longer_than_others.html"  # families and losses are in alphabetical order
    assert turns(first) == {"next": "huber_loss.html"}
    assert turns("huber_loss.html") == {"prev": first, "next": "other_loss.html"}
    assert turns("other_loss.html") == {"prev": "huber_loss.html"}
    content = trees["huber_loss.html"].find(".//article")
    assert [a.get("href") for a in content.iter("a") if a.find("code") is not None] == ["other_loss.html"]
    assert trees["index.html"].find(".//section[@id='choose']//a[@href='huber_loss.html']") is not None


def test_every_page_lists_every_loss_and_marks_its_own(trees):
    for name, tree in trees.items():
        links = tree.findall("body/nav[@id='losses']//a")
        assert ["".join(a.itertext()) + ".html" for a in links] == [a.get("href") for a in links]
        assert {a.get("href") for a in links} == {f"{page.name}.html" for page in pages()}
        current = [a.get("href") for a in links if a.get("aria-current")]
        assert current == ([name] if name in {a.get("href") for a in links} else [])


def test_a_source_is_listed_once_with_its_losses(trees):
    (entry,) = trees["all-references.html"].findall(".//dl[@class='references']/div")
    assert [a.get("href") for a in entry.iter("a")] == [
        "https://arxiv.org/abs/1708.02002",
        "huber_loss.html",
        "other_loss.html",
    ]


def test_nothing_is_loaded_from_elsewhere(trees, files):
    for tree in trees.values():
        for node in tree.iter():
            loaded = node.get("src") or (node.get("href") if node.tag == "link" else None)
            assert loaded is None or not re.match(r"\w+:|//", loaded)
            assert node.get("style") is None
        assert not list(tree.iter("style")) and all(not (node.text or "").strip() for node in tree.iter("script"))
    assert not re.search(r"@import|url\(|https?:", files["style.css"]) and "http" not in files["search.js"]


def test_code_is_coloured_by_classes_that_the_style_sheet_knows(trees, files):
    spans = {span.get("class") for span in trees["huber_loss.html"].findall(".//pre//span")}
    assert {"kn", "mi", "mf"} <= spans
    assert all(f".{name}" in files["style.css"] for name in ("kn", "mi", "mf", "c1", "s1"))


def test_without_a_script_the_search_is_not_shown(trees):
    assert trees["index.html"].find(".//form[@role='search']").get("hidden") == "hidden"


def only(*blocks):
    return [Page("a_loss", (), "", "", (Section("use", "Use", blocks),))]


@pytest.mark.parametrize(
    "made, words",
    [
        (only(Display((r"a &= \oops",))), r"a_loss: \\oops has no MathML, in the formula"),
        (only(Items(((Paragraph((Formula(r"\oops"),)),),))), r"a_loss: \\oops"),
        (only(Listing("klingon", "x")), "a_loss: listing: Pygments knows no language 'klingon'"),
        ([replace(page, name=name) for page, name in zip(only() * 2, ("a", "A"), strict=True)], "a.html: two pages"),
        ([replace(only()[0], name="index")], "index.html: two pages"),
    ],
)
def test_what_cannot_be_written_is_one_line_that_names_the_loss(made, words):
    with pytest.raises(BuildError, match=words) as error:
        site_files(made, (), {})
    assert "\n" not in str(error.value)


def test_a_handbook_without_opening_has_no_page_for_it():
    files = site_files(only(Paragraph((Plain("text"),))), (), {})
    assert not any(name.startswith("about") for name in files)
    check_links(parsed(files), files, set())
