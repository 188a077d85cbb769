"""`zdcheck gate`: every check of a repository against its expected verdict and the baseline."""

from __future__ import annotations

import importlib
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

import click

from zdcheck.base.diagnostics import ToolError, UsageError, ZdcheckError
from zdcheck.base.exit_codes import ExitCode
from zdcheck.base.files import leads_out, real, slug, write_whole
from zdcheck.cli import options as opt
from zdcheck.cli import report as pages
from zdcheck.cli.violated import Shown
from zdcheck.engines.choose import EngineName
from zdcheck.engines.explicit.build import cache_directory
from zdcheck.engines.explicit.memory_bound import default_max_memory
from zdcheck.engines.protocol import Limits
from zdcheck.gate import affected, anchors, baseline, git
from zdcheck.gate.cache import Cache, Stamps
from zdcheck.gate.formats import text
from zdcheck.gate.outcome import Change, Finding, GateOutcome, SpecOutcome
from zdcheck.gate.run import Job, run_jobs, unchanged
from zdcheck.gate.settings import ENGINES, Settings, Tier, find_settings
from zdcheck.inspect.opened import open_trace
from zdcheck.pipeline import Options
from zdcheck.render.terminal import ColorOption

FORMATS = ("text", "json", "junit", "sarif", "ktap", "github")
PAGES = "report"
"""Not one file but a page for each counterexample."""
ANCHORS = "zdcheck-anchors.jsonl"


@click.command("gate")
@click.argument("paths", nargs=-1, metavar="[PATH]…")
@click.option("--tier", metavar="NAME", help="Budgets and exclusions from the settings, by name.")
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    help="What answers, whatever the tier says; proof only where a check expects `holds`.",
)
@opt.jobs_option
@click.option("--update-baseline", is_flag=True, help="Accept what is found now as the baseline.")
@click.option("--no-cache", is_flag=True, help="Run everything, and keep nothing.")
@click.option(
    "--changed-since", metavar="REV", help="Only what a change since REV (git) can affect."
)
@click.option("--kernel", metavar="DIR", help="A kernel tree to compare source anchors with.")
@click.option(
    "--output",
    "outputs",
    multiple=True,
    metavar="FORMAT=FILE",
    help=f"Write a report too: {', '.join(FORMATS)}; - is stdout. {PAGES}=DIR: a page for each"
    " unexpected violation. May be repeated.",
)
@opt.color_option
def command(
    paths: tuple[str, ...],
    tier: str | None,
    engine: EngineName | None,
    jobs: int | None,
    update_baseline: bool,
    no_cache: bool,
    changed_since: str | None,
    kernel: str | None,
    outputs: tuple[str, ...],
    color: ColorOption,
) -> int:
    """Run every check of the specs at PATHs (or in the settings) and say what changed.

    Settings are read from zdcheck.toml or [tool.zdcheck] in pyproject.toml.
    """
    here = Path.cwd()
    settings = find_settings(here)
    reports = _outputs(outputs, here)
    chosen = tuple(_relative(here / path, settings.root) for path in paths) or settings.paths
    if not chosen:
        raise UsageError("there is nothing to run: name paths, or write `paths` into zdcheck.toml")
    if kernel is not None:
        settings = replace(settings, kernel=str(real(here / kernel)))
    if leads_out(Path(settings.baseline), settings.root):
        raise UsageError(
            f"{settings.source}: baseline: {settings.baseline} is not below this folder"
        )
    # Reports name files relative to the settings, wherever the command is run.
    os.chdir(settings.root)
    paint, _ = opt.colored(color)
    to_stdout = any(file == "-" for _, file in reports)
    budget = settings.tier(tier)
    if engine is not None:
        budget = replace(budget, engine=engine, prove=())
    gate = Gate(settings, budget, jobs or len(os.sched_getaffinity(0)), no_cache, paint, to_stdout)
    outcome = gate.run(chosen, changed_since, accept=update_baseline)
    _write(reports, outcome)
    return outcome.exit_code


