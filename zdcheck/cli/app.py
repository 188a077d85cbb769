"""The command `zdcheck`: finds the subcommand, and turns whatever comes out into an exit status."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sys
from collections.abc import Sequence

import click

from zdcheck.base.exit_codes import ExitCode

COMMANDS = {
    "check": "Run the checks of specs and compare with what they expect.",
    "prove": "Prove checks for runs of any length.",
    "verify-proof": "Check a proof in a file again, with fresh solvers.",
    "mutate": "Make small mistakes in specs and see which of them their checks miss.",
    "simulate": "Follow one random run and draw it.",
    "show": "Print a spec's tree or transition system.",
    "graph": "Draw control flow, lock order or the states of a check.",
    "inspect": "Walk through a counterexample in the terminal.",
    "report": "Write a counterexample as one HTML file.",
    "trace": "Print, replay, evaluate, pin and convert saved counterexamples.",
    "gate": "Run every check of a repository and say what changed.",
    "diff": "Compare two versions of a protocol.",
    "anchors": "Compare the kernel functions that specs model with a kernel tree.",
    "export": "Print a check in the language of another checker.",
    "crosscheck": "Let other checkers judge the same checks.",
    "explain": "Explain a violation, error or warning id.",
    "fmt": "Bring specs into their canonical layout.",
    "lint": "Report what looks wrong in specs without running them.",
}
"""Each lives in the module of its name, as `command`, and is imported only when it is run."""


class LazyGroup(click.Group):
    """A group whose help needs no command to be imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"zdcheck.cli.{cmd_name.replace('-', '_')}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line for each command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"zdcheck {version()}")
        ctx.exit()


def version() -> str:
    """The version of the installed package."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("zdcheck")
    except PackageNotFoundError:
        return "unknown"


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and exit.",
)
def app() -> None:
    """Check page-lifetime protocols of the Linux kernel.

    Exit status: 0 every check as expected, 1 some check not, 2 spec or command line wrong or
    nothing to check, 3 inconclusive, 70 zdcheck itself is wrong, 130 interrupted.
    """


def run(arguments: Sequence[str]) -> int:
    """Run the command line; the exit status. Never raises, never prints a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # A spec may have characters that the terminal's encoding has not.
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except OSError as error:
        code = _output_failed(error)
    return int(code)


def _run(arguments: Sequence[str]) -> int:
    try:
        # Not `app.main`: it would turn a broken pipe into exit status 1.
        with app.make_context("zdcheck", list(arguments)) as context:
            result = app.invoke(context)
        return result if isinstance(result, int) else ExitCode.OK
    except click.exceptions.Exit as exit:
        return exit.exit_code
    except click.ClickException as error:
        error.show()
        return ExitCode.WRONG_INPUT
    except (KeyboardInterrupt, click.Abort):
        print("zdcheck: interrupted", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EPIPE):
            raise
        from zdcheck.cli.failures import failure_of, show

        failure = failure_of(error)
        show(failure)
        return failure.exit_code


def _output_failed(error: OSError) -> ExitCode:
    """Nobody reads our output any more, or it cannot be written."""
    # Without this Python would try to flush the rest at exit, and complain.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return ExitCode.INTERRUPTED
    with contextlib.suppress(OSError):
        print(f"zdcheck: error: cannot write the output: {error.strerror}", file=sys.stderr)
    return ExitCode.WRONG_INPUT
