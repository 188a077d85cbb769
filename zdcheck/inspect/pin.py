"""A trace as a regression: a check for the end of its spec that expects this violation again."""

from __future__ import annotations

from zdcheck.base.diagnostics import UsageError
from zdcheck.inspect.opened import Opened
from zdcheck.pipeline import Options, lower_check


def pinned(opened: Opened) -> str:
    """The block. Raises UsageError for a run in which nothing is wrong."""
    lowered, blame = opened.lowered, opened.trace.blame
    if blame is None:
        raise UsageError("nothing is wrong in this run: there is nothing to pin")
    base = lower_check(lowered.spec, lowered.check, Options()).origin
    settled = {named.name: named.value for named in base.config}
    chosen = {symbol.name for symbol, _ in lowered.check.settings}
    settings = [
        f"{named.name} = {named.value}"
        for named in lowered.origin.config
        if named.name in chosen or settled.get(named.name) != named.value
    ]
    own = {name for name, _ in lowered.check.scope}
    sizes = {size.name: size.size for size in base.scope}
    scope = [
        f"{size.name} = {size.size}"
        for size in lowered.origin.scope
        if size.name in own or sizes.get(size.name) != size.size
    ]
    name = _free_name(opened, f"pinned: {blame.violation}, {len(opened.trace.steps)} steps")
    head = f'check "{name}"'
    if settings:
        head += f" with {', '.join(settings)}"
    if scope:
        head += f" scope {', '.join(scope)}"
    expected = blame.violation
    if blame.property is not None and blame.property != blame.violation:
        expected += f" of {blame.property}"
    if opened.trace.culprit and blame.violation not in ("deadlock", "lock_order"):
        expected += f" by {opened.trace.culprit}"
    return f"\n{head} {{\n    expect violation {expected};\n}}\n"


def as_options(opened: Opened) -> Options:
    """What has to be set, and which scope chosen, to run the check as it was run."""
    lowered = opened.lowered
    base = lower_check(lowered.spec, lowered.check, Options()).origin
    settled = {named.name: named.value for named in base.config}
    sizes = {size.name: size.size for size in base.scope}
    origin = lowered.origin
    return Options(
        settings={n.name: n.value for n in origin.config if settled.get(n.name) != n.value},
        scope={s.name: s.size for s in origin.scope if sizes.get(s.name) != s.size},
    )


def _free_name(opened: Opened, wanted: str) -> str:
    taken = set(opened.lowered.spec.check_names)
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted} ({number})"
    return name
