"""The rules that need whole bodies: each in its own module, all called from here."""

from __future__ import annotations

from zdcheck.lang.calls import check_calls, check_recursion
from zdcheck.lang.effects import effects
from zdcheck.lang.ghosts import check_ghosts
from zdcheck.lang.model import Model
from zdcheck.lang.problems import Problems
from zdcheck.lang.purity import check_purity
from zdcheck.lang.returns import check_returns


def check_rules(checked: Model, problems: Problems) -> None:
    """Complain about whatever breaks a rule."""
    found = effects(checked)
    check_recursion(checked, problems)
    check_calls(checked, found, problems)
    check_ghosts(checked, found, problems)
    check_purity(checked, problems)
    check_returns(checked, problems)
