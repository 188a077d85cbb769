"""What engines, reductions, outside checkers and a second meaning of the language say of one spec.

An opinion compares one of them with the reference interpreter and raises if they differ. The cheap ones are
asked about every spec, the dear ones about some.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from tests.agreement.compare import Explorers, agree_with, interpreted
from tests.agreement.test_bmc import bmc_agrees
from tests.agreement.test_judges import judged
from tests.agreement.test_proofs import proves_only_what_holds
from tests.agreement.test_spacer import spacer_agrees
from tests.support.compilers import compiling_quickly
from tests.support.levels import disagreement
from tests.support.surface import Wrong
from zdcheck.base.diagnostics import SpecError
from zdcheck.base.source import SourceFile
from zdcheck.engines.protocol import Claim, NoneFound
from zdcheck.export.compare import differences, ours
from zdcheck.export.outside import ask_about_progress, is_installed
from zdcheck.ir.fingerprint import fingerprint
from zdcheck.ir.system import System
from zdcheck.lang import model as m
from zdcheck.lang.check import check
from zdcheck.lang.format import format_source
from zdcheck.lang.modules import load_text
from zdcheck.lower import Instance, lower


class Disagreement(AssertionError):
    """Two that should say the same do not."""


@dataclass(frozen=True)
class Case:
    """One check of a spec, ready for every engine."""

    text: str
    instance: Instance
    system: System
    cache: Path

    @cached_property
    def wanted(self) -> Claim:
        """What the interpreter says."""
        return interpreted(self.system, 4000)


def cases(text: str, cache: Path) -> Iterator[Case]:
    """Every check of a spec. Raises SpecError where the language refuses it."""
    model = _model(text)
    for one in model.checks:
        instance = Instance.of(model, one)
        yield Case(text, instance, lower(instance), cache)


def _model(text: str) -> m.Model:
    return check(load_text(SourceFile("random.zd", text), Path()))


def _explorer(workers: int) -> Callable[[Case], bool]:
    def compare(case: Case) -> bool:
        explorers = Explorers(case.system, case.cache)
        if explorers.engines[True].refuses(case.system) is not None:
            return False
        return agree_with(case.wanted, explorers, (workers,)) is not None

    return compare


def _layout(case: Case) -> bool:
    """A spec in its canonical layout means the same."""
    laid_out = _model(format_source(SourceFile("random.zd", case.text)))
    for one in laid_out.checks:
        if one.name == case.instance.check.name:
            again = lower(Instance.of(laid_out, one))
            assert fingerprint(again) == fingerprint(case.system), (
                "laid out, it means something else"
            )
    return True


def _second_meaning(case: Case) -> bool:
    """The spec as it is written, run without lowering."""
    try:
        differ = disagreement(case.instance, 30)
    except (NotImplementedError, Wrong):
        return False  # it cannot say; or the spec is wrong before the first step, which it has no words for
    assert differ is None, differ
    return True


def _safety(case: Case) -> System:
    return replace(case.system, progress=())


def _bmc(case: Case) -> bool:
    return bmc_agrees(_safety(case))


def _proof(case: Case) -> bool:
    return proves_only_what_holds(_safety(case))


def _spacer(case: Case) -> bool:
    return spacer_agrees(_safety(case))


def _rumur(case: Case) -> bool:
    return is_installed("rumur") and judged("rumur", _safety(case))


def _spin(case: Case) -> bool:
    return is_installed("spin") and judged("spin", _safety(case))


def _spin_on_progress(case: Case) -> bool:
    system = replace(case.system, covers=())
    if not (is_installed("spin") and system.progress):
        return False
    if not isinstance(interpreted(_safety(case), 3000), NoneFound):
        return False  # progress is judged last
    for promise in system.progress:
        asked = replace(system, progress=(promise,))
        judgement = ask_about_progress(asked, 120, 4 << 30)
        assert judgement.verdict != "gave-up", judgement.note
        assert not differences(replace(ours(interpreted(asked)), states=None), [judgement])
    return True


@dataclass(frozen=True, slots=True)
class Opinion:
    """`ask` raises on a difference, and says whether it could compare. Asked in one turn of `every`.

    `quick`: what it compiles searches too few states for it to be worth optimising.
    """

    name: str
    every: int
    ask: Callable[[Case], bool]
    quick: bool = False


OPINIONS = (
    Opinion("layout", 50, _layout),
    Opinion("explorer, each reduction", 1, _explorer(1), quick=True),
    Opinion("two workers", 20, _explorer(2), quick=True),
    Opinion("two workers, -O2", 500, _explorer(2)),
    Opinion("as written", 50, _second_meaning),
    Opinion("bmc", 50, _bmc),
    Opinion("induction", 50, _proof),
    Opinion("Spacer", 100, _spacer),
    Opinion("rumur", 200, _rumur, quick=True),
    Opinion("SPIN", 100, _spin, quick=True),
    Opinion("SPIN on progress", 50, _spin_on_progress, quick=True),
)


def consult(
    turn: int, text: str, cache: Path, opinions: tuple[Opinion, ...] = OPINIONS
) -> Counter[str]:
    """Ask about a spec those whose turn it is; how many comparisons each opinion made.

    Raises Disagreement, or whatever an engine raised that it should not have.
    """
    asked = Counter[str]()
    try:
        every = list(cases(text, cache))
    except SpecError:
        return Counter({"refused by the language": 1})
    for opinion in opinions:
        if turn % opinion.every:
            continue
        for case in every:
            try:
                with compiling_quickly(cache / "compiler") if opinion.quick else nullcontext():
                    asked[opinion.name] += opinion.ask(case)
            except AssertionError as error:
                name = case.instance.check.name
                raise Disagreement(f"{opinion.name}, check {name!r}: {error}") from error
    return asked
