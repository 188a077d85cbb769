"""`zdcheck verify-proof`: check a proof in a file again, with fresh solvers."""

from __future__ import annotations

import time
from pathlib import Path

import click

from zdcheck.base.diagnostics import ToolError, UsageError
from zdcheck.base.exit_codes import ExitCode
from zdcheck.cli import options as opt
from zdcheck.export.certificate import loads, lock_order_is_acyclic
from zdcheck.export.solvers import SOLVERS, Solver, answers, is_installed
from zdcheck.pipeline import load_spec
from zdcheck.proving import claimed
from zdcheck.render.terminal import seconds


@click.command("verify-proof")
@click.argument("proof", metavar="FILE")
@click.argument("spec")
@click.option(
    "--solver",
    "solvers",
    type=click.Choice(SOLVERS),
    multiple=True,
    help="Only this one; by default each that is installed.",
)
@opt.timeout_option("each solver")
def command(proof: str, spec: str, solvers: tuple[Solver, ...], timeout: float | None) -> int:
    """Check that the invariant in FILE proves its check of SPEC as that is now.

    Nothing in FILE is believed: the system (for any number of threads: the abstraction) is made from SPEC
    again, and every solver is asked whether the invariant holds at first, is kept by each step, and leaves no
    fault possible. Ends with exit status 1 if it does not, 3 if a solver cannot say.
    """
    claim = claimed(loads(_text(proof)), load_spec(spec))
    system, invariant = claim.system, claim.invariant
    about = f"{spec}: {claim.check}"
    asked = solvers or tuple(solver for solver in SOLVERS if is_installed(solver))
    if missing := [solver for solver in asked if not is_installed(solver)]:
        raise UsageError(f"--solver {missing[0]}: its Python module is not installed")
    code = ExitCode.OK
    if not lock_order_is_acyclic(system, invariant):
        click.echo(f"{about}: lock classes may be taken in two orders")
        return ExitCode.UNEXPECTED
    for solver in asked:
        began, count = time.monotonic(), 0
        for answer in answers(solver, system, invariant, timeout):
            count += 1  # noqa: SIM113 (the loop has an `else`)
            if answer.text == "sat":
                click.echo(f"{about}: {solver}: wrong: {answer.question.about}")
                return ExitCode.UNEXPECTED
            if answer.text == "unknown":
                click.echo(f"{about}: {solver}: no answer: {answer.question.about}")
                code = ExitCode.INCONCLUSIVE
                break
        else:
            took = seconds(time.monotonic() - began)
            click.echo(
                f"{about}: {solver}: proved for {claim.covers}"
                f"  ({len(invariant.facts):,} facts, {count:,} questions, {took})"
            )
    return code


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ToolError(f"{path}: this is no proof: it is not UTF-8") from None
