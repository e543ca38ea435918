"""Loading a project: files that import each other, edits, and errors that name file and line."""

import sys

import pytest

from lossgen.formula import SpecError
from lossgen.formula.load import load_losses

SQUARE = '''
from lossgen.formula import Prediction, Real, loss

@loss
def square(x: Prediction, t: Real):
    """A loss."""
    return (x - t) ** 2
'''

TWICE = '''
from __future__ import annotations
from lossgen.formula import Prediction, Real, loss
from .parts.square import square

again = square

@loss
def twice(x: Prediction, t: Real):
    """A loss."""
    return 2 * square(x, t)

alias = twice
'''


@pytest.fixture
def spec(tmp_path):
    """A folder that is no package; a file in a folder without `__init__.py` is imported by one that comes before it."""
    (tmp_path / "spec" / "parts").mkdir(parents=True)
    (tmp_path / "spec" / "parts" / "square.py").write_text(SQUARE)
    (tmp_path / "spec" / "a_first.py").write_text(TWICE)
    return tmp_path / "spec"


def test_files_import_each_other(spec):
    losses = load_losses(spec)
    assert list(losses) == ["square", "twice"]
    x, t = losses["twice"].variants[0].arguments
    assert losses["twice"].variants[0].expression == 2 * (x - t) ** 2


def test_an_edit_is_seen_at_once_and_nothing_is_left_behind(spec):
    modules, finders = set(sys.modules), list(sys.meta_path)
    load_losses(spec)
    (spec / "parts" / "square.py").write_text(SQUARE.replace("** 2", "** 4"))  # as many bytes, within the same second
    again = load_losses(spec)["twice"].variants[0]
    x, t = again.arguments
    assert again.expression == 2 * (x - t) ** 4
    assert set(sys.modules) == modules and sys.meta_path == finders
    assert not list(spec.rglob("__pycache__"))


WRONG = {
    "syntax": ("def f(:\n", r"^parts/square\.py:1: "),
    "exception": (SQUARE + "\n\n1 / 0\n", r"^parts/square\.py:10: ZeroDivisionError: division by zero$"),
    "no role": (SQUARE.replace("t: Real", "t"), r"^parts/square\.py:4: square: argument t has no role"),
    "missing module": (
        "import no_such_module\n",
        r"^parts/square\.py:1: ModuleNotFoundError: No module named 'no_such_module'$",
    ),
    "unknown annotation": (
        "from __future__ import annotations\n" + SQUARE.replace(" Real)", " Reel)"),
        r"^parts/square\.py:5: square: name 'Reel' is not defined in an annotation$",
    ),
    "hidden": (SQUARE + SQUARE, r"^parts/square\.py:12: square is defined twice: here and in line 5$"),
}


@pytest.mark.parametrize("text, message", WRONG.values(), ids=WRONG)
def test_what_is_wrong_names_its_own_file_and_line(spec, text, message):
    """Also where another file imports it."""
    (spec / "parts" / "square.py").write_text(text)
    modules = set(sys.modules)
    with pytest.raises(SpecError, match=message) as caught:
        load_losses(spec)
    assert "\n" not in str(caught.value)
    assert set(sys.modules) == modules


def test_an_error_within_a_formula_names_file_and_line(spec):
    (spec / "parts" / "square.py").write_text(SQUARE.replace("(x - t) ** 2", "x.nothing"))
    with pytest.raises(SpecError, match=r"^square: square\.py:7: AttributeError: "):
        _ = load_losses(spec)["square"].variants


def test_two_losses_of_one_name(spec):
    (spec / "other.py").write_text(SQUARE)
    with pytest.raises(SpecError, match=r"square is defined twice: in other\.py and parts/square\.py"):
        load_losses(spec)


def test_a_missing_folder_and_a_file_that_cannot_be_imported(spec):
    with pytest.raises(SpecError, match="no such folder; give one with --spec"):
        load_losses(spec / "nowhere")
    (spec / "two-words.py").write_text(SQUARE)
    with pytest.raises(SpecError, match=r"two-words\.py: a file of formulas needs a name that Python can import"):
        load_losses(spec)