def _outputs(outputs: tuple[str, ...], here: Path) -> list[tuple[str, str]]:
    """The reports asked for; UsageError for one that could not be written after all the work."""
    found = []
    for output in outputs:
        format, equals, file = output.partition("=")
        if not equals or not file or format not in (*FORMATS, PAGES):
            raise UsageError(
                f"--output {output}: write FORMAT=FILE with one of {', '.join(FORMATS)},"
                f" or {PAGES}=DIR"
            )
        if file != "-":
            opt.stays_inside(file)
        path = here / file
        if format == PAGES:
            pages.need_jinja()
            pages.refuse_unwritable(str(path), is_folder=True)
            found.append((format, str(path)))
            continue
        if file != "-" and (path.is_dir() or not os.access(path.parent, os.W_OK)):
            raise UsageError(f"--output {output}: this file cannot be written")
        found.append((format, file if file == "-" else str(path)))
    return found


def _relative(path: Path, root: Path) -> str:
    """As it is called in reports."""
    try:
        return str(real(path).relative_to(root))
    except ValueError:
        return str(path)


def _is_below(spec: str, path: str) -> bool:
    return path == "." or spec == path or spec.startswith(f"{path.rstrip('/')}/")


def _write(reports: list[tuple[str, str]], outcome: GateOutcome) -> None:
    for format, file in reports:
        if format == PAGES:
            _write_pages(outcome, Path(file))
            continue
        content = importlib.import_module(f"zdcheck.gate.formats.{format}").dumps(outcome)
        if file == "-":
            click.echo(content, nl=False)
            continue
        try:
            write_whole(Path(file), content)
        except OSError as error:
            raise ToolError(f"{file} cannot be written: {error.strerror}") from None


def _write_pages(outcome: GateOutcome, folder: Path) -> None:
    """A page for each violation that its spec does not expect."""
    names: set[str] = set()
    for spec in outcome.specs:
        for check in spec.checks:
            if check.trace is not None:
                stem = f"{slug(spec.path.removesuffix('.zd'))}--{slug(check.name)}"
                path = folder / f"{pages.free(names, stem)}.html"
                pages.write(Shown(open_trace(check.trace), check.reproduce), path)


