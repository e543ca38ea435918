"""Renders every file of a generated package from a project's losses."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from lossgen.formula import Loss, SpecError
from lossgen.kernel import TARGETS, render_variant
from lossgen.pages.blocks import Page
from lossgen.pages.latex import bibliography, page_latex, preamble
from lossgen.pages.page import page

from .boosting import Boosting
from .project import source_name
from .schema import module_name
from .surface import Surface

#: The folders with a function for each loss, and what each holds.
FUNCTIONS = {
    "dask": "Loss functions on Dask arrays.",
    "jax": "Loss functions on JAX arrays.",
    "numpy": "Loss functions on NumPy arrays.",
    "scipy": "Losses as functions of one vector, for scipy.optimize.",
}


def render(losses: Mapping[str, Loss], spec: Path, package: str = "lossgen.generated") -> dict[str, str]:
    """The package as a mapping of relative path to text. Nothing is written.

    `spec` is the folder of the formulas: files name theirs relative to it, so that the text does not depend on where the
    project lies. `package` is the name under which users import what is written. Raises SpecError where a loss cannot be derived.
    """
    if not losses:
        raise SpecError("no losses found; write one with `lossgen new NAME`")
    environment = Environment(
        loader=PackageLoader("lossgen.build"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    surfaces = [Surface(loss) for _, loss in sorted(losses.items())]
    _check_names(surfaces)
    files = {f"{name}/__init__.py": f'"""{target.summary}"""\n' for name, target in TARGETS.items()}
    for surface in surfaces:
        files |= _of_loss(surface, source_name(surface.loss.source, spec), environment)
    files |= _exports(surfaces, [s.name for s in surfaces if f"boosting/_{s.name}.py" in files], environment)
    pages = {name: page(loss, package) for name, loss in losses.items()}
    return files | {f"latex/{name}": text for name, text in pages_latex(pages, losses, spec).items()}


def _of_loss(surface: Surface, source: str, environment: Environment) -> dict[str, str]:
    """The files of one loss: its surfaces, and its kernels."""
    files = {}
    for target in (*FUNCTIONS, "torch"):
        template = environment.get_template(f"{target}_loss.py.jinja")
        files[f"{target}/_{surface.name}.py"] = template.render(s=surface, source=source)
    boosting = Boosting(surface.loss)
    if boosting.forms:
        template = environment.get_template("boosting_loss.py.jinja")
        files[f"boosting/_{surface.name}.py"] = template.render(s=surface, b=boosting, source=source)
    for variant in surface.loss.pieces:
        module = module_name(surface.loss, variant)
        for target, dtype, text in render_variant(surface.loss, variant, source):
            files[f"{target}/{module}_{dtype}.py"] = text
    return files


def _exports(surfaces: Sequence[Surface], boosted: Sequence[str], environment: Environment) -> dict[str, str]:
    """What the package and its folders export; `boosted` are the losses that have an objective for boosting."""
    lazy = environment.get_template("lazy.py.jinja")
    names = [s.name for s in surfaces]
    files = {"__init__.py": lazy.render(summary=FUNCTIONS["numpy"], exports=[(n, f".numpy._{n}") for n in names])}
    for folder, summary in FUNCTIONS.items():
        files[f"{folder}/__init__.py"] = lazy.render(summary=summary, exports=[(n, f"._{n}") for n in names])
    summary = "Losses of raw scores as objectives for gradient boosting."
    files["boosting/__init__.py"] = lazy.render(summary=summary, exports=[(n, f"._{n}") for n in boosted])
    both = [(n, f"._{s.name}") for s in surfaces for n in (s.name, s.module)]
    files["torch/__init__.py"] = lazy.render(summary="Loss functions and modules for PyTorch.", exports=both)
    return files


def pages_latex(pages: Mapping[str, Page], losses: Mapping[str, Loss], spec: Path) -> dict[str, str]:
    """The losses' pages in LaTeX by file name, with the preamble and the bibliography that a document of them needs."""
    files = {
        f"{name}.tex": page_latex(pages[name], source_name(loss.source, spec), (loss.module,))
        for name, loss in losses.items()
    }
    return files | {"preamble.tex": preamble(), "bibliography.tex": bibliography(x.paper for x in losses.values())}


def _check_names(surfaces: list[Surface]) -> None:
    seen: dict[str, str] = {}
    for surface in surfaces:
        for name in (surface.name, surface.module):
            if seen.setdefault(name, surface.name) != surface.name:
                raise SpecError(
                    f"{surface.name} and {seen[name]} would both be called {name}; give one module=… in @loss"
                )
