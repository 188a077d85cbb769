"""The graph that goes on the page: all states where they are few, else the run and what was beside it."""

from __future__ import annotations

from zdcheck.graphs.path import path
from zdcheck.graphs.states import TooManyStates, all_states
from zdcheck.graphs.violating import Violating
from zdcheck.inspect.opened import Opened
from zdcheck.render.drawing import Drawing

MOST_STATES = 100
MOST_STEPS = 40
"""More boxes than this nobody follows on a page; `zdcheck graph` draws more."""


def graph_of(opened: Opened) -> Drawing | None:
    """The graph; None where neither the states nor the steps are few."""
    violating = None
    if opened.fault is not None:
        violating = Violating(opened.run, opened.fault, opened.trace)
    try:
        return all_states(opened.lowered, violating, MOST_STATES)
    except TooManyStates:
        if violating is not None and len(opened.trace.all_steps) <= MOST_STEPS:
            return path(opened.lowered, violating)
        return None
