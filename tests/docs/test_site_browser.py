"""The whole site in headless Chromium: what a reader sees, at the width of a telephone and of a desk."""

import shutil
from pathlib import Path
from urllib.parse import urlparse
from xml.etree import ElementTree

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from written import OPENING, SOURCES, draw, pages

from lossgen.docs.places import Places
from lossgen.docs.site import write_site
from lossgen.formula.load import load_losses

SPEC = Path(__file__).parents[2] / "spec"

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="Debian's chromium or chromium-driver is not installed"
)

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

#: What a page is asked: the formulas without a box, the pictures not shown, the tags as the browser understood them.
FACTS = """
const empty = (node) => { const box = node.getBoundingClientRect(); return !(box.width > 0 && box.height > 0); };
return {
  formulas: [...document.querySelectorAll("math")].filter(empty).map((node) => node.textContent),
  pictures: [...document.images].filter((node) => !node.naturalWidth || empty(node)).map((node) => node.src),
  tags: [...document.querySelectorAll("*")].map((node) => node.localName).join(" "),
};
"""

#: How far the page can be scrolled sideways.
SIDEWAYS = "scrollTo(1e6, scrollY); const reached = scrollX; scrollTo(0, scrollY); return [reached, innerWidth];"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = Options()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    places = Places(tmp_path_factory.mktemp("handbook"))
    draw(places.site / "figures")
    write_site(pages(), places, OPENING, SOURCES)
    return places.site


def widen(browser, width):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def check_page(browser, path):
    """A page in both widths: formulas and pictures show, it is read as it was written, nothing moves sideways, no complaint."""
    widen(browser, 400)
    browser.get(path.as_uri())
    facts = browser.execute_script(FACTS)
    assert facts["formulas"] == [] and facts["pictures"] == [], path.name
    text = path.read_text(encoding="utf-8").removeprefix("<!DOCTYPE html>\n")
    assert facts["tags"] == " ".join(node.tag for node in ElementTree.fromstring(text).iter()), path.name
    for width in (400, 1400):
        widen(browser, width)
        assert browser.execute_script(SIDEWAYS) == [0, width], path.name
    assert browser.get_log("browser") == [], path.name


def test_pages_with_every_kind_of_block_show(browser, site):
    shown = sorted(site.glob("*.html"))
    assert len(shown) == 8
    for path in shown:
        check_page(browser, path)


def test_every_page_of_the_catalogue_shows(browser, handbook):
    """The whole site as the command writes it, with all its drawings."""
    assert {f"{name}.html" for name in load_losses(SPEC)} <= {path.name for path in handbook.site.iterdir()}
    for path in sorted(handbook.site.glob("*.html")):
        check_page(browser, path)
    browser.find_element(By.ID, "query").send_keys("crossentropywithlogits", Keys.ENTER)
    assert urlparse(browser.current_url).path.endswith("/binary_cross_entropy_with_logits.html")


def test_what_is_too_wide_scrolls_in_its_own_box_by_keyboard_too(browser, site):
    widen(browser, 400)
    browser.get((site / "huber_loss.html").as_uri())
    boxes = browser.find_elements(By.CSS_SELECTOR, "#definition .display, #definition p.scroll, #calls pre")
    wide = [
        box
        for box in boxes
        if browser.execute_script("return arguments[0].scrollWidth > arguments[0].clientWidth", box)
    ]
    assert len(wide) >= 3 and all(box.get_attribute("tabindex") == "0" for box in wide)
    for box in wide:
        browser.execute_script("arguments[0].scrollLeft = 1e6", box)
        assert browser.execute_script("return arguments[0].scrollLeft", box) > 0


def test_lines_are_aligned_at_their_signs(browser, site):
    widen(browser, 1400)
    browser.get((site / "about-derivation.html").as_uri())
    edges = """return [...document.querySelectorAll(".display mtd")].map((cell) => {
        const box = cell.getBoundingClientRect(), first = cell.firstElementChild, last = cell.lastElementChild;
        return [first.getBoundingClientRect().left - box.left, box.right - last.getBoundingClientRect().right];
    });"""
    cells = browser.execute_script(edges)
    assert [abs(right) < 1 for _, right in cells[::2]] == [True, True]  # left sides end where they meet the sign
    assert [abs(left) < 1 for left, _ in cells[1::2]] == [True, True]
    assert cells[0][0] > 10  # the shorter of the left sides


@pytest.fixture
def query(browser, site):
    widen(browser, 1400)
    browser.get((site / "index.html").as_uri())
    browser.find_element(By.TAG_NAME, "body").send_keys("/")
    focused = browser.switch_to.active_element
    assert focused.get_attribute("id") == "query"
    return focused


def found(browser):
    return [node.text for node in browser.find_elements(By.CSS_SELECTOR, "#found [role=option] strong")]


@pytest.mark.parametrize(
    "words, names",
    [
        ("huber", ["huber_loss"]),
        ("HuberLoss", ["huber_loss"]),
        ("outliers", ["other_loss"]),
        ("longer name", ["a_loss_of_which_the_name_is_longer_than_others"]),
        ("loss", ["a_loss_of_which_the_name_is_longer_than_others", "huber_loss", "other_loss"]),
        ("regression", ["huber_loss", "other_loss"]),
        ("<script>alert", ["huber_loss"]),
        ("nothing of this kind", []),
    ],
)
def test_search_finds_a_loss_by_name_purpose_and_family(browser, query, words, names):
    query.send_keys(words)
    assert found(browser) == names
    count = browser.find_element(By.CSS_SELECTOR, ".count").text
    assert count == (
        "No losses found" if not names else "1 loss found" if len(names) == 1 else f"{len(names)} losses found"
    )
    assert query.get_attribute("aria-expanded") == str(bool(names)).lower()


def test_search_is_worked_by_keyboard(browser, query):
    query.send_keys("loss", Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    active = browser.find_element(By.ID, query.get_attribute("aria-activedescendant"))
    assert active.get_attribute("aria-selected") == "true" and active.text.startswith("huber_loss")
    query.send_keys(Keys.ARROW_UP, Keys.ARROW_UP, Keys.ENTER)  # up from the first is the last
    assert urlparse(browser.current_url).path.endswith("/other_loss.html")


def test_enter_opens_the_first_and_escape_clears(browser, query):
    query.send_keys("out", Keys.ESCAPE)
    assert found(browser) == [] and query.get_attribute("value") == ""
    assert not browser.find_element(By.ID, "found").is_displayed()
    query.send_keys("out", Keys.ENTER)
    assert urlparse(browser.current_url).path.endswith("/other_loss.html")
