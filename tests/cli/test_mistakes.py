"""Mistakes that would otherwise go unnoticed, or end in a traceback."""

import pytest
from click.testing import CliRunner

from lossgen.build.errors import BuildError
from lossgen.build.project import find_project
from lossgen.cli.group import lossgen as command

FORMULA = """from lossgen.formula import Prediction, loss


@loss
def {name}(input: Prediction):
    return input**{power}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    root = tmp_path / "project"
    (root / "spec").mkdir(parents=True)
    (root / "spec" / "even.py").write_text(FORMULA.format(name="even_loss", power=4))
    # A process imports a package of one name once: each test has a name of its own.
    (root / "pyproject.toml").write_text(f'[tool.lossgen]\nspec = "spec"\nout = "{tmp_path.name}"\n')
    monkeypatch.chdir(root)
    return root


def run(*arguments):
    return CliRunner().invoke(command, arguments)


def says(result, words):
    return (
        result.exit_code == 2
        and result.stderr.startswith("Error: ")
        and result.stderr.count("\n") == 1
        and words in result.stderr
        and "Traceback" not in result.output
    )


@pytest.mark.parametrize(
    "text, words",
    [
        ("[tool]\nlossgen = 3\n", "lossgen is 3"),
        ('tool = "x"\n', "tool is 'x'"),
        ('[tool.lossgen]\nspec = ""\nout = "o"\n', "spec is ''"),
    ],
)
def test_settings_that_are_no_table(project, text, words):
    (project / "pyproject.toml").write_text(text)
    assert says(run("list"), words)


def test_settings_come_from_the_nearest_file_that_has_them(project):
    inner = project / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    found = find_project(start=inner)
    assert (found.spec, found.out) == (project / "spec", project / project.parent.name)
    assert find_project(spec=inner, start=inner).spec == inner
    with pytest.raises(BuildError, match="--out"):
        find_project(spec=inner, start=project.parent)


@pytest.mark.parametrize("family", ["../elsewhere", "/tmp", "a-b", "a//b", "class", "."])
def test_a_family_that_no_build_would_read_is_refused(project, family):
    before = sorted(project.parent.rglob("*.py"))
    assert says(run("new", "mine", "--family", family), repr(family))
    assert sorted(project.parent.rglob("*.py")) == before


def test_a_family_may_be_nested_and_the_folder_of_formulas_new(project):
    assert run("new", "mine", "--family", "robust/smooth").exit_code == 0
    assert (project / "spec" / "robust" / "smooth" / "mine.py").is_file()
    assert run("new", "mine", "--spec", "other").exit_code == 0
    assert (project / "other" / "mine.py").is_file()


def test_a_name_that_is_taken_in_another_file_is_refused(project):
    assert says(run("new", "even_loss", "--family", "other"), "defines even_loss already")
    assert not (project / "spec" / "other").exists()


def test_check_of_a_loss_that_was_not_built_yet(project):
    assert run("build").exit_code == 0
    (project / "spec" / "late.py").write_text(FORMULA.format(name="late_loss", power=6))
    assert says(run("check", "late_loss"), "run `lossgen build`")


def test_check_of_a_generated_file_that_is_damaged(project):
    assert run("build").exit_code == 0
    (project / project.parent.name / "numpy" / "_even_loss.py").write_text("def (\n")
    assert says(run("check"), "even_loss: not in the generated package")


def test_no_colour_where_there_is_no_terminal(project):
    for arguments in (("list",), ("show", "even_loss"), ("show", "even_loss", "--kernel", "cpu"), ("build",)):
        assert "\x1b" not in run(*arguments).output


def test_square_brackets_of_the_author_are_shown(project):
    """They are no markup of the terminal's."""
    (project / "spec" / "row.py").write_text(
        "from lossgen.formula import Axis, Prediction, Sum, loss\n\nC = Axis('c')\nc = C.index('i')\n\n\n"
        "@loss(paper='Someone [sic] 1999')\ndef row_loss(input: Prediction[C]):\n    return Sum(input[c] ** 2, c)\n"
    )
    assert "input: Prediction[c]" in run("list").output
    assert "Someone [sic] 1999" in run("show", "row_loss").output
