"""Certificates of proofs for any number of threads: what is saved, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import z3

from tests.cli.conftest import Result, Zdcheck, runner
from zdcheck.cli import prove as prove_command
from zdcheck.cli.app import run
from zdcheck.engines.protocol import Limits
from zdcheck.engines.symbolic.solving import Clock
from zdcheck.export.solvers import is_installed
from zdcheck.pipeline import Spec
from zdcheck.proving import Attempt

ROOT = Path(__file__).parent.parent.parent
SCHEMA = ROOT / "docs" / "reference" / "schemas" / "zdcheck-proof-1.json"
TEARDOWN = (ROOT / "specs" / "unplug" / "teardown.zd").read_text("utf-8")
CHECK = "today's order"

Document = dict[str, Any]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Document, str]:
    """A certificate and its script."""
    folder = tmp_path_factory.mktemp("any")
    (folder / "teardown.zd").write_text(TEARDOWN, "utf-8")
    arguments = ["--any", "walker", "--check", CHECK, "--save", "proofs"]
    result = runner(folder)("prove", "teardown.zd", *arguments)
    assert result.code == 0, result.err
    (document,) = (folder / "proofs").glob("*.zdproof.json")
    (script,) = (folder / "proofs").glob("*.smt2")
    return json.loads(document.read_text("utf-8")), script.read_text("utf-8")


def verified(
    zdcheck: Zdcheck, folder: Path, document: Document, spec: str = TEARDOWN, solver: str = "z3"
) -> Result:
    (folder / "teardown.zd").write_text(spec, "utf-8")
    (folder / "proof.json").write_text(json.dumps(document), "utf-8")
    result = zdcheck("verify-proof", "proof.json", "teardown.zd", "--solver", solver)
    assert "Traceback" not in result.err
    return result


@pytest.mark.parametrize("solver", ["z3", "cvc5"])
def test_a_saved_proof_is_verified(
    zdcheck: Zdcheck, folder: Path, files: tuple[Document, str], solver: str
) -> None:
    if not is_installed("z3" if solver == "z3" else "cvc5"):
        pytest.skip(f"{solver} is not installed")
    jsonschema.validate(files[0], json.loads(SCHEMA.read_text("utf-8")))
    result = verified(zdcheck, folder, files[0], solver=solver)
    assert result.code == 0, result.out + result.err
    said = f"{solver}: proved for any number of walker threads, any depth, without deadlock"
    assert said in result.out
    assert not result.err


def test_it_is_in_the_terms_of_the_language(files: tuple[Document, str]) -> None:
    document, script = files
    (walkers,) = document["seen"]
    assert walkers["family"] == "walker"
    texts = [thread["text"] for thread in walkers["threads"]]
    assert any("walker[0].map is pgmap[0]" in text for text in texts)
    assert any(", while unplug is " in text for text in texts)
    assert any(fact["text"].startswith("never: ") for fact in document["facts"])
    assert "proved for any number of walker threads, any depth, without deadlock" in script


def test_the_smtlib_file_stands_alone(files: tuple[Document, str]) -> None:
    context = z3.Context()
    said = z3.Z3_eval_smtlib2_string(context.ref(), files[1])
    lines = [line for line in said.splitlines() if not line.startswith("WARNING")]
    assert len(lines) > 10
    assert set(lines) == {"unsat"}


# --- a file that was changed ------------------------------------------------------------


def without_learned_facts(document: Document) -> None:
    document["facts"] = [fact for fact in document["facts"] if "of" in fact]


def without_a_local_state(document: Document) -> None:
    threads = document["seen"][0]["threads"]
    threads.remove(next(thread for thread in threads if "map is pgmap[0]" in thread["text"]))


def without_a_value_in_company(document: Document) -> None:
    values = document["seen"][0]["threads"][0]["company"]["unplug.pc"]
    assert len(values) > 1
    values.remove(values[-1])


def with_anything_seen(document: Document) -> None:
    """A walker may be as it is inside RCU whatever unplug does: true of no protocol that is proved."""
    for thread in document["seen"][0]["threads"]:
        company = thread["company"]
        company["unplug.pc"] = list(range(11))
        company["percpu_ref[0].alive"] = [0, 1, 2]
        company["memmap[0].alive"] = [0, 1, 2]


def with_nothing_seen(document: Document) -> None:
    document["seen"][0]["threads"] = []


def without_what_was_seen(document: Document) -> None:
    """Then it claims to be a proof for the scope."""
    del document["seen"]


@pytest.mark.parametrize(
    "change",
    [
        without_what_was_seen,
        without_learned_facts,
        without_a_local_state,
        without_a_value_in_company,
        with_anything_seen,
        with_nothing_seen,
    ],
)
def test_a_weaker_proof_is_refused(
    zdcheck: Zdcheck,
    folder: Path,
    files: tuple[Document, str],
    change: Callable[[Document], None],
) -> None:
    """It is about the same check, and does not prove it."""
    document = deepcopy(files[0])
    change(document)
    assert document != files[0]
    result = verified(zdcheck, folder, document)
    assert result.code == 1, result.out + result.err
    assert "z3: wrong: " in result.out
    assert "proved" not in result.out


def test_each_learned_fact_is_needed_or_the_proof_stands_without_it(
    zdcheck: Zdcheck, folder: Path, files: tuple[Document, str]
) -> None:
    """Whatever single one is left out, the answer is one of the two, and at least one is missed."""
    codes = set()
    learned = [n for n, fact in enumerate(files[0]["facts"]) if "never" in fact]
    for number in learned[:: max(1, len(learned) // 4)]:
        document = deepcopy(files[0])
        del document["facts"][number]
        codes.add(verified(zdcheck, folder, document).code)
    assert 1 in codes
    assert codes <= {0, 1}


def of_another_family(document: Document) -> None:
    document["seen"][0]["family"] = "unplug"


def of_an_unknown_family(document: Document) -> None:
    document["seen"][0]["family"] = "wlaker"


def of_two_families(document: Document) -> None:
    document["seen"].append({**document["seen"][0], "family": "unplug"})


def of_one_family_twice(document: Document) -> None:
    document["seen"].append(document["seen"][0])


def of_no_family(document: Document) -> None:
    document["seen"] = []


def of_another_scope(document: Document) -> None:
    document["scope"] = {"page": 1}


def of_a_larger_scope(document: Document) -> None:
    document["scope"] = {"page": 3}


def of_another_check(document: Document) -> None:
    document["check"] = "no such check"


def about_another_variable(document: Document) -> None:
    company = document["seen"][0]["threads"][0]["company"]
    company["unplugged.pc"] = company.pop("unplug.pc")


def with_a_value_outside(document: Document) -> None:
    document["seen"][0]["threads"][0]["own"]["walker[0].pc"] = 1000


def with_a_value_that_is_none(document: Document) -> None:
    document["seen"][0]["threads"][0]["company"]["unplug.pc"] = ["first"]


def with_a_lock_that_is_none(document: Document) -> None:
    document["seen"][0]["threads"][0]["owns"] = ["unplug.pc"]


def with_a_thread_that_is_none(document: Document) -> None:
    document["seen"][0]["threads"][0] = 7


def with_a_local_state_twice(document: Document) -> None:
    document["seen"][0]["threads"] *= 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (of_another_family, "there is one number of `unplug` threads"),
        (of_an_unknown_family, "did you mean `walker`?"),
        (of_two_families, "there is one number of `unplug` threads"),
        (of_one_family_twice, "has not one name for each family"),
        (of_no_family, "has no family"),
        (of_another_scope, "`page[1].alive` with a `walker` thread, which this check does not"),
        (of_a_larger_scope, "does not say what was seen of `page[2].alive`"),
        (of_another_check, "no check `no such check`"),
        (about_another_variable, "`unplugged.pc` with a `walker` thread, which this check"),
        (with_a_value_outside, "damaged: a value of `walker[0].pc`"),
        (with_a_value_that_is_none, "damaged: a value of `unplug.pc`"),
        (with_a_lock_that_is_none, "damaged: what a `walker` thread owns"),
        (with_a_thread_that_is_none, "damaged: `seen` of `walker`"),
        (with_a_local_state_twice, "stands there twice"),
    ],
)
def test_a_proof_of_something_else_is_refused(
    zdcheck: Zdcheck,
    folder: Path,
    files: tuple[Document, str],
    change: Callable[[Document], None],
    says: str,
) -> None:
    document = deepcopy(files[0])
    change(document)
    result = verified(zdcheck, folder, document)
    assert result.code == 2, result.out + result.err
    assert says in result.err
    assert "proved" not in result.out


@pytest.mark.parametrize("config", ["wait_for_users", "slot_grace", "lookup_in_rcu", "exit_last"])
def test_a_proof_of_another_protocol_is_refused(
    zdcheck: Zdcheck, folder: Path, files: tuple[Document, str], config: str
) -> None:
    """The spec has changed since, and what was proved is not true any more."""
    changed = TEARDOWN.replace(f"config {config} : bool = true", f"config {config} : bool = false")
    assert changed != TEARDOWN
    result = verified(zdcheck, folder, files[0], changed)
    assert result.code in (1, 2), result.out
    assert "proved" not in result.out
    document = {**files[0], "settings": {config: "false"}}
    result = verified(zdcheck, folder, document)
    assert result.code in (1, 2), result.out
    assert "proved" not in result.out


def test_a_smaller_one_is_saved_too(zdcheck: Zdcheck, folder: Path) -> None:
    """It has no more facts, and proves as much."""
    (folder / "teardown.zd").write_text(TEARDOWN, "utf-8")
    arguments = ["--any", "walker", "--check", CHECK, "--save", "proofs", "--minimal"]
    assert zdcheck("prove", "teardown.zd", *arguments).code == 0
    (proof,) = (folder / "proofs").glob("*.zdproof.json")
    result = zdcheck("verify-proof", str(proof), "teardown.zd", "--solver", "z3")
    assert result.code == 0, result.out + result.err


def test_what_cannot_be_saved_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The proof stands, but there was no time to look for its invariant."""
    certify = prove_command.certify

    def too_late(spec: Spec, attempt: Attempt, *arguments: Any, **more: Any) -> Any:
        ended = Clock(Limits(timeout_s=0.0))
        return certify(spec, replace(attempt, clock=ended), *arguments, **more)

    monkeypatch.setattr(prove_command, "certify", too_late)
    (tmp_path / "teardown.zd").write_text(TEARDOWN, "utf-8")
    monkeypatch.chdir(tmp_path)
    code = run(["prove", "teardown.zd", "--any", "walker", "--check", CHECK, "--save", "proofs"])
    said = capsys.readouterr()
    assert code == 3
    assert "proved for any number of walker threads" in said.out
    assert f"{CHECK}: proved, but not saved: time limit reached" in said.err
    assert not list((tmp_path / "proofs").iterdir())


