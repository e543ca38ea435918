"""`lossgen bench`: how fast generated losses are beside torch's."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click
from click.core import ParameterSource
from rich.console import Console

from lossgen.runtime import get_num_threads, set_num_threads

from .allocator import DESCRIPTIONS, reuse_memory
from .cases import Case, Size, parse_size, select
from .contenders import OPTAX, columns, make_contenders, missing
from .facts import busy_note, machine_facts
from .measure import measure
from .processes import Memory, ProbeError, Startup, measure_memory, measure_startup
from .report import Report, Row, as_json
from .text import markdown, print_report

MEMORY_ELEMENTS = 10**7

#: The options that say nothing on the other device.
HOST_OPTIONS = ("large", "threads", "allocator", "processes")
DEVICE_OPTIONS = ("dtypes",)


class SizeParameter(click.ParamType[Size]):
    """A size on the command line: see `parse_size`."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Size:
        """The size as a tuple."""
        try:
            return parse_size(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command(name="bench", short_help="Measure generated losses against torch.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--size",
    "sizes",
    type=SizeParameter(),
    multiple=True,
    help="1e7, 512x32000 (classes), 100x32x20 (paths), 150x16x30x30 (labels).",
)
@click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="Where losses are measured."
)
@click.option(
    "--dtype",
    "dtypes",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    multiple=True,
    help="On CUDA; by default float32 and bfloat16.",
)
@click.option("--large", is_flag=True, help="Also the sizes that need several gigabytes.")
@click.option("--repeats", type=click.IntRange(min=1), default=15, show_default=True, help="Samples per function.")
@click.option("--threads", type=click.IntRange(min=1), help="For lossgen and torch; by default all processors.")
@click.option(
    "--allocator",
    type=click.Choice(list(DESCRIPTIONS)),
    default="default",
    show_default=True,
    help="reuse: freed memory is kept, for all alike, so that page faults are not measured (glibc).",
)
@click.option("--compile/--no-compile", "compiled", default=True, help="Measure torch.compile (needs a C++ compiler).")
@click.option("--processes/--no-processes", default=True, help="Measure start-up and peak memory in fresh processes.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown instead of tables.")
@click.pass_context
def bench(
    context: click.Context,
    names: tuple[str, ...],
    sizes: tuple[Size, ...],
    device: str,
    dtypes: tuple[str, ...],
    large: bool,
    repeats: int,
    threads: int | None,
    allocator: str,
    compiled: bool,
    processes: bool,
    json_file: Path | None,
    as_markdown: bool,
) -> None:
    """Measure value and gradient of generated losses (all, or those NAMEd) against the same losses in torch.

    Every function is called before it is timed, samples last long enough for the clock, and the functions take turns,
    each after a pause and untimed calls of its own: what is timed is a call in a training loop.
    """
    if json_file is not None and not json_file.parent.is_dir():
        raise click.ClickException(f"there is no folder {json_file.parent} to write {json_file.name} to")
    _check_options(context, device)
    with Console(stderr=True).status("measuring") as status:

        def announce(text: str) -> None:
            status.update(f"measuring {text}")

        try:
            if device == "cuda":
                report = _on_cuda(names, sizes, dtypes, repeats, compiled, announce)
            else:
                cases = select(names, sizes, large)
                _prepare(allocator, threads)
                report = _on_host(cases, repeats, compiled, processes, allocator, announce)
        except ValueError as error:
            raise click.ClickException(str(error)) from None
    if json_file is not None:
        json_file.write_text(json.dumps(as_json(report), indent=2) + "\n")
    if as_markdown:
        click.echo(markdown(report))
    else:
        print_report(report, Console())


def _check_options(context: click.Context, device: str) -> None:
    """Options that say nothing on the device are an error if they were given."""
    for name in HOST_OPTIONS if device == "cuda" else DEVICE_OPTIONS:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = next(p.opts[0] for p in context.command.params if p.name == name)
            raise click.ClickException(f"{option} has no meaning with --device {device}")


def _on_cuda(
    names: Sequence[str],
    sizes: Sequence[Size],
    dtypes: Sequence[str],
    repeats: int,
    compiled: bool,
    announce: Callable[[str], object],
) -> Report:
    if find_spec("torch") is None:
        raise ValueError("--device cuda: torch is not installed: pip install 'lossgen[torch,cuda]'")
    module = import_module("lossgen.bench.device_report")  # by name: torch is an option
    return module.device_report(names, sizes, dtypes or ("float32", "bfloat16"), repeats, compiled, announce)


def _on_host(
    cases: Sequence[Case],
    repeats: int,
    compiled: bool,
    processes: bool,
    allocator: str,
    announce: Callable[[str], object],
) -> Report:
    facts, busy = machine_facts(), busy_note()
    contenders = columns(compiled)
    rows = _measure(cases, contenders, repeats, announce)
    startup, memory, notes = (
        _measure_processes([name for name in contenders if name != OPTAX]) if processes else ({}, {}, [])
    )
    notes += missing(cases, compiled)
    if busy is not None:
        notes.append(busy)
    conditions = {"threads": str(get_num_threads()), "memory": DESCRIPTIONS[allocator], "samples": str(repeats)}
    return Report(facts, conditions, rows, startup, memory, tuple(notes))


def _prepare(allocator: str, threads: int | None) -> None:
    """The same memory and the same number of threads for all."""
    if allocator == "reuse":
        try:
            reuse_memory()
        except OSError as error:
            raise click.ClickException(str(error)) from None
    if threads is not None:
        set_num_threads(threads)
    if find_spec("torch"):
        import_module("torch").set_num_threads(get_num_threads())  # by name: torch is an option


def _measure(
    cases: Sequence[Case], contenders: Sequence[str], repeats: int, announce: Callable[[str], object]
) -> tuple[Row, ...]:
    rows = []
    for case in cases:
        announce(f"{case.family.loss}, {case.label}")
        rows.append(Row(case, measure(make_contenders(case, contenders), repeats)))
    return tuple(rows)


def _measure_processes(contenders: Sequence[str]) -> tuple[dict[str, Startup], dict[str, Memory], list[str]]:
    """Start-up, memory, and a note where a process failed (no compiler for torch.compile, a system without rusage)."""
    try:
        return measure_startup(contenders), measure_memory(contenders, MEMORY_ELEMENTS), []
    except ProbeError as error:
        return {}, {}, [f"Start-up and memory were not measured: {error}"]
