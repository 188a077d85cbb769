"""The road as functions: load, check, lower, search, replay, judge.

The command line, the tests and later the inspector all go this way. Nothing here prints.
"""

from __future__ import annotations

import importlib
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import assert_never

from zdcheck.base.diagnostics import Diagnostic, Label, Severity, UsageError, in_source_order
from zdcheck.base.source import SourceFile, Span
from zdcheck.base.suggest import closest
from zdcheck.engines.choose import COMPLETE, Choice, EngineName, choose, complete
from zdcheck.engines.protocol import (
    IN_MEMORY,
    Claim,
    Found,
    Limits,
    NoneFound,
    Proven,
    Stopped,
    Storage,
    Watcher,
)
from zdcheck.ir.system import System
from zdcheck.lang import ast
from zdcheck.lang import model as m
from zdcheck.lang.check import check as check_bundle
from zdcheck.lang.lint import lint
from zdcheck.lang.modules import LIBRARY, load, read
from zdcheck.lang.parser import parse
from zdcheck.lower import Instance, Program, lower, program_of
from zdcheck.trace.coverage import Coverage
from zdcheck.trace.model import Named, Size
from zdcheck.trace.proof import COVERS
from zdcheck.trace.replay import Origin, replay
from zdcheck.trace.verdict import (
    Cell,
    CheckReport,
    Expected,
    Holds,
    Inconclusive,
    SpecReport,
    Verdict,
    Violated,
    Witness,
    surprise,
)


@dataclass(frozen=True, slots=True)
class Options:
    """How to check. Empty `checks` is all of them; `without` names reductions to leave out.

    `progress` False skips progress properties, and every verdict says so.
    """

    checks: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    scope: Mapping[str, int] = field(default_factory=dict)
    engine: EngineName = "auto"
    limits: Limits = field(default_factory=Limits)
    without: frozenset[str] = frozenset()
    storage: Storage = IN_MEMORY
    progress: bool = True

    def chooses(self, check: m.Check) -> bool:
        """Whether to run this one: it is asked for, and is no run for another value than the one set."""
        cell = check.cell
        if cell is not None and cell.config in self.settings:
            return self.settings[cell.config].rpartition(".")[2] == cell.value and self._asks(check)
        return self._asks(check)

    def _asks(self, check: m.Check) -> bool:
        return not self.checks or any(check.answers_to(name) for name in self.checks)

    @property
    def changes_the_spec(self) -> bool:
        """Whether these are other checks than the spec's own."""
        return bool(self.checks or self.settings or self.scope)


@dataclass(frozen=True, slots=True)
class Spec:
    """A checked spec file. `files` are its text and those of all modules that it uses."""

    path: str
    model: m.Model
    files: tuple[SourceFile, ...] = ()

    def check(self, name: str) -> m.Check:
        """The check of that name; UsageError with a suggestion if there is none.

        The name of a check with several runs is its first one.
        """
        for check in self.model.checks:
            if check.answers_to(name):
                return check
        raise UsageError(f"{self.path}: no check `{name}`{did_you_mean(name, self.check_names)}")

    def only_or(self, name: str | None) -> m.Check:
        """The check of that name, or the first one."""
        if name is not None:
            return self.check(name)
        if not self.model.checks:
            raise UsageError(f"{self.path}: there is nothing to run: it has no check")
        return self.model.checks[0]

    @property
    def check_names(self) -> tuple[str, ...]:
        """What its checks answer to, in order."""
        names = ((c.cell.row, c.name) if c.cell else (c.name,) for c in self.model.checks)
        return tuple(dict.fromkeys(name for both in names for name in both))


@dataclass(frozen=True, slots=True)
class Lowered:
    """One check, ready for an engine."""

    spec: Spec
    check: m.Check
    system: System
    origin: Origin


def parse_spec(path: str) -> ast.Spec:
    """The syntax tree of one file, without what it uses."""
    return parse(read(Path(path), path))


def load_spec(path: str) -> Spec:
    """Read and check a spec. Raises SpecError, or ToolError if the file cannot be read."""
    return spec_of(path, load_bundle(path))


def load_bundle(path: str) -> ast.Bundle:
    """The spec as written, with what it uses."""
    return load(Path(path))


def spec_of(path: str, bundle: ast.Bundle) -> Spec:
    """The checked spec that the trees are."""
    files = tuple(module.spec.span.file for module in bundle.modules)
    return Spec(path, check_bundle(bundle), files)


def formatted(path: str) -> tuple[str, str]:
    """A file's text, and the same in its canonical layout."""
    source = read(Path(path), path)
    # Not imported above: only this command needs it.
    layout = importlib.import_module("zdcheck.lang.format")
    return source.text, str(layout.format_source(source))


def lint_spec(path: str) -> tuple[Diagnostic, ...]:
    """Everything that looks wrong without being an error."""
    bundle = load(Path(path))
    checked = check_bundle(bundle)
    return in_source_order((*own_warnings(checked), *lint(checked, bundle)))


