"""What a page says: the author's words, the arguments, what a mean divides by, and programs that run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import lossgen
from lossgen.formula import Axis, ClassIndex, ClassWeight, Flag, Logit, Positive, Prediction, Real, Unit, loss
from lossgen.formula.load import load_losses
from lossgen.pages.blocks import Code, Formula, Items, Listing, Paragraph, Plain, Table
from lossgen.pages.docstring import read_docstring
from lossgen.pages.page import page
from lossgen.pages.references import reference_key

ROOT = Path(lossgen.__file__).parent.parent
C = Axis("C")


def text(runs) -> str:
    return "".join(run.latex if isinstance(run, Formula) else run.text for run in runs)


@loss(paper="Nobody 1999, A Title", normalizer=lambda target, weight: weight[target])
def worded_loss(
    input: Logit[C], target: ClassIndex[C], weight: ClassWeight[C] = 1, scale: Positive = 2, hard: Flag = False
):
    """What it measures, over
    two lines.

    Use it for tests, e.g. this one. Also for others. Strength: short; plain. Weakness: none (a `flag`).
    `hard` does nothing. It is dull.
    """
    return -weight[target] * input[target] * scale


@loss(divisor=lambda target: target**2)
def switched_loss(input: Prediction, target: Unit.given(hard=Real), hard: Flag = False):
    """A loss whose target depends on a switch."""
    return (input - target) ** 2


def test_the_parts_of_a_docstring():
    said = read_docstring(worded_loss.doc)
    assert said.purpose == "What it measures, over two lines."
    assert said.use == "Use it for tests, e.g. this one."
    assert (said.strength, said.weakness) == ("short; plain.", "none (a `flag`).")
    assert said.notes == "Also for others. `hard` does nothing. It is dull."


def test_a_docstring_without_parts_is_a_purpose():
    said = read_docstring("A robust loss.")
    assert (said.purpose, said.use, said.notes) == ("A robust loss.", "", "")
    assert read_docstring("").purpose == ""


def test_no_word_of_an_author_is_lost(losses):
    for each in losses.values():
        said = read_docstring(each.doc)
        words = " ".join((said.purpose, said.use, said.strength, said.weakness, said.notes)).split()
        assert sorted(words) == sorted(w for w in each.doc.split() if w not in ("Strength:", "Weakness:")), each.name
        assert said.use and said.strength and said.weakness, each.name


@pytest.fixture(scope="module")
def losses():
    return load_losses(ROOT / "spec")


def test_arguments_have_shape_and_domain():
    (table, axes) = page(worded_loss).section("symbols").blocks
    assert isinstance(table, Table)
    assert [[text(cell) for cell in row] for row in table.rows] == [
        ["input", "an unnormalised score; any real number", "(N, C, …)", r"\mathbb{R}"],
        ["target", "the number of the right class, from 0", "one integer per item, over C", r"\{0, \dots, C - 1\}"],
        ["weight", "one weight per class (default 1)", "(C,)", r"\mathbb{R}"],
    ]
    assert "axis C is dimension 1" in text(axes.runs)


def test_an_argument_that_depends_on_a_switch_has_a_line_for_each_case():
    table = page(switched_loss).section("symbols").blocks[0]
    cases = [text(row[1]) for row in table.rows if text(row[0]) == "target"]
    assert cases == ["hard=False: a target in [0, 1]: a hard label or a probability", "hard=True: a real target"]


def test_hyperparameters_have_values_and_defaults():
    (table,) = page(worded_loss).section("hyperparameters").blocks
    rows = [[text(cell) for cell in row] for row in table.rows]
    assert rows == [["scale", r"(0, \infty)", "2"], ["hard", "False, True", "False"]]


def lines(items: Items) -> list[str]:
    return [text(item[0].runs) for item in items.items]


def test_what_a_mean_divides_by():
    found = lines(page(worded_loss).section("options").blocks[0])
    assert found[0].startswith(
        'reduction="mean" (default): the sum over the items, divided by the sum over the items that are'
    )
    assert "weight" in found[0] and any(line.startswith("ignore_index (default -100)") for line in found)
    divided = lines(page(switched_loss).section("options").blocks[0])
    assert "each first divided by" in divided[0] and not any("ignore_index" in line for line in divided)


def test_variants_are_called_by_the_words_of_their_roles(losses):
    found = lines(page(losses["cross_entropy"]).section("options").blocks[0])
    assert found[0] == (
        'reduction="mean" (default): the sum over the items, divided with target (the number of the right class, from 0) by '
        r"the sum over the items that are not ignored of \mathit{weight}_{\mathit{target}}; "
        "with target (the target probability of each class) by the number of items."
    )
    steps = page(losses["multilabel_soft_margin_loss"]).section("steps").blocks
    called = [text(b.runs) for b in steps if isinstance(b, Paragraph) and text(b.runs).startswith("With")]
    assert called == [
        "With weight (one weight per class):",
        "With weight (a weight that broadcasts against the rows):",
    ]


def test_the_keys_of_references_are_stable_and_tell_works_apart():
    key = reference_key("Lin et al. 2017, Focal Loss, eq. 5")
    assert key == reference_key("Lin et al. 2017, Focal Loss, eq. 5") and key.startswith("lin2017-")
    assert key != reference_key("Lin et al. 2017, Focal Loss, eq. 6")
    assert reference_key("Åström 2003, x").isascii() and reference_key("1234").startswith("source")


@pytest.mark.parametrize("name", ["cross_entropy", "gan_discriminator_loss", "multilabel_margin_loss", "crf_loss"])
def test_the_programs_run(losses, name):
    for listing in page(losses[name]).section("calls").blocks:
        assert isinstance(listing, Listing) and listing.language == "python"
        exec(listing.text, {})


def test_a_user_imports_their_own_package():
    assert all("from mine" in block.text for block in page(worded_loss, "mine").section("calls").blocks)


def texts(block) -> Iterator[str]:
    """All text of a block, that of cells and items too."""
    match block:
        case Paragraph(runs):
            yield from (run.text for run in runs if isinstance(run, Plain | Code))
        case Items(items):
            yield from (found for item in items for part in item for found in texts(part))
        case Table(head, rows):
            yield from (found for row in (head, *rows) for cell in row for found in texts(Paragraph(cell)))


def test_runs_of_text_have_no_stray_backtick_and_no_heading_is_empty(losses):
    for each in losses.values():
        blocks = [block for section in page(each).sections for block in section.blocks]
        assert not any("`" in found for block in blocks for found in texts(block)), each.name
        assert not any(list(texts(block)) == [":"] for block in blocks), each.name


def test_axes_at_one_place_are_told_together(losses):
    def said(name):
        return "".join(run.text for run in page(losses[name]).section("symbols").blocks[-1].runs)

    assert "axes T and K are the last dimensions of what has them, in the order shown" in said("crf_loss")
    assert "axes T, C and U are" in said("rnnt_loss") and "V has 1 entry more than U" in said("rnnt_loss")
    assert "axis C is dimension 1" in said("cross_entropy") and "axes" not in said("cross_entropy")
