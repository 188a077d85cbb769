"""Probabilities in words."""

from __future__ import annotations

import math


def at_most(probability: float) -> str:
    """A bound with one digit, rounded up: `2e-07`."""
    if probability <= 0:
        return "0"
    digits, exponent = f"{probability:.6e}".split("e")
    up = math.ceil(float(digits))
    return f"{up}e{exponent}" if up < 10 else f"1e{int(exponent) + 1:+03d}"
