"""`lossgen docs --html`: the site with what it links to, from the command line."""

from pathlib import Path

from click.testing import CliRunner
from test_site import check_links, parsed

from lossgen.cli.group import lossgen
from lossgen.docs import mathml


def docs(out, *names):
    run = CliRunner().invoke(lossgen, ["docs", *names, "--html", "--out", str(out)])
    assert run.exit_code == 0, run.output
    return run.output


def test_the_command_writes_a_site_in_which_every_link_leads_somewhere(tmp_path):
    site = tmp_path / "html"
    assert str(site / "index.html") in docs(tmp_path, "huber_loss", "hinge_loss")
    files = {path.name: path.read_text(encoding="utf-8") for path in site.iterdir() if path.is_file()}
    trees = parsed(files)
    check_links(trees, files, {path.name for path in (site / "figures").iterdir()})
    for name in ("huber_loss", "hinge_loss"):
        page = trees[f"{name}.html"]
        keys = [section.get("id") for section in page.iter("section")]
        assert {"definition", "figures", "gradient", "steps", "accuracy", "calls"} <= set(keys)
        latex = page.find(f".//a[@href='../latex/{name}.tex']").get("href")
        assert Path(site, latex).is_file()
        assert page.find(".//figure//img") is not None
        code = "".join(trees["source.regression.huber.py.html"].find(".//pre").itertext())
        assert "def huber_loss(" in code
    before = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    docs(tmp_path, "hinge_loss")
    gone = before - {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert gone == {
        "html/figures/huber_loss-curves.svg",
        "html/huber_loss.html",
        "html/source.regression.huber.py.html",
        "latex/accuracy/huber_loss.tex",
        "latex/figures/huber_loss-curves.pdf",
        "latex/figures/huber_loss.tex",
        "latex/huber_loss.tex",
    }


def test_what_the_site_lacks_is_said_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(mathml, "find_spec", lambda name: None)
    mathml.converter.cache_clear()
    run = CliRunner().invoke(lossgen, ["docs", "l2_loss", "--html", "--out", str(tmp_path / "out")])
    assert run.exit_code != 0 and "pip install lossgen[docs]" in run.stderr
    assert not (tmp_path / "out").exists()
