"""`zdcheck verify-proof`: check a proof in a file again, with fresh solvers."""

from __future__ import annotations

import time
from pathlib import Path

import click

from zdcheck.base.diagnostics import ToolError, UsageError
from zdcheck.base.exit_codes import ExitCode
from zdcheck.cli import options as opt
from zdcheck.export.certificate import invariant_of, loads, lock_order_is_acyclic
from zdcheck.export.solvers import SOLVERS, Solver, answers, is_installed
from zdcheck.pipeline import Options, load_spec, lower_check
from zdcheck.render.terminal import seconds
from zdcheck.trace.proof import COVERS


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

    Nothing in FILE is believed: the system is made from SPEC again, and every solver is asked
    whether the invariant holds at first, is kept by each step, and leaves no fault possible. Ends with exit
    status 1 if it does not, 3 if a solver cannot say.
    """
    certificate = loads(_text(proof))
    loaded = load_spec(spec)
    check = loaded.check(certificate.check)
    options = Options(settings=certificate.settings, scope=certificate.scope)
    system = lower_check(loaded, check, options).system
    invariant = invariant_of(certificate, system)
    asked = solvers or tuple(solver for solver in SOLVERS if is_installed(solver))
    if missing := [solver for solver in asked if not is_installed(solver)]:
        raise UsageError(f"--solver {missing[0]}: its Python module is not installed")
    code = ExitCode.OK
    if not lock_order_is_acyclic(system, invariant):
        click.echo(f"{spec}: {check.name}: lock classes may be taken in two orders")
        return ExitCode.UNEXPECTED
    for solver in asked:
        began, count = time.monotonic(), 0
        for answer in answers(solver, system, invariant, timeout):
            count += 1  # noqa: SIM113 (the loop has an `else`)
            if answer.text == "sat":
                click.echo(f"{spec}: {check.name}: {solver}: wrong: {answer.question.about}")
                return ExitCode.UNEXPECTED
            if answer.text == "unknown":
                click.echo(f"{spec}: {check.name}: {solver}: no answer: {answer.question.about}")
                code = ExitCode.INCONCLUSIVE
                break
        else:
            took = seconds(time.monotonic() - began)
            click.echo(
                f"{spec}: {check.name}: {solver}: proved for {COVERS}"
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
