"""`lossgen show`."""

import inspect
from pathlib import Path

import click
from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text
from sympy import Expr, pretty

from lossgen.derive import Derivation, Result
from lossgen.derive.lattice import LatticeDerivation
from lossgen.derive.rewrite import Trace
from lossgen.derive.rules import PROTECTION, STABLE
from lossgen.derive.sweeps import lines_of
from lossgen.formula import Loss, Variant
from lossgen.formula.recurrence import Lattice
from lossgen.kernel import DTYPES, TARGETS, render_module

from .options import open_project, pick, project_options


@click.command()
@click.argument("name")
@click.option("--gradient", is_flag=True, help="The derived gradient and Hessian diagonal.")
@click.option("--steps", is_flag=True, help="The rules that were applied, in order.")
@click.option("--kernel", type=click.Choice(list(TARGETS)), help="The generated kernel.")
@click.option("--dtype", type=click.Choice(DTYPES), default="float32", show_default=True, help="The kernel's dtype.")
@project_options
def show(
    name: str, gradient: bool, steps: bool, kernel: str | None, dtype: str, spec: Path | None, out: Path | None
) -> None:
    """Shows a loss: its formula, and what is derived from it."""
    project, losses = open_project(spec, out)
    loss = pick(losses, name)
    console = Console(width=None if Console().is_terminal else 120)
    for variant in loss.pieces:
        if kernel:
            file = str(loss.source.relative_to(project.spec.resolve()))
            text = render_module(loss, variant, dtype, file, kernel)
            console.print(Syntax(text, "python")) if console.is_terminal else click.echo(text)
        else:
            _show(loss, variant, console, gradient, steps)


def _show(loss: Loss, variant: Variant, console: Console, gradient: bool, steps: bool) -> None:
    label = f" ({variant.label})" if variant.label else ""
    console.print(Text.assemble((loss.name, "bold"), f"{label}    {loss.paper}"))
    console.print(loss.doc, highlight=False, markup=False)
    _formula(console, "formula", variant.expression)
    if variant.filled:
        _show_recurrences(loss, variant, console, gradient, steps)
        return
    derivation = Derivation(loss.name, variant)
    _formula(console, "stable form", derivation.value)
    if gradient:
        for title, results in (("∂/∂", derivation.gradient), ("∂²/∂²", derivation.hessian_diagonal)):
            for result in results:
                _result(console, title, result)
    if steps:
        _steps(console, derivation)


def _show_recurrences(loss: Loss, variant: Variant, console: Console, gradient: bool, steps: bool) -> None:
    """The recurrences as written, what is filled for the value, and with `gradient` the steps after it."""
    for lattice in sorted(variant.expression.atoms(Lattice), key=str):
        _formula(console, f"{lattice.name}[{', '.join(map(str, lattice.indices))}]", lattice.cell)
    derivation = LatticeDerivation(loss.name, variant)
    sweeps = derivation.evaluate()
    for title, value in lines_of(sweeps, gradient):
        _formula(console, title, value)
    if steps:
        _fired(console, derivation.trace)


def _result(console: Console, title: str, result: Result) -> None:
    at = f"[{result.index}]" if result.index is not None else ""
    _formula(console, f"{title} {result.argument}{at}", result.generic)
    if result.at_label is not None:
        _formula(console, f"{title} {result.argument}[{result.label}]", result.at_label)


def _formula(console: Console, title: str, expression: Expr) -> None:
    console.print(f"\n{title}", style="cyan", highlight=False, markup=False)
    console.print(pretty(expression, use_unicode=True, num_columns=console.width - 4), highlight=False, markup=False)


def _steps(console: Console, derivation: Derivation) -> None:
    """The rules that fired while value and gradient were derived, each with its formula."""
    results = (derivation.value, derivation.gradient)
    console.print(f"\n{len(results[1])} gradients", style="cyan", highlight=False)
    _fired(console, derivation.trace)


def _fired(console: Console, trace: Trace) -> None:
    documents = {rule.__name__: inspect.getdoc(rule) for rule in (*PROTECTION, *STABLE)}
    console.print(f"\nsteps ({len(trace.steps)})", style="cyan", highlight=False)
    for rule, before, after in trace.steps:
        console.print(f"{rule}: {documents[rule]}", style="dim", highlight=False, markup=False)
        console.print(f"    {before}\n  → {after}", highlight=False, markup=False)
