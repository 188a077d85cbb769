"""Expressions over the states of a run: a name's value, or whether a condition is true.

A condition is compiled as if it were a `cover` of the spec, so it means what it means there and
mistakes in it get the spec's own messages.
"""

from __future__ import annotations

from dataclasses import replace

from zdcheck.base.diagnostics import SpecError, UsageError
from zdcheck.base.source import SourceFile
from zdcheck.ir.evaluate import evaluate
from zdcheck.ir.expr import Expr
from zdcheck.ir.run import Run
from zdcheck.ir.step import states_along
from zdcheck.ir.system import State, System
from zdcheck.lang.modules import load_saved
from zdcheck.pipeline import Lowered, Options, lower_check, spec_of
from zdcheck.trace.values import Values

_NAME = "watched_expression"


def values_along(lowered: Lowered, run: Run, text: str) -> list[str]:
    """The expression's value in the initial state and after each step, printed.

    A last step that fails its own check changes nothing. Raises UsageError if the text is neither
    the name of a variable nor a condition.
    """
    values = Values(lowered.system)
    named = {item.name: item for item in values.items}
    wanted = "".join(text.split())
    if wanted in named:
        return [named[wanted].show(state) for state in _after_each(lowered.system, run)]
    system, condition = condition_of(lowered, text)
    states = _after_each(system, run)
    return ["true" if evaluate(condition, state) else "false" for state in states]


def _after_each(system: System, run: Run) -> tuple[State, ...]:
    states = states_along(system, run)
    return states if len(states) > len(run.actions) else (*states, states[-1])


def condition_of(lowered: Lowered, text: str) -> tuple[System, Expr]:
    """The system with what the condition reads kept alive, and the condition in it.

    The actions have the same numbers. Raises UsageError if the text is no condition.
    """
    if not text.strip() or any(char in text for char in ";\n\r"):
        raise UsageError(f"{text!r} is no expression")
    spec = lowered.spec
    main = next(file for file in spec.files if file.path == spec.path)
    head = f"{main.text}\ncover {_NAME}: "
    source = SourceFile(main.path, f"{head}{text};\n")
    others = [file for file in spec.files if file is not main]
    try:
        watched = spec_of(spec.path, load_saved(source, others))
        origin = lowered.origin
        scopable = {
            *watched.model.kinds,
            *(t.name for t in watched.model.threads if t.count == "*"),
        }
        options = Options(
            settings={config.name: config.value for config in origin.config},
            scope={size.name: size.size for size in origin.scope if size.name in scopable},
        )
        system = lower_check(watched, watched.check(lowered.check.name), options).system
    except SpecError as error:
        first = next((d for d in error.diagnostics if d.at.span.start >= len(head)), None)
        message = first.message if first else error.diagnostics[0].message
        raise UsageError(f"`{text}` is neither a variable nor a condition: {message}") from None
    (cover,) = (c for c in system.covers if c.name == _NAME)
    assert cover.condition is not None
    if [a.text for a in system.actions] != [a.text for a in lowered.system.actions]:
        raise UsageError(f"`{text}` cannot be evaluated along this run")
    covers = tuple(c for c in system.covers if c.name != _NAME)
    return replace(system, covers=covers), cover.condition
