"""The names of the language's own operations: not keywords, but no function may take them."""

from __future__ import annotations

STATEMENT_OPERATIONS = frozenset(
    {
        "lock",
        "unlock",
        "lock_shared",
        "unlock_shared",
        "enter",
        "leave",
        "quiesce",
        "quiesce_others",
        "might_sleep",
        "destroy",
        "create",
        "touch",
        "drop",
        "WRITE_ONCE",
        "smp_store_release",
        "smp_mb",
        "smp_rmb",
        "smp_wmb",
    }
)
"""Called as statements only."""

VALUE_OPERATIONS = frozenset(
    {
        "READ_ONCE",
        "smp_load_acquire",
        "count",
        "index",
        "trylock",
        "trylock_shared",
        "alive",
        "ended",
        "inside",
        "owner",
    }
)
"""Called for their value."""

OPERATIONS = STATEMENT_OPERATIONS | VALUE_OPERATIONS

LOCK_TYPES = ("spinlock", "mutex", "rwsem", "bitlock")

TYPE_NAMES = frozenset({"bool", "thread", "set", *LOCK_TYPES})
"""Types that no item may be named like."""
