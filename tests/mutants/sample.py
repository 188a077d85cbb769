"""Which mistakes are tried, and which tests judge those of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import chain, zip_longest
from pathlib import Path
from random import Random

from tests.mutants import c_faults, python_faults
from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]

EXPLICIT = "zdcheck/engines/explicit"
SYMBOLIC = "zdcheck/engines/symbolic"

SAMPLED = (
    f"{EXPLICIT}/*.py",
    f"{EXPLICIT}/runtime/*.[ch]",
    f"{SYMBOLIC}/*.py",
    "zdcheck/lower/*.py",
    "zdcheck/lower/crowd/*.py",
)
"""The files that make a verdict: lowering, code generation, the runtime, encodings, reductions."""

SPARED = (
    f"{EXPLICIT}/build.py",
    f"{EXPLICIT}/memory_bound.py",
    f"{EXPLICIT}/process.py",
    f"{EXPLICIT}/runtime/disk.c",
    f"{EXPLICIT}/runtime/memory.c",
    f"{EXPLICIT}/runtime/wire.c",
    f"{EXPLICIT}/runtime/wire.h",
)
"""What talks to the compiler, the system and the search's process: whether there is an answer, not which."""

ONE_IN = 55
"""Of so many possible mistakes one is tried."""
REDUCING = (
    f"{EXPLICIT}/independence.py",
    f"{EXPLICIT}/symmetry.py",
    f"{EXPLICIT}/canonical.py",
    f"{EXPLICIT}/runtime/partial_order.c",
    f"{SYMBOLIC}/encoding.py",
    f"{SYMBOLIC}/obligations.py",
    f"{SYMBOLIC}/formulas.py",
    "zdcheck/lower/symmetry.py",
    "zdcheck/lower/steps.py",
    "zdcheck/lower/ledger.py",
    "zdcheck/lower/crowd/counts.py",
)
"""Where a mistake most likely loses states or assumes what was not proved: three times as many are tried."""
FEWEST = 2
"""In a file with as many possible ones as that, or none at all."""
TOO_FEW = 12
"""What so few can be done to has no decisions in it."""


@dataclass(frozen=True, slots=True)
class Judges:
    """The tests that judge mistakes of some files: `near` ones first, then `wide` ones, each cheapest first."""

    files: tuple[str, ...]
    near: tuple[str, ...]
    wide: tuple[str, ...]


_EXPLICIT_TESTS = "tests/unit/engines/explicit"
_SYMBOLIC_TESTS = "tests/unit/engines/symbolic"
_AGREEMENT = "tests/agreement"

JUDGES = (
    Judges(
        (
            f"{EXPLICIT}/promises.py",
            *(
                f"{EXPLICIT}/runtime/{name}.[ch]"
                for name in ("promise", "graph", "loop", "components")
            ),
        ),
        (f"{_AGREEMENT}/test_progress.py",),
        (f"{_EXPLICIT_TESTS}/test_limits.py", f"{_AGREEMENT}/test_random_specs.py"),
    ),
    Judges(
        (f"{EXPLICIT}/*",),
        (
            f"{_AGREEMENT}/test_random_systems.py",
            *(
                f"{_EXPLICIT_TESTS}/test_{name}.py"
                for name in ("layout", "limits", "partial_order", "storage", "symmetry")
            ),
        ),
        (
            f"{_AGREEMENT}/test_progress.py",
            f"{_AGREEMENT}/test_random_specs.py",
            f"{_AGREEMENT}/test_specs.py",
        ),
    ),
    Judges(
        (f"{SYMBOLIC}/bmc.py",),
        (f"{_SYMBOLIC_TESTS}/test_encoding.py", f"{_AGREEMENT}/test_bmc.py"),
        ("tests/cli/test_bmc.py", "tests/cli/test_check.py"),
    ),
    Judges(
        (f"{SYMBOLIC}/crowd.py", "zdcheck/lower/crowd/*"),
        (f"{_AGREEMENT}/test_crowds.py",),
        ("tests/cli/test_prove.py",),
    ),
    Judges(
        (f"{SYMBOLIC}/*",),
        (_SYMBOLIC_TESTS, f"{_AGREEMENT}/test_proofs.py"),
        (f"{_AGREEMENT}/test_bmc.py", "tests/cli/test_prove.py", f"{_AGREEMENT}/test_crowds.py"),
    ),
    Judges(
        ("zdcheck/lower/*",),
        ("tests/spec/test_violations.py", "tests/unit/lower", f"{_AGREEMENT}/test_surface.py"),
        (
            "tests/unit/engines/test_agreement.py",
            "tests/unit/trace",
            "tests/unit/lang",
            _SYMBOLIC_TESTS,
            f"{_AGREEMENT}/test_random_specs.py",
            f"{_AGREEMENT}/test_specs.py",
            "tests/cli/test_check.py",
        ),
    ),
)


def judges_of(file: str) -> Judges:
    """The first that know the file."""
    return next(judges for judges in JUDGES if any(fnmatch(file, at) for at in judges.files))


def files() -> list[str]:
    """All files that are sampled, relative to the repository."""
    found = chain.from_iterable(ROOT.glob(pattern) for pattern in SAMPLED)
    return sorted({str(path.relative_to(ROOT)) for path in found} - {*SPARED})


def possible(file: str, text: str) -> list[Mutant]:
    """All mistakes that can be made in a file."""
    if file.endswith(".py"):
        return list(python_faults.faults(file, text, writes_c=file.startswith(EXPLICIT)))
    return list(c_faults.faults(file, text))


def picked(mutants: Sequence[Mutant]) -> list[Mutant]:
    """Some of a file's: all kinds alike, no line twice, the same ones as long as the file does not change."""
    if len(mutants) < TOO_FEW:
        return []
    share = 3 if mutants[0].file in REDUCING else 1
    wanted = max(FEWEST, round(share * len(mutants) / ONE_IN))
    kinds: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        kinds.setdefault(mutant.kind, []).append(mutant)
    random = Random(mutants[0].file)
    order = random.sample(sorted(kinds), len(kinds))
    shuffled = [random.sample(kinds[kind], len(kinds[kind])) for kind in order]
    chosen: dict[int, Mutant] = {}
    for mutant in chain.from_iterable(zip_longest(*shuffled)):
        if mutant is not None and len(chosen) < wanted:
            chosen.setdefault(mutant.line, mutant)
    return sorted(chosen.values(), key=lambda mutant: mutant.line)


def sample() -> Iterator[Mutant]:
    """What `make mutants` tries."""
    for file in files():
        yield from picked(possible(file, (ROOT / file).read_text("utf-8")))