TWO = """
object thing { counted refs : 0..7 = 0; }
var opened : bool = false;
var base : thing? holds refs = null;
init { base = thing[0]; thing[0].refs += 1; }
scope { thing: 1, worker: 2, helper: 2 }
thread worker[*] {
    var mine : thing? holds refs;
    atomic { if (base != null) { mine = base; thing[0].refs += 1; } }
    if (mine != null) { atomic { drop(mine); thing[0].refs -= 1; } }
}
thread helper[*] {
    var mine : thing? holds refs;
    wait until opened;
    atomic { if (base != null) { mine = base; thing[0].refs += 1; } }
    if (mine != null) { atomic { drop(mine); thing[0].refs -= 1; } }
}
thread others {
    opened = true;
    atomic { if (base != null) { base = null; thing[0].refs -= 1; } }
}
invariant referenced: base != null implies thing[0].refs > 0;
finally unused: thing[0].refs == 0;
check "it" { expect holds; }
"""
"""Two families, beside a thread that is called as those are that nobody follows."""


def test_a_proof_for_two_families(zdcheck: Zdcheck, folder: Path) -> None:
    (folder / "two.zd").write_text(TWO, "utf-8")
    arguments = ["--any", "worker,helper", "--save", "proofs"]
    assert zdcheck("prove", "two.zd", *arguments).code == 0
    (proof,) = (folder / "proofs").glob("*.zdproof.json")
    result = zdcheck("verify-proof", str(proof), "two.zd")
    assert result.code == 0, result.out + result.err
    assert "proved for any number of worker and helper threads" in result.out
    document = json.loads(proof.read_text("utf-8"))
    assert [part["family"] for part in document["seen"]] == ["worker", "helper"]
    document["seen"].pop()
    proof.write_text(json.dumps(document), "utf-8")
    result = zdcheck("verify-proof", str(proof), "two.zd")
    assert result.code == 2
    assert "does not say what was seen of `helper" in result.err
