"""What a system does, as one word: equal for two systems only if they mean the same.

Texts, names of variables, places and statements do not count. Systems that mean the same may still
differ.
"""

from __future__ import annotations

import hashlib

from zdcheck.ir.system import Action, Check, Cover, System


def fingerprint(system: System) -> str:
    """A digest of everything that verdicts come from."""
    meaning = (
        [(v.type, v.role, v.thread) for v in system.variables],
        [(t.name, t.daemon, t.fairness, t.pc, t.end) for t in system.threads],
        system.initial_states,
        [_action(action) for action in system.actions],
        [
            (entry.count, entry.bias, [holder.count for holder in entry.holders], entry.alive)
            for entry in system.ledger
        ],
        [(p.kind, p.name, p.violation, p.condition, p.antecedent) for p in system.properties],
        [(p.form, p.name, p.trigger, p.goal) for p in system.progress],
        [_cover(system, cover) for cover in system.covers],
    )
    return hashlib.sha256(repr(meaning).encode()).hexdigest()


def _action(action: Action) -> object:
    tests = [
        (test.condition, test.violation.id if isinstance(test, Check) else None)
        for test in action.tests
    ]
    return (
        action.thread,
        action.location,
        tests,
        sorted(action.updates, key=lambda update: update[0]),
        action.lock_edges,
    )


def _cover(system: System, cover: Cover) -> object:
    ran = cover.statement is not None and (
        cover.statement in system.initial_statements,
        [action.id for action in system.actions if cover.statement in action.statements],
    )
    return cover.name, cover.condition, ran
