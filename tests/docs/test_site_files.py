"""The files of the site: the same bytes every time, what is written and what is removed, colours that can be read."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from written import OPENING, SOURCES, draw, pages

from lossgen.build.errors import BuildError
from lossgen.docs.places import Places
from lossgen.docs.site import STATIC, site_files, write_site


def test_the_bytes_are_the_same_every_time(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from hashlib import sha256; from written import *; "
        "from lossgen.docs.site import site_files; "
        "print(sha256(repr(sorted(site_files(pages(), OPENING, SOURCES).items())).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code, str(Path(__file__).parent)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_files_are_written_and_a_drawing_that_is_not_there_is_an_error(tmp_path):
    places = Places(tmp_path / "out")
    with pytest.raises(BuildError, match=r"'huber_loss': there is no file .*huber_loss\.svg"):
        write_site(pages(), places, OPENING, SOURCES)
    assert not places.site.exists()
    draw(places.site / "figures")
    write_site(pages(), places, OPENING, SOURCES)
    written = {path.name: path.read_bytes() for path in places.site.iterdir() if path.is_file()}
    assert written == {name: text.encode() for name, text in site_files(pages(), OPENING, SOURCES).items()}


def test_what_an_earlier_site_left_is_removed_and_nothing_else(tmp_path):
    places = Places(tmp_path)
    draw(places.site / "figures")
    write_site(pages(), places, OPENING, SOURCES)
    (places.site / "mine.html").write_text("<title>A page of the user's own</title>")
    before = {path.name for path in places.site.rglob("*.*")}
    write_site(pages()[1:2], places, (), {})
    gone = before - {path.name for path in places.site.rglob("*.*")}
    assert gone == {
        "about-derivation.html",
        "huber_loss.html",
        "huber_loss.svg",
        "other_loss.html",
        "source.regression.huber.py.html",
        "source.top.py.html",
    }


def luminance(colour):
    """Relative luminance of a colour #rrggbb or #rgb (WCAG 2.2)."""
    digits = colour.lstrip("#")
    parts = (
        [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)] if len(digits) == 6 else [int(d, 16) / 15 for d in digits]
    )
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_stands_out_in_light_dark_and_print():
    blocks = [
        dict(re.findall(r"--(\w+): (#\w+);", block))
        for block in re.findall(r":root \{(.*?)\}", STATIC.joinpath("style.css").read_text(encoding="utf-8"), re.S)
    ]
    assert len(blocks) == 3
    for colours in blocks:
        for ink in ("ink", "quiet", "accent", "keyword", "string", "number", "function"):
            for ground in {"paper", "ground", "mark"} & set(colours):
                low, high = sorted((luminance(colours[ink]), luminance(colours[ground])))
                assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, ground, colours[ink], colours[ground])
