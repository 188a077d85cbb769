"""`zdcheck diff`: what one version of a protocol does that another does not."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click

from zdcheck.base.diagnostics import UsageError
from zdcheck.base.exit_codes import ExitCode, worst
from zdcheck.cli import options as opt
from zdcheck.engines.choose import choose
from zdcheck.engines.differences import differences
from zdcheck.engines.inclusion import Answer, Excess, Included, Unknown, common_variables
from zdcheck.engines.protocol import Limit, Limits
from zdcheck.gate import git
from zdcheck.ir.fingerprint import fingerprint
from zdcheck.lang import model as m
from zdcheck.pipeline import Lowered, Options, Spec, load_spec, lower_check, run_check
from zdcheck.render.columns import columns
from zdcheck.render.escape import printable
from zdcheck.render.terminal import ColorOption, lines_text, painted
from zdcheck.trace.replay import replay
from zdcheck.trace.verdict import Holds, Inconclusive, Verdict, Violated


@click.command("diff")
@click.argument("old")
@click.argument("new")
@opt.checks_option
@opt.model_options
@opt.limit_options
@opt.timeout_option("each verdict and each comparison", "2m")
@opt.color_option
def command(
    old: str,
    new: str,
    checks: tuple[str, ...],
    settings: tuple[str, ...],
    scope: tuple[str, ...],
    max_states: int | None,
    max_memory: int | None,
    timeout: float,
    color: ColorOption,
) -> int:
    """Compare OLD and NEW: spec files, or REV:FILE for a file at a git revision.

    For each check that both have: the verdicts, and the shortest behaviour (of the shared state)
    that one allows and the other does not. Ends with exit status 1 if they differ.
    """
    paint, _ = opt.colored(color)
    options = Options(
        settings=opt.pairs(settings, "--set", "recheck=false"), scope=opt.sizes(scope)
    )
    with ExitStack() as stack:
        before, after = (_load(stack, text) for text in (old, new))
        names = [n for n in after.check_names if not checks or n in checks]
        common = [n for n in names if n in before.check_names]
        codes = [ExitCode.OK]
        for word, there, other in (("new", after, before), ("gone", before, after)):
            for name in there.check_names:
                if name not in other.check_names and (not checks or name in checks):
                    click.echo(f"{printable(name)}: this check is {word}")
                    codes.append(ExitCode.UNEXPECTED)
        if not common and len(codes) == 1:
            raise UsageError("there is nothing to compare: no check has the same name in both")
        for name in common:
            pair = _Pair(
                lower_check(before, _check(before, name), options),
                lower_check(after, _check(after, name), options),
                Limits(max_states, max_memory, timeout, len(os.sched_getaffinity(0))),
                paint,
            )
            codes.append(pair.compare(name))
    return worst(*codes)


def _check(spec: Spec, name: str) -> m.Check:
    return spec.check(name)


def _load(stack: ExitStack, text: str) -> Spec:
    """A spec from a file, or from `REV:FILE` with the modules that were beside it then."""
    revision, colon, file = text.partition(":")
    if not colon or Path(text).exists():
        return load_spec(text)
    path = Path(file)
    if path.is_absolute() or ".." in path.parts:
        raise UsageError(f"{text}: write REV:FILE with a file below this folder")
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="zdcheck-diff-"))
    at = git.folder_at(path.parent, revision, Path(folder))
    if not (at / path.name).is_file():
        raise UsageError(f"{text}: there was no such file")
    return replace(load_spec(str(at / path.name)), path=text)


class _Pair:
    """One check in both versions."""

    def __init__(self, old: Lowered, new: Lowered, limits: Limits, paint: bool) -> None:
        self.old, self.new = old, new
        self.limits = limits
        self.paint = paint

    def compare(self, name: str) -> ExitCode:
        """Print what differs; the exit code."""
        title = painted(printable(name), "head", self.paint)
        if fingerprint(self.old.system) == fingerprint(self.new.system):
            click.echo(f"{title}: the same protocol", color=True)
            return ExitCode.OK
        verdicts = [self._verdict(lowered) for lowered in (self.old, self.new)]
        code = ExitCode.OK
        if verdicts[0] != verdicts[1]:
            click.echo(f"{title}: {verdicts[0]} before, {verdicts[1]} now", color=True)
            code = ExitCode.UNEXPECTED
        else:
            click.echo(f"{title}: {verdicts[0]} in both", color=True)
        if any(verdict.startswith(_OPEN) for verdict in verdicts):
            # Nobody knows whether they differ.
            code = ExitCode.INCONCLUSIVE
        return worst(code, self._behaviours(code))

    def _verdict(self, lowered: Lowered) -> str:
        choice = choose("auto", lowered.system)
        options = Options(limits=self.limits)
        report, _ = run_check(lowered, choice, options, lambda progress: None)
        return _said(report.verdict)

    def _behaviours(self, verdicts: ExitCode) -> ExitCode:
        old, new = self.old.system, self.new.system
        common = common_variables(old, new)
        if not common.names:
            click.echo("  behaviours cannot be compared: no shared variable is the same in both")
            return ExitCode.INCONCLUSIVE
        found = differences(new, old, self.limits)
        if found.refusal is not None:
            click.echo(f"  {found.refusal}; the interpreter does, which is slow")
        match found.first, found.second:
            case Included(), Included():
                scope = ", ".join(f"{size.name}: {size.size}" for size in self.new.origin.scope)
                click.echo(
                    f"  {_ALIKE[verdicts]} at this scope ({scope}): what one does to"
                    f" {_shared(len(common.names))}, the other can do too"
                )
                return ExitCode.OK
            case Unknown(limit, reached), Unknown() if found.first == found.second:
                return _unknown("behaviours", limit, reached)
            case more, less:
                return worst(
                    self._excess("NEW allows what OLD does not", self.new, "OLD", more),
                    self._excess("OLD allowed what NEW does not", self.old, "NEW", less),
                )

    def _excess(self, title: str, first: Lowered, other: str, answer: Answer) -> ExitCode:
        match answer:
            case Included():
                return ExitCode.OK
            case Unknown(limit, reached):
                return _unknown(title, limit, reached)
            case Excess(run):
                trace = replay(first.system, None, run, first.origin)
                click.echo(f"  {title}:\n")
                click.echo(lines_text(columns(trace), self.paint), nl=False, color=True)
                click.echo(f"\n  {_last(other, len(run.actions))}\n")
                return ExitCode.UNEXPECTED


_OPEN = "inconclusive"

_ALIKE = {
    ExitCode.OK: "same behaviours",
    ExitCode.UNEXPECTED: "otherwise the same behaviours",
    ExitCode.INCONCLUSIVE: "the verdicts may differ, the behaviours are the same",
}
"""What is said where neither shows what the other cannot, by what the verdicts say."""

_ADVICE: Mapping[Limit, str] = {
    "states": "give a larger --max-states, or compare at a smaller --scope",
    "time": "give a longer --timeout, or compare at a smaller --scope",
}


def _unknown(what: str, limit: Limit, reached: str) -> ExitCode:
    if limit == "interrupt":
        raise KeyboardInterrupt
    advice = _ADVICE.get(limit, "compare at a smaller --scope")
    click.echo(f"  {what}: not known ({limit} limit after {reached}); {advice}")
    return ExitCode.INCONCLUSIVE


def _shared(count: int) -> str:
    return f"the {count} shared variables that both have" if count > 1 else "the shared variable"


def _last(other: str, steps: int) -> str:
    if steps == 0:
        return f"{other} never begins like this"
    follows = "can begin like this" if steps == 1 else f"can follow up to step {steps - 1}"
    return f"{other} {follows}, and then never does to the shared state what step {steps} does"


def _said(verdict: Verdict) -> str:
    match verdict:
        case Holds():
            return "holds"
        case Violated(_, trace):
            assert trace.blame is not None
            of = f" of {trace.blame.property}" if trace.blame.property else ""
            return printable(f"violation {trace.blame.violation}{of}")
        case Inconclusive(_, limit, _):
            return f"{_OPEN} ({limit} limit)"
