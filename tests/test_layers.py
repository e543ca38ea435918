"""The layers import downwards only, and importing the package loads nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from imports import imports

import lossgen

ROOT = Path(lossgen.__file__).parent

#: What each layer may import of the package: itself and what is named here.
ALLOWED = {
    "formula": set(),
    "derive": {"formula"},
    "kernel": {"formula", "derive"},
    "pages": {"formula", "derive"},
    "build": {"formula", "derive", "kernel", "pages"},
    "runtime": set(),
    "adapters": {"runtime"},
    "verify": {"formula", "derive", "kernel", "build", "runtime", "adapters"},
    "docs": {"formula", "derive", "pages", "build", "verify"},
}

LIBRARIES = {
    "runtime": {"sympy", "jinja2", "torch", "jax", "click", "rich"},
    "formula": {"numba", "torch"},
    "derive": {"numba", "torch"},
    "kernel": {"torch"},
    "pages": {"torch", "numba", "matplotlib"},
    "build": {"torch", "numba", "matplotlib"},
}


@pytest.mark.parametrize("layer", ALLOWED)
def test_a_layer_imports_only_what_lies_below_it(layer):
    files = sorted((ROOT / layer).rglob("*.py"))
    assert len(files) > 1
    for path in files:
        for module in imports(path, ROOT):
            parts = module.split(".")
            if parts[0] == "lossgen" and len(parts) > 1 and parts[1] != layer:
                assert parts[1] in ALLOWED[layer], f"{path.relative_to(ROOT)} imports {module}"
            assert parts[0] not in LIBRARIES.get(layer, set()), f"{path.relative_to(ROOT)} imports {module}"


def test_the_check_sees_an_import_that_goes_up(tmp_path):
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime" / "a.py").write_text("from ..formula.loss import Loss\nimport sympy.core\n")
    found = {"lossgen.formula.loss", "lossgen.formula.loss.Loss", "sympy.core"}
    assert imports(tmp_path / "runtime" / "a.py", tmp_path) == found


@pytest.mark.parametrize(
    "module, forbidden",
    [
        ("lossgen", "sympy numba torch jax numpy click"),
        ("lossgen.generated", "sympy numba torch jax"),
        ("lossgen.generated.numpy._mse_loss", "sympy numba torch jax"),
        ("lossgen.runtime", "sympy numba torch jax"),
        ("lossgen.cli", "sympy numba torch numpy"),
    ],
)
def test_import_is_light(module, forbidden):
    code = f"import sys, {module}; print([m for m in {forbidden.split()!r} if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_training_code_never_loads_the_compiler():
    code = (
        "import sys, numpy as np; from lossgen.generated import mse_loss; mse_loss.value_and_grad(np.ones(3), np.zeros(3)); "
        "print('sympy' in sys.modules, 'lossgen.formula' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == [
        "False",
        "False",
    ]


def test_no_function_level_imports():
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                inner = [n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)]
                assert not inner, f"{path.relative_to(ROOT)}:{inner[0].lineno if inner else 0}"


def test_every_package_is_installed():
    """setuptools is told the packages by name: a wheel must hold them all."""
    listed = (ROOT.parent / "pyproject.toml").read_text()
    packages = {".".join(("lossgen", *p.parent.relative_to(ROOT).parts)) for p in ROOT.rglob("__init__.py")}
    packages |= {
        ".".join((f"lossgen.{top}", *p.parent.relative_to(ROOT.parent / top).parts))
        for top in ("spec", "generated")
        for p in (ROOT.parent / top).rglob("__init__.py")
    }
    assert sorted(p for p in packages if f'"{p}"' not in listed) == []
