"""Colours of drawn graphs. Nothing is said by colour alone: what is marked is thicker as well."""

from __future__ import annotations

INK = "#1b1b1b"
MARK = "#c62828"
"""The violating run."""

FAULT_FILL = "#fdecec"

FILLS = {"plain": "#f4f6fb", "start": "#e3f2e3", "end": "#eeeeee"}
"""Boxes by their kind."""

STROKES = ("#555555", "#0b5394", "#7a4a00", "#6a1b9a", "#00695c", "#ad1457", "#37474f")
"""Arrows: of nobody, then of each thread; all of them have a contrast of 4.5 on white."""
