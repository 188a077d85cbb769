"""From a checked model to its abstraction for any number of threads."""

from __future__ import annotations

from dataclasses import replace

from zdcheck.lower.crowd.abstraction import SIZE, Crowd
from zdcheck.lower.crowd.counts import unbounded
from zdcheck.lower.crowd.refusals import refuse_inexpressible, refuse_unknown
from zdcheck.lower.instance import Instance
from zdcheck.lower.program import program_of


def crowd_of(instance: Instance, open: tuple[str, ...]) -> Crowd:
    """The abstraction of a check for any number of threads of the families `open`.

    Raises UsageError for what cannot be expressed, SpecError where the instance's numbers do not work out.
    """
    refuse_unknown(instance.model, open)
    sizes = {name: SIZE if name in open else size for name, size in instance.sizes.items()}
    first: dict[str, int] = {}
    for thread in instance.model.threads:
        first[thread.name] = sum(sizes[name] for name in first)
    sizes["thread"] = sum(sizes[name] for name in first)
    first["thread"] = 0
    program = program_of(replace(instance, sizes=sizes, first=first))
    refuse_inexpressible(instance.model, program, open)
    program, counts = unbounded(program, frozenset(open))
    return Crowd(program, counts, instance.check.span, open)
