"""`zdcheck prove` and `zdcheck verify-proof`: exit statuses, reports, certificates."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from tests.cli.conftest import Zdcheck
from zdcheck.export.solvers import is_installed

SCHEMAS = Path(__file__).parent.parent.parent / "docs" / "reference" / "schemas"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["specs/unplug.zd"], 0),
        (["specs/unplug.zd", "--check", "no reference"], 0),
        (["specs/unplug.zd", "--set", "pte_holds=false", "--check", "mapping holds"], 1),
        (["specs/unplug.zd", "--timeout", "0.0001"], 3),
        (["specs/vacuous.zd", "--check", "empty"], 1),
        (["specs/vacuous.zd", "--check", "allowed"], 0),
        (["specs/progress.zd"], 0),
        (["specs/module.zd"], 2),
        (["specs/nosuch.zd"], 2),
        (["specs/dir"], 2),
        (["specs/unplug.zd", "--check", "nosuch"], 2),
        (["specs/unplug.zd", "--set", "nosuch=1"], 2),
        (["specs/unplug.zd", "--scope", "gup=1000000"], 2),
        (["specs/unplug.zd", "--save", "specs/unplug.zd"], 2),
        (["specs/unplug.zd", "--json", "no/such/folder/x.json"], 2),
        (["specs/unplug.zd", "--any", "gup"], 0),
        (["specs/unplug.zd", "--any", "gup", "--check", "no reference"], 0),
        (["specs/unplug.zd", "--any", "gup", "--timeout", "0.0001"], 3),
        (["specs/unplug.zd", "--any", "gpu"], 2),
        (["specs/unplug.zd", "--any", "page"], 2),
        (["specs/unplug.zd", "--any", "unplug"], 2),
        (["specs/unplug.zd", "--any", "gup,"], 2),
        (["specs/unplug.zd", "--any", "gup", "--save", "proofs"], 0),
        (["specs/unplug.zd", "--any", "gup", "--save", "specs/unplug.zd"], 2),
        (["specs/unplug.zd", "--any", "gup", "--minimal"], 2),
        (["specs/unplug.zd", "--any", "gup", "--minimal", "--save", "proofs"], 0),
        (["specs/unplug.zd", "--engine", "spacer"], 0),
        (["specs/unplug.zd", "--engine", "induction"], 0),
        (["specs/unplug.zd", "--engine", "spacer", "--timeout", "0.0001"], 3),
        (["specs/unplug.zd", "--engine", "spacer", "--any", "gup"], 2),
        (["specs/unplug.zd", "--engine", "nosuch"], 2),
        ([], 2),
    ],
)
def test_the_exit_status(zdcheck: Zdcheck, arguments: list[str], code: int) -> None:
    result = zdcheck("prove", *arguments)
    assert result.code == code, result.out + result.err
    assert "Traceback" not in result.err


def test_it_says_that_a_proof_covers_any_number(zdcheck: Zdcheck) -> None:
    result = zdcheck("prove", "specs/unplug.zd", "--any", "gup", "--facts")
    assert "proved for any number of gup threads, any depth, without deadlock" in result.out
    report = json.loads(zdcheck("prove", "specs/unplug.zd", "--any", "gup", "--json", "-").out)
    jsonschema.validate(report, json.loads((SCHEMAS / "zdcheck-proofs-1.json").read_text("utf-8")))
    assert report["checks"][0]["covers"] == "any number of gup threads, any depth"
    assert "--any gup" in report["checks"][0]["reproduce"]


def test_it_says_who_proved_it(zdcheck: Zdcheck) -> None:
    result = zdcheck("prove", "specs/unplug.zd", "--engine", "spacer", "--stats")
    assert "Spacer: " in result.out
    result = zdcheck("prove", "specs/unplug.zd", "--engine", "spacer", "--json", "-")
    assert "--engine spacer" in json.loads(result.out)["checks"][0]["reproduce"]


def test_it_says_what_a_proof_covers(zdcheck: Zdcheck) -> None:
    result = zdcheck("prove", "specs/unplug.zd", "--facts")
    assert "proved for this scope, any depth" in result.out
    assert "page[0].refcount is balanced" in result.out
    assert "no reference" not in result.out


def test_progress_is_not_part_of_a_proof(zdcheck: Zdcheck) -> None:
    assert "without progress" in zdcheck("prove", "specs/progress.zd").out


def test_a_violation_is_drawn(zdcheck: Zdcheck) -> None:
    arguments = ["--check", "mapping holds", "--set", "pte_holds=false"]
    result = zdcheck("prove", "specs/unplug.zd", *arguments)
    assert "FAIL" in result.out
    assert "*** refcount_zero_in_pte" in result.out


def test_the_report_fits_its_schema(zdcheck: Zdcheck, folder: Path) -> None:
    schema = json.loads((SCHEMAS / "zdcheck-proofs-1.json").read_text())
    trace = json.loads((SCHEMAS / "zdcheck-trace-1.json").read_text())
    from referencing import Registry, Resource

    registry: Registry[object] = Registry().with_resources(
        [("urn:zdcheck:trace:1", Resource.from_contents(trace))]
    )
    validator = jsonschema.Draft202012Validator(schema, registry=registry)
    verdicts = set()
    for arguments in (
        ["specs/unplug.zd"],
        ["specs/unplug.zd", "--check", "no reference"],
        ["specs/unplug.zd", "--timeout", "0.0001"],
        ["specs/nosuch.zd"],
    ):
        zdcheck("prove", *arguments, "--json", "report.json")
        report = json.loads((folder / "report.json").read_text())
        validator.validate(report)
        verdicts |= {check["verdict"] for check in report["checks"]}
    assert verdicts == {"proved", "violated", "inconclusive"}


def saved(zdcheck: Zdcheck, folder: Path, engine: str = "auto") -> Path:
    """A proof in a file."""
    result = zdcheck("prove", "specs/unplug.zd", "--engine", engine, "--save", "proofs")
    assert result.code == 0
    (proof,) = (folder / "proofs").glob("*.zdproof.json")
    return proof


@pytest.mark.parametrize("engine", ["induction", "spacer"])
@pytest.mark.parametrize("solver", ["z3", "cvc5"])
def test_a_saved_proof_is_verified(
    zdcheck: Zdcheck, folder: Path, solver: str, engine: str
) -> None:
    if not is_installed("z3" if solver == "z3" else "cvc5"):
        pytest.skip(f"{solver} is not installed")
    proof = saved(zdcheck, folder, engine)
    schema = json.loads((SCHEMAS / "zdcheck-proof-1.json").read_text())
    jsonschema.validate(json.loads(proof.read_text()), schema)
    result = zdcheck("verify-proof", str(proof), "specs/unplug.zd", "--solver", solver)
    assert result.code == 0, result.out + result.err
    assert f"{solver}: proved for this scope, any depth" in result.out
    assert not result.err


def test_the_smtlib_file_stands_alone(zdcheck: Zdcheck, folder: Path) -> None:
    import z3

    saved(zdcheck, folder)
    (script,) = (folder / "proofs").glob("*.smt2")
    context = z3.Context()
    said = z3.Z3_eval_smtlib2_string(context.ref(), script.read_text())
    said = [line for line in said.splitlines() if not line.startswith("WARNING")]
    assert len(said) > 10
    assert set(said) == {"unsat"}


def test_a_weaker_proof_is_refused(zdcheck: Zdcheck, folder: Path) -> None:
    """Without its facts it proves nothing."""
    proof = saved(zdcheck, folder)
    document = json.loads(proof.read_text())
    document["facts"] = [fact for fact in document["facts"] if fact["origin"] == "property"]
    proof.write_text(json.dumps(document))
    result = zdcheck("verify-proof", str(proof), "specs/unplug.zd", "--solver", "z3")
    assert result.code == 1
    assert "z3: wrong: " in result.out


def test_a_proof_of_another_protocol_is_refused(zdcheck: Zdcheck, folder: Path) -> None:
    """The spec has changed since: its PTEs hold no reference any more."""
    proof = saved(zdcheck, folder)
    spec = folder / "specs" / "unplug.zd"
    text = spec.read_text()
    changed = text.replace("pte_holds : bool = true", "pte_holds : bool = false")
    assert changed != text
    spec.write_text(changed)
    result = zdcheck("verify-proof", str(proof), "specs/unplug.zd", "--solver", "z3")
    assert result.code in (1, 2)
    assert "proved" not in result.out


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"schema": "zdcheck-proof/1"}',
        '{"schema": "zdcheck-proof/1", "spec": "a", "check": "mapping holds", "settings": {},'
        ' "scope": {}, "facts": [1], "never_taken": []}',
        '{"schema": "zdcheck-proof/1", "spec": "a", "check": "mapping holds", "settings": {},'
        ' "scope": {}, "facts": [{"never": {"nosuch": [1]}}], "never_taken": []}',
        '{"schema": "zdcheck-proof/1", "spec": "a", "check": "mapping holds", "settings": {},'
        ' "scope": {"gup": "many"}, "facts": [], "never_taken": []}',
        '{"schema": "zdcheck-proof/1", "spec": "a", "check": "nosuch", "settings": {},'
        ' "scope": {}, "facts": [], "never_taken": []}',
    ],
)
def test_a_damaged_proof(zdcheck: Zdcheck, folder: Path, text: str) -> None:
    (folder / "proof.json").write_text(text)
    result = zdcheck("verify-proof", "proof.json", "specs/unplug.zd")
    assert result.code == 2
    assert "Traceback" not in result.err


def test_a_proof_file_that_is_not_there(zdcheck: Zdcheck) -> None:
    assert zdcheck("verify-proof", "nosuch.json", "specs/unplug.zd").code == 2
