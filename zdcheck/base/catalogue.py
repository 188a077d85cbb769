"""Every id that zdcheck prints: one line each here, a page each in the reference.

Ids are stable: they stand in specs (`expect violation ID`), in reports and in other people's CI.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sort = Literal["error", "warning", "violation"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One id. Its page is `violations/<id>.md` or `errors/<id>.md`."""

    id: str
    sort: Sort
    meaning: str

    @property
    def page(self) -> str:
        """The page's path under the reference."""
        folder = "violations" if self.sort == "violation" else "errors"
        return f"{folder}/{self.id}.md"


def _entries(sort: Sort, **meanings: str) -> dict[str, Entry]:
    return {id.rstrip("_"): Entry(id.rstrip("_"), sort, text) for id, text in meanings.items()}


VIOLATIONS = _entries(
    "violation",
    refcount_zero_in_pte="a present PTE maps a page whose reference count is zero",
    use_after_unplug="an object is touched after what it lived in was destroyed",
    use_after_free="an object is touched after it was destroyed, or a page after it was freed",
    refcount_underflow="a count goes below the lowest value of its type",
    refcount_overflow="a count goes above the highest value of its type",
    get_on_zero="a plain get on a count of zero",
    reference_leak="more count than holders: a reference was lost",
    unbalanced_put="less count than holders: a reference was put twice, or put by a stranger",
    ledger_mismatch="a count was overwritten with a value that its holders do not explain",
    double_free="something dead is destroyed again",
    null_dereference="a null reference is used",
    deadlock="no thread can step, and one that is no daemon has not ended",
    lock_order="two lock classes are taken in both orders",
    self_deadlock="a thread takes a lock that it holds already",
    unlock_not_owner="a lock is released, or a section left, that was not taken",
    held_at_exit="a thread ends with a lock held or inside a section",
    sleep_in_atomic="a thread may sleep where it must not",
    wrong_page="a pin was returned for an address that no longer maps the page",
    lost_write="a write went to a page that was being copied away",
    stuck="a fair run in which a promised event never comes",
    assertion="an `assert` is false",
    invariant="an invariant is false in a reachable state",
    finally_="a `finally` property is false when all threads have ended",
    range="a value leaves the range of its type",
    uncovered="a `cover` that no run reaches",
)

ERRORS: dict[str, Entry] = _entries(
    "error",
    # Reading a spec and its modules (`lang`).
    syntax="the text is not a spec",
    unclosed="a bracket that is never closed, or one that closes nothing",
    unterminated="a comment or a text without an end",
    bad_character="a character that has no meaning in a spec",
    reserved_word="a word of the language stands where a name should be",
    nesting="nested more deeply than any protocol needs",
    unknown_module="there is no such module",
    import_cycle="modules use each other",
    ambiguous_module="a module beside the spec has the name of one in the library",
    # What a spec says (`lang`).
    ambiguous_member="a member's name belongs to two enums or variants",
    arity="the wrong number of arguments",
    array_as_value="a whole array stands where one value is needed",
    bad_any="`any` does not say what is tried, or stands inside an expression",
    bad_config="a config is neither `bool` nor a range nor an enum",
    bad_counted="a counted field is not one number",
    bad_dimension="an array cannot be indexed by this type",
    bad_domain="`for`, `any` or a quantifier runs over something that is no such type",
    bad_for="a check or clause is for values that it cannot be for",
    bad_holds="a `holds` clause cannot mean anything here",
    bad_lives_in="`lives in` is not one reference to an object",
    bad_lock="a lock is declared, copied or shared where it cannot be",
    bad_scope="a scope gives a size to something that has none",
    bad_variant="a variant's first case has payload, or its payload is a variant",
    constant_cycle="the value of a config depends on itself",
    duplicate_expect="a check expects two verdicts",
    duplicate_name="two things that could be meant by the same name",
    ghost_read="the protocol reads what only ghost code and properties can see",
    ghost_statement="ghost code does more than record",
    ghost_write="the protocol writes ghost state, or ghost code writes the protocol's",
    goto_into_block="a `goto` enters a block",
    impure="something with effects is called where nothing may change",
    lives_in_cycle="object kinds live in each other",
    lock_as_value="a lock is used as a value",
    missing_initial="a reference that is never null is given no value to start with",
    missing_return="a function with a result can reach its end without one",
    needs_type="a type is missing and cannot be taken from the value",
    no_effect="a call only computes a value, and nothing is done with it",
    no_self="no thread runs here",
    no_value="a value is needed, and this call gives none",
    not_a_place="a variable or field is needed, and this is a computed value",
    not_a_value="the name of a kind, type, function or section stands for a value",
    not_an_array="what is indexed is no array",
    not_assignable="the place cannot be assigned to",
    not_in_atomic="a grace period inside an `atomic` block",
    not_in_init="an `init` block does what only a thread can do",
    outside_loop="`break` or `continue` outside a loop",
    recursion="a function reaches itself",
    reserved_name="the name belongs to the language",
    return_value="a `return` with a value where none is wanted, or the other way round",
    type_mismatch="a value has another type than is needed",
    unknown_case="the variant has no such case",
    unknown_config="there is no such config",
    unknown_field="there is no such field, or no such local of a thread",
    unknown_function="there is no such function",
    unknown_label="there is no such label",
    unknown_name="nothing is called this here",
    unknown_property="there is no such property",
    unknown_section="there is no such section",
    unknown_thread="there is no such thread",
    unknown_type="there is no such type",
    unknown_violation="there is no such violation",
    # What its numbers come to (`lower`).
    scope_too_large="the scope is beyond what can be checked",
    bad_range="a range is empty or absurdly large",
    no_such_object="an object number that the scope does not have",
    not_constant="a constant is needed here",
    range_constant="a constant lies outside its type",
    program_too_large="a thread's code is too large once its calls are inlined",
    step_too_large="one step has too many ways through it",
    endless_step="one step never ends",
    too_many_initial_states="too many initial states",
    init_fails="the init blocks fail or cannot finish",
)

WARNINGS: dict[str, Entry] = _entries(
    "warning",
    granularity="one statement makes more than one shared access in one step",
    count_without_holder="a counted field of which nothing holds a count",
    never_assigned="something holds a count, but nothing is ever stored in it",
    shadows="a local hides something else of its name",
    unused_config="a config on which nothing depends",
    unused_enum="an enum that is never used",
    unused_function="a function that is never called",
    unused_label="a label to which no `goto` goes",
    unused_local="a local, or a name for payload, that is never read",
    unused_section="a section that nobody enters or asks about",
    unused_variable="a shared variable that is never used",
)

FINDINGS: dict[str, Entry] = _entries(
    "warning",
    dead_statement="a statement that no run of any check executes",
)
"""What only a search can say about a spec."""


def violation_ids() -> frozenset[str]:
    """The ids of violations."""
    return frozenset(VIOLATIONS)


def is_violation(id: str) -> bool:
    """Whether the id is a violation's."""
    return id in VIOLATIONS


def find(id: str) -> Entry | None:
    """The entry of an id; None if there is no such id."""
    tables = (VIOLATIONS, ERRORS, WARNINGS, FINDINGS)
    return next((table[id] for table in tables if id in table), None)
