"""`zdcheck anchors`: are the kernel functions that specs model still what they were?"""

from __future__ import annotations

import os
from pathlib import Path

import click

from zdcheck.base.diagnostics import UsageError
from zdcheck.base.exit_codes import ExitCode
from zdcheck.base.files import real
from zdcheck.cli import options as opt
from zdcheck.cli.gate import ANCHORS, shown_files
from zdcheck.gate import affected, anchors
from zdcheck.gate.settings import find_settings
from zdcheck.render.escape import printable

kernel_option = click.option("--kernel", required=True, metavar="DIR", help="A kernel source tree.")


@click.group("anchors")
def command() -> None:
    """Compare the kernel functions that specs name in `models "FILE:FUNCTION"` with a kernel tree.

    Comments and white space in the kernel's code don't count.
    """


@command.command("record")
@click.argument("paths", nargs=-1, metavar="[PATH]…")
@kernel_option
def record(paths: tuple[str, ...], kernel: str) -> int:
    """Keep what each function is now, in zdcheck-anchors.jsonl, and which are not there."""
    tree = anchors.Kernel(real(Path(kernel)))
    uses = _uses(paths)
    recorded = anchors.record(tree, (use.anchor for use in uses))
    opt.stays_inside(ANCHORS)
    anchors.save(Path(ANCHORS), recorded)
    missing = {record.anchor for record in recorded if not record.was_there}
    for use in uses:
        if use.anchor in missing:
            name = f"{use.anchor.file}:{use.anchor.function}".rstrip(":")
            home = anchors.home_of(tree, use.anchor)
            where = "" if home is None else f"; {printable(home)} defines it here"
            text = f"{use.path}:{use.line}: {printable(name)} is not in this tree{where}"
            click.echo(text, err=True)
    click.echo(f"{len(recorded)} anchors in {ANCHORS}; {len(missing)} are not in this tree")
    return ExitCode.OK


@command.command("check")
@click.argument("paths", nargs=-1, metavar="[PATH]…")
@kernel_option
@click.option("--since", metavar="REV", help="Compare with the tree at REV, not with the record.")
def check(paths: tuple[str, ...], kernel: str, since: str | None) -> int:
    """Say which functions changed, were renamed or moved, or are gone; exit status 1 if any."""
    tree = anchors.Kernel(real(Path(kernel)))
    uses = _uses(paths)
    if since is None:
        recorded = anchors.load(Path(ANCHORS))
    else:
        recorded = anchors.record(tree, (use.anchor for use in uses), tree.resolve(since))
    found = list(anchors.compare(tree, uses, recorded))
    for finding in found:
        where = f"{finding.path}:{finding.line}"
        click.echo(f"{printable(where)}: warning: {_text(finding.message)} [{finding.id}]")
    count = len({use.anchor for use in uses})
    click.echo(f"{count} anchors, {len(found)} warnings")
    return ExitCode.UNEXPECTED if found else ExitCode.OK


def _text(message: str) -> str:
    return "\n".join(printable(line) for line in message.splitlines())


def _uses(paths: tuple[str, ...]) -> list[anchors.Use]:
    here = Path.cwd()
    settings = find_settings(here)
    chosen = tuple(str(real(here / path)) for path in paths) or tuple(
        str(settings.root / path) for path in settings.paths
    )
    if not chosen:
        raise UsageError(
            "there is nothing to look at: name paths, or write `paths` into zdcheck.toml"
        )
    os.chdir(settings.root)
    files = {f for path, _ in opt.spec_files(chosen) for f in affected.files_of(Path(path))}
    return anchors.anchors_in(*shown_files(files))