def own_warnings(model: m.Model) -> tuple[Diagnostic, ...]:
    """The model's warnings, without those about the shipped library: nothing to do about them here."""
    return tuple(w for w in model.warnings if not w.at.span.file.path.startswith(f"{LIBRARY}/"))


def lower_check(spec: Spec, check: m.Check, options: Options) -> Lowered:
    """The transition system of one check under the options' settings and scope."""
    instance = instance_of_check(spec, check, options)
    config = tuple(
        Named(symbol.name, instance.scalar(symbol.type, symbol.span).show(value))
        for symbol, value in instance.configs.items()
    )
    sizes = tuple(Size(name, size) for name, size in instance.sizes.items() if name != "thread")
    origin = Origin(spec.path, check.name, config, sizes, spec.files)
    system = lower(instance)
    if not options.progress:
        system = replace(system, progress=())
    return Lowered(spec, check, system, origin)


def program_of_check(spec: Spec, check: m.Check, options: Options) -> Program:
    """The parametric program of one check, which `lower_check` spells out."""
    return program_of(instance_of_check(spec, check, options))


def instance_of_check(spec: Spec, check: m.Check, options: Options) -> Instance:
    """A check with its settings and sizes. Raises UsageError if an option names what is not there."""
    _known_names(spec.model, options)
    return Instance.of(spec.model, check, options.settings, options.scope)


def check_spec(
    path: str,
    options: Options,
    *,
    loaded: Callable[[Spec], None] = lambda spec: None,
    starts: Callable[[str, Choice], None] = lambda name, choice: None,
    watch: Watcher = lambda progress: None,
    done: Callable[[CheckReport], None] = lambda report: None,
) -> SpecReport:
    """Run the spec's checks. The callbacks hear of each stage as it is reached.

    Raises SpecError, UsageError, ToolError and EngineDisagreement; an interrupt ends the run
    with what was found so far.
    """
    spec = load_spec(path)
    loaded(spec)
    chosen = chosen_checks(spec, options)
    reports: list[CheckReport] = []
    coverage = Coverage()
    try:
        for check in chosen:
            lowered = lower_check(spec, check, options)
            choice = choose(options.engine, lowered.system, options.without, options.storage)
            starts(check.name, choice)
            report, claim = run_check(lowered, choice, options, watch)
            coverage.add(lowered.system, claim.statistics, is_complete=isinstance(claim, NoneFound))
            reports.append(report)
            done(report)
            if isinstance(claim, Stopped) and claim.limit == "interrupt":
                break
        dead = (
            () if _is_partial(spec, reports, options) else dead_statements(spec, coverage, options)
        )
    except KeyboardInterrupt:
        dead = ()
    skipped = tuple(check.name for check in chosen[len(reports) :])
    return SpecReport(path, own_warnings(spec.model), tuple(reports), dead, skipped)


def chosen_checks(spec: Spec, options: Options) -> list[m.Check]:
    """The spec's checks that the options ask for; UsageError if they cannot be run."""
    if not spec.model.threads:
        raise UsageError(f"{spec.path}: there is nothing to check: it has no thread")
    return [c for c in spec.model.checks if options.chooses(c)]


def run_check(
    lowered: Lowered, choice: Choice, options: Options, watch: Watcher
) -> tuple[CheckReport, Claim]:
    """One check, answered by the engine chosen, its counterexample replayed, and judged."""
    claim = choice.engine.solve(lowered.system, options.limits, watch)
    verdict = confirmed(lowered, claim)
    expect = lowered.check.expect
    expected = Expected(expect.violation, expect.of, expect.by)
    remarks = []
    if lowered.spec.model.progress and not options.progress:
        remarks.append("without progress")
    if choice.refusal is not None:
        remarks.append(choice.refusal)
    report = CheckReport(
        lowered.spec.path,
        lowered.check.name,
        claim.statistics.by or choice.engine.name,
        expected,
        verdict,
        surprise(expected, verdict),
        tuple(remarks),
        reproduce(lowered.spec.path, lowered.check.name, options),
        _cell(lowered.check),
    )
    return report, claim


def _cell(check: m.Check) -> Cell | None:
    cell = check.cell
    return Cell(cell.row, cell.config, cell.value) if cell is not None else None


def confirmed(lowered: Lowered, claim: Claim) -> Verdict:
    """What a claim is worth: every run in it is replayed first.

    Raises EngineDisagreement if one does not replay.
    """
    system, check = lowered.system, lowered.check
    match claim:
        case Found(statistics, fault, run):
            return Violated(statistics, replay(system, fault, run, lowered.origin))
        case Stopped(statistics, limit, note):
            return Inconclusive(statistics, limit, note)
        case Proven():
            return _proven(lowered, claim)
        case NoneFound(statistics, covers, antecedents, triggers, missed):
            with_antecedent = [n for n, p in enumerate(system.properties) if p.antecedent]
            vacuous = {system.properties[n].name for n in with_antecedent if n not in antecedents}
            with_trigger = [n for n, p in enumerate(system.progress) if p.trigger]
            vacuous |= {system.progress[n].name for n in with_trigger if n not in triggers}
            reached = {system.covers[n].name for n in covers}
            uncovered = {cover.name for cover in system.covers} - reached
            witnesses = [
                Witness(system.covers[n].name, replay(system, None, run, lowered.origin))
                for n, run in sorted(covers.items())
            ]
            return Holds(
                statistics,
                tuple(sorted(vacuous - check.allow_vacuous)),
                tuple(sorted(uncovered - check.allow_uncovered)),
                tuple(witnesses),
                (
                    len(antecedents) + len(triggers),
                    len(with_antecedent) + len(with_trigger),
                ),
                (sum(n > 0 for n in statistics.fired.values()), len(system.actions)),
                missed,
            )
        case _:
            assert_never(claim)


