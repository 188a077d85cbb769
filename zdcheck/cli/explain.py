"""`zdcheck explain`: what an error, warning or violation id means."""

from __future__ import annotations

import click

from zdcheck.base.catalogue import ERRORS, FINDINGS, VIOLATIONS, WARNINGS, Entry, find
from zdcheck.base.diagnostics import UsageError
from zdcheck.base.resources import documentation_root
from zdcheck.base.suggest import closest
from zdcheck.render.escape import printable


@click.command("explain")
@click.argument("id_", metavar="ID", required=False)
def command(id_: str | None) -> None:
    """Explain ID: what it means, an example that has it and one that does not.

    Without ID, lists all of them.
    """
    if id_ is None:
        for known in _all():
            click.echo(f"{known.id:<24} {known.sort}: {known.meaning}")
        return
    entry = find(id_)
    if entry is None:
        near = closest(id_, [known.id for known in _all()])
        hint = f"; did you mean `{near}`?" if near else "; `zdcheck explain` lists all ids"
        raise UsageError(f"there is no id `{printable(id_)}`{hint}")
    click.echo(_page(entry), nl=False)


def _all() -> list[Entry]:
    return [entry for table in (VIOLATIONS, ERRORS, WARNINGS, FINDINGS) for entry in table.values()]


def _page(entry: Entry) -> str:
    """The reference page, or at least the one-line meaning."""
    path = documentation_root() / entry.page
    if path.is_file():
        return path.read_text(encoding="utf-8")
    return f"{entry.id} ({entry.sort}): {entry.meaning}\n"
