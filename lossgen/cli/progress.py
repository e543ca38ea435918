"""How far long work has come."""

from collections.abc import Collection, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from lossgen.formula import Loss


def one_by_one(losses: Collection[Loss]) -> Iterator[Loss]:
    """The losses in turn, with the name of the present one and a bar on stderr if that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(losses))
        for loss in losses:
            progress.update(task, description=loss.name)
            yield loss
            progress.advance(task)
