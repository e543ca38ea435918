"""`lossgen demo`: train small models with generated losses and compare them with scikit-learn's and torch's."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from .result import Result

NEEDED = ("matplotlib", "sklearn")


@click.command(name="demo", short_help="Train small models with generated losses, against scikit-learn and torch.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("lossgen-demo.png"),
    show_default=True,
    help="Where to write the picture of the loss curves.",
)
@click.option(
    "--epochs", type=click.IntRange(min=1), default=60, show_default=True, help="Training epochs of the torch networks."
)
def demo(out: Path, epochs: int) -> None:
    """Train small models with generated losses on data that comes with scikit-learn.

    Prints how well each does beside its reference, and draws their loss curves. The exit status is 1 if a score falls
    short of its reference by more than the stated tolerance. Tasks in torch are left out where it is not installed.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f"the demonstration needs matplotlib and scikit-learn ({missing[0]} is missing): "
            "pip install 'lossgen[demo]'"
        )
    if not out.parent.is_dir():
        raise click.ClickException(f"there is no folder {out.parent} to write {out.name} to")
    console = Console()
    with console.status("training") as status:
        # By name: these modules need the optional packages checked above.
        results = import_module("lossgen.demo.run").run_tasks(epochs, lambda task: status.update(f"training: {task}"))
        import_module("lossgen.demo.picture").save_picture(results, out)
    console.print(results_table(results))
    if find_spec("torch") is None:
        console.print(
            "torch is not installed: its tasks are left out (pip install 'lossgen[torch]' adds them).", markup=False
        )
    console.print(f"Loss curves: {out}", soft_wrap=True)
    failed = [result for result in results if not result.passed]
    for result in failed:
        console.print(
            f"{result.task}, {result.loss}: {result.metric} {result.score:.4g} falls short of "
            f"{result.reference_score:.4g} by more than {result.tolerance:g}",
            style="red",
        )
    if failed:
        raise click.exceptions.Exit(1)


def results_table(results: Sequence[Result]) -> Table:
    """The scores and times: two lines per result, the generated loss and below it the reference."""
    table = Table(caption="Scores on the test set. Times of training; kernels are compiled before.", show_lines=True)
    table.add_column("task")
    table.add_column("loss / compared with", overflow="fold")
    table.add_column("score")
    for name in ("reached", "tolerance", "time"):
        table.add_column(name, justify="right")
    for result in results:
        table.add_row(
            result.task.replace(", ", ",\n"),
            f"{result.loss}\n{result.reference}",
            result.metric,
            f"{result.score:.4g}\n{result.reference_score:.4g}",
            f"{result.tolerance:g}",
            f"{_duration(result.seconds)}\n{_duration(result.reference_seconds)}",
            style=None if result.passed else "red",
        )
    return table


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.0f} ms"
