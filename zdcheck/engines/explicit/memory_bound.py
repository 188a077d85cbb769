"""How much memory a search may take when nobody says so: what is free now, less a reserve."""

from __future__ import annotations

from pathlib import Path

_RESERVE = 0.1
"""The share that is left to everyone else."""


def default_max_memory() -> int | None:
    """Bytes; None if the system does not say."""
    bounds = [b for b in (_available(), *_control_group()) if b is not None]
    return int(min(bounds) * (1 - _RESERVE)) if bounds else None


def _available() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return None


def _control_group() -> tuple[int | None, ...]:
    """What the limits of this process's control groups leave, both versions."""
    return (
        _left("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        _left(
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        ),
    )


def _left(limit: str, used: str) -> int | None:
    try:
        bound = Path(limit).read_text(encoding="ascii").strip()
        if bound == "max":
            return None
        return max(int(bound) - int(Path(used).read_text(encoding="ascii")), 0)
    except (OSError, ValueError):
        return None