def _proven(lowered: Lowered, claim: Proven) -> Holds | Inconclusive:
    """What a proof is worth to a check: it knows nothing of progress, and not what can be reached."""
    system, check = lowered.system, lowered.check
    limit = claim.limit
    with_antecedent = [n for n, p in enumerate(system.properties) if p.antecedent]
    vacuous = {system.properties[n].name for n in with_antecedent if n not in claim.antecedents}
    covers = {system.covers[n].name for n in claim.covers}
    uncovered = {cover.name for cover in system.covers} - covers
    vacuous -= check.allow_vacuous
    uncovered -= check.allow_uncovered
    safe = f"nothing is wrong (proved for {COVERS})"
    if system.progress:
        names = ", ".join(f"`{progress.name}`" for progress in system.progress)
        return Inconclusive(claim.statistics, limit or "states", f"{safe}; not decided: {names}")
    if limit is not None and (vacuous or uncovered):
        names = ", ".join(f"`{name}`" for name in sorted(vacuous | uncovered))
        return Inconclusive(claim.statistics, limit, f"{safe}; not seen to be reached: {names}")
    return Holds(
        claim.statistics,
        tuple(sorted(vacuous)),
        tuple(sorted(uncovered)),
        (),
        (len(claim.antecedents), len(with_antecedent)),
        (sum(n > 0 for n in claim.statistics.fired.values()), len(system.actions)),
        proved=COVERS,
    )


def _is_partial(spec: Spec, reports: list[CheckReport], options: Options) -> bool:
    """Whether these reports cannot say that a statement never runs in any check."""
    return (
        options.changes_the_spec
        or len(reports) < len(spec.model.checks)
        or any(isinstance(report.verdict, Inconclusive) for report in reports)
        or options.engine not in ("auto", "all", *COMPLETE)
    )


def dead_statements(spec: Spec, coverage: Coverage, options: Options) -> tuple[Diagnostic, ...]:
    """A statement that no reachable state of any check executes usually means a wrong guard.

    `coverage` is that of all checks of the spec, each with its own answer.
    """

    def search(system: System) -> Claim:
        choice = complete(system, options.without, options.storage)
        return choice.engine.solve(system, options.limits, lambda progress: None)

    spans = coverage.dead(spec.path, search) or []
    return tuple(
        Diagnostic(
            "dead_statement",
            Severity.WARNING,
            "this statement never runs, in no check of this spec",
            Label(span, "never reached"),
            help="a guard before it may be wrong; if it is meant, write `unreachable;` there",
        )
        for span in _outermost(spans)
    )


def _outermost(spans: Iterable[Span]) -> Iterator[Span]:
    """Without those that lie inside another: one mistake, one message."""
    end = -1
    for span in sorted(spans, key=lambda s: (s.start, -s.end)):
        if span.start >= end:
            end = span.end
            yield span


# --- names given on the command line ----------------------------------------------------


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean …?` or a list of what there is."""
    names = sorted(known)
    if near := closest(name, names):
        return f"; did you mean `{near}`?"
    return f" (there is: {', '.join(names)})" if names else " (there are none)"


def _known_names(model: m.Model, options: Options) -> None:
    configs = [config.name for config in model.configs]
    for name in options.settings:
        if name not in configs:
            raise UsageError(f"--set {name}: no config `{name}`{did_you_mean(name, configs)}")
    scopable = [*model.kinds, *(t.name for t in model.threads if t.count == "*")]
    for name in options.scope:
        if name not in scopable:
            hint = did_you_mean(name, scopable)
            raise UsageError(f"--scope {name}: no kind or `[*]` thread `{name}`{hint}")


def reproduce(path: str, check: str, options: Options) -> str:
    """The command that gives this verdict again."""
    words = ["zdcheck", "check", path, "--check", check]
    for name, value in options.settings.items():
        words += ["--set", f"{name}={value}"]
    for name, size in options.scope.items():
        words += ["--scope", f"{name}={size}"]
    for name in sorted(options.without):
        words += ["--without", name]
    if options.engine != "auto":
        words += ["--engine", options.engine]
    if options.limits.max_depth is not None:
        words += ["--depth", str(options.limits.max_depth)]
    if options.storage.compact:
        words.append("--compact")
    if options.storage.spill is not None:
        words += ["--spill", options.storage.spill]
    if not options.progress:
        words.append("--no-progress")
    return shlex.join(words)
