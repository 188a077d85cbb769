"""From a checked model to its abstraction for any number of threads and objects."""

from __future__ import annotations

from dataclasses import replace

from zdcheck.ir.parametric import Program
from zdcheck.lower.crowd.abstraction import SIZE, Crowd
from zdcheck.lower.crowd.context import OBJECTS
from zdcheck.lower.crowd.counts import unbounded
from zdcheck.lower.crowd.refusals import (
    refuse_inexpressible,
    refuse_named_objects,
    refuse_unknown,
    sizes_that_differ,
)
from zdcheck.lower.crowd.start import beginnings
from zdcheck.lower.instance import Instance
from zdcheck.lower.program import program_of


def crowd_of(instance: Instance, open: tuple[str, ...]) -> Crowd:
    """The abstraction of a check for any number of the threads and objects that `open` names.

    Raises UsageError for what cannot be expressed, SpecError where the instance's numbers do not work out.
    """
    model = instance.model
    refuse_unknown(model, open)
    objects = frozenset(open) & model.kinds.keys()
    threads = tuple(name for name in open if name not in objects)
    sizes = {name: SIZE if name in threads else size for name, size in instance.sizes.items()}
    first: dict[str, int] = {}
    for thread in model.threads:
        first[thread.name] = sum(sizes[name] for name in first)
    sizes["thread"] = sum(sizes[name] for name in first)
    first["thread"] = 0
    small = replace(instance, sizes=sizes, first=first)
    refuse_named_objects(model, objects)

    def program_at(scope: dict[str, int]) -> Program:
        return program_of(replace(small, sizes={**sizes, **scope}))

    large = replace(small, sizes={**sizes, **dict.fromkeys(objects, OBJECTS)}, open=objects)
    program = program_of(large)
    refuse_inexpressible(model, program, threads, objects)
    span = instance.check.span
    most = sizes_that_differ(model, instance, objects)
    starts = beginnings(program_at, objects, frozenset(threads), most, span)
    program, counts = unbounded(program, frozenset(threads), objects)
    return Crowd(program, counts, span, threads, objects, starts)