@dataclass
class Gate:
    """One run."""

    settings: Settings
    tier: Tier
    jobs: int
    no_cache: bool
    paint: bool
    quiet: bool

    def run(
        self, paths: tuple[str, ...], changed_since: str | None, *, accept: bool
    ) -> GateOutcome:
        """Run, compare, and print the log."""
        started = time.monotonic()
        notes: list[str] = []
        named = dict(opt.spec_files(paths))
        specs = list(named)
        if changed_since is not None:
            changed = git.changed_since(Path(), changed_since)
            every = len(specs)
            specs = [p for p in specs if affected.files_of(Path(p)) & changed]
            notes.append(
                f"{len(specs)} of {every} files can be affected by changes since {changed_since}"
            )
        old = self._baseline(notes, accept)
        outcomes, interrupted = self._specs({spec: named[spec] for spec in specs}, notes)
        is_narrowed = interrupted or changed_since is not None

        def looked(spec: str) -> bool:
            return not is_narrowed and any(_is_below(spec, path) for path in paths)

        changes: tuple[Change, ...] = ()
        if old is not None:
            fail_on = frozenset() if accept else self.settings.fail_on
            changes = tuple(baseline.changes(old, outcomes, fail_on, looked))
        outcome = GateOutcome(
            tuple(outcomes),
            changes,
            tuple(notes),
            self._anchors(specs, notes),
            interrupted,
            time.monotonic() - started,
            is_narrowed=changed_since is not None,
        )
        outcome = replace(outcome, notes=tuple(notes))
        if not self.quiet:
            click.echo(text.end_text(outcome, self.paint), nl=False, color=True)
            if not outcomes and changed_since is None:
                click.echo("zdcheck: error: there is nothing to check: no spec was found", err=True)
        if accept and not interrupted:
            self._accept(baseline.updated(old, outcomes, looked))
        return outcome

    # --- specs --------------------------------------------------------------------------

    def _specs(self, named: dict[str, bool], notes: list[str]) -> tuple[list[SpecOutcome], bool]:
        """The specs' outcomes in order, modules left out; and whether it was interrupted."""
        paths = list(named)
        tier = self.tier
        folder = None if self.no_cache else cache_directory() / "gate"
        memory = tier.max_memory
        if memory is None and (most := default_max_memory()) is not None:
            memory = most // self.jobs
        cores = len(os.sched_getaffinity(0))
        limits = Limits(tier.max_states, memory, tier.timeout_s, max(1, cores // self.jobs))
        options = Options(limits=limits)
        jobs = [Job(path, not is_named, tier, options, folder) for path, is_named in named.items()]
        cache, stamps = Cache(folder), Stamps()
        done: dict[str, SpecOutcome] = {}
        said = 0
        interrupted = False
        try:
            for job in jobs:
                if (known := unchanged(job, cache, stamps)) is not None:
                    done[job.path] = known
            left = [job for job in jobs if job.path not in done]
            said = self._say(paths, done, said)
            for outcome in run_jobs(left, self.jobs):
                done[outcome.path] = outcome
                interrupted |= outcome.exit_code is ExitCode.INTERRUPTED
                said = self._say(paths, done, said)
        except KeyboardInterrupt:
            interrupted = True
        for path in paths:
            if path not in done:
                done[path] = SpecOutcome(path, (), (), "", False, ("",), 0)
        self._say(paths, done, said)
        if damaged := len(cache.damaged) + sum(outcome.damaged for outcome in done.values()):
            notes.append(f"{damaged} damaged cache entries were thrown away and made anew")
        cache.prune()
        return [done[path] for path in paths if not done[path].is_empty], interrupted

    def _say(self, paths: list[str], done: dict[str, SpecOutcome], said: int) -> int:
        """Print what is ready, in the order of the paths; how many specs are printed now."""
        while said < len(paths) and paths[said] in done:
            outcome = done[paths[said]]
            if not (self.quiet or outcome.is_empty):
                click.echo(text.spec_text(outcome, self.paint), nl=False, color=True)
            said += 1
        return said

    # --- baseline -----------------------------------------------------------------------

    def _baseline(
        self, notes: list[str], accept: bool
    ) -> dict[baseline.Key, baseline.Entry] | None:
        path = Path(self.settings.baseline)
        try:
            old = baseline.load(path)
        except ToolError as error:
            if not accept:
                raise
            notes.append(str(error))
            return None
        if old is None and not accept:
            notes.append(f"there is no baseline yet: --update-baseline writes {path}")
        return old

    def _accept(self, entries: list[baseline.Entry]) -> None:
        path = Path(self.settings.baseline)
        try:
            baseline.save(path, entries)
        except OSError as error:
            raise ToolError(f"the baseline {path} cannot be written: {error.strerror}") from None

    # --- anchors ------------------------------------------------------------------------

    def _anchors(self, specs: list[str], notes: list[str]) -> tuple[Finding, ...]:
        if self.settings.kernel is None or not Path(ANCHORS).is_file():
            return ()
        try:
            files = {file for spec in specs for file in affected.files_of(Path(spec))}
            uses = anchors.anchors_in(*shown_files(files))
            kernel = anchors.Kernel(Path(self.settings.kernel))
            return tuple(anchors.compare(kernel, uses, anchors.load(Path(ANCHORS))))
        except ZdcheckError as error:
            notes.append(f"source anchors were not compared: {error}")
            return ()


def shown_files(files: set[Path]) -> tuple[list[Path], dict[Path, str]]:
    """Those of the files that exist, in order, and how each is called in reports."""
    there = sorted(file for file in files if file.is_file())
    return there, {file: _relative(file, Path.cwd()) for file in there}
