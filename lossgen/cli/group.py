"""The command group: a table of commands and the modules that hold them, and how errors are shown."""

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import version

import click

#: Command → where it is, and its line in the help.
COMMANDS = {
    "new": ("lossgen.cli.new:new", "Write the frame of a formula."),
    "build": ("lossgen.cli.build:build", "Generate the package from the formulas, or check that it is up to date."),
    "check": ("lossgen.cli.check:check", "Hold generated kernels against the raw formulas."),
    "list": ("lossgen.cli.listing:list_losses", "List the losses of the project."),
    "show": ("lossgen.cli.show:show", "Show a formula, what is derived from it, and its kernel."),
    "docs": ("lossgen.cli.docs:docs", "Write the handbook: LaTeX, a PDF, a static site."),
    "bench": ("lossgen.bench.command:bench", "Measure the kernels against PyTorch."),
    "demo": ("lossgen.demo.command:demo", "Train models on real data with the generated losses."),
}

#: Errors that tell the user all there is to tell, by name: their classes need not be imported to be recognised.
PLAIN_ERRORS = {"SpecError", "BuildError", "LossError", "LossTypeError"}


class LazyGroup(click.Group):
    """Imports a command's module when the command is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        return getattr(import_module(module), attribute)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        close = get_close_matches(args[0], COMMANDS, n=1)
        if close and close[0] != args[0] and not args[0].startswith("-"):
            ctx.fail(f"no command {args[0]!r}; did you mean {close[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Errors of lossgen are one line on stderr and exit status 2, never a traceback."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            if type(error).__name__ not in PLAIN_ERRORS or not type(error).__module__.startswith("lossgen."):
                raise
            click.echo(f"Error: {error}", err=True)
            ctx.exit(2)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("lossgen"), prog_name="lossgen")
def lossgen() -> None:
    """Loss functions from formulas: derive, generate, check."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point of the command `lossgen`."""
    sys.exit(lossgen.main(args=arguments, prog_name="lossgen"))
