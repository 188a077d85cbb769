"""A parametric program as a ground system: variables, initial states, actions, properties.

Only what can differ between states is a variable: fields that no thread writes are constants,
and a local exists where some step may still read it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal

from zdcheck.base.catalogue import is_violation
from zdcheck.base.source import Span
from zdcheck.ir import expr as g
from zdcheck.ir.expr import Const, Expr, Type, Var, VarId, variables_of
from zdcheck.ir.parametric import Family, FamilyId, NodeId, Program, PropertyTerm, Template
from zdcheck.ir.system import (
    Access,
    Action,
    ActionId,
    Binding,
    Check,
    Cover,
    Holder,
    LedgerEntry,
    Part,
    ProgressProperty,
    Property,
    Role,
    SetParts,
    State,
    Statement,
    StatementId,
    System,
    Thread,
    Variable,
    VariantParts,
)
from zdcheck.lower.ground import Context, Key, Memory
from zdcheck.lower.instance import spec_error
from zdcheck.lower.paths import Path, Paths
from zdcheck.lower.steps import Shape, shape, with_steps, written_families

MAX_INITIAL_STATES = 100_000
MAX_ACTIONS = 200_000
MAX_VARIABLES = 4_000


@dataclass(frozen=True)
class Start:
    """One initial state before the threads' first local work, all members of all families."""

    values: dict[Key, int]


class Grounding:
    """Grounds one program. The steps of `system` are its table of contents."""

    def __init__(self, program: Program, span: Span) -> None:
        self.program = program
        self.span = span
        self.written: set[FamilyId] = set()
        for template in program.templates:
            self.written |= written_families(template)
        self.rules = {t.name: shape(t, self.written) for t in program.templates}

    def system(self) -> System:
        """The ground system."""
        starts = [self._after_prefixes(start) for start in self.starts()]
        templates = self._templates(starts)
        memory, variables, threads = self._memory(starts, templates)
        initial_states = self._initial_states(starts, variables, threads, templates)
        properties = tuple(self._property(p, memory) for p in self._of_kind("invariant", "finally"))
        covers = tuple(self._covers(memory))
        ledger = tuple(self._ledger(memory))
        actions = tuple(self._actions(memory, templates, threads))
        statements = tuple(
            Statement(StatementId(number), family, span)
            for number, (family, span) in enumerate(self.program.statements)
        )
        return System(
            self.program.name,
            variables,
            self.program.kinds,
            threads,
            initial_states,
            actions,
            ledger,
            properties,
            covers,
            statements,
            tuple(self._composites(memory)),
            frozenset(number for start in starts for number in start.statements),
            tuple(self._progress(memory)),
        )

    # --- initial states -----------------------------------------------------------------

    def starts(self) -> list[Start]:
        """Every initial state: what the declarations say, then the init blocks."""
        free: list[tuple[Key, Type]] = []
        values: dict[Key, int] = {}
        for family in self.program.families:
            for key in keys(family):
                last = key[1][-1] - family.dimensions[-1].low if key[1] else 0
                values[key] = family.initial[last if len(family.initial) > 1 else 0]
                if family.any_initial:
                    free.append((key, family.type))
        number = 1
        for _, type in free:
            number *= type.high - type.low + 1
        if number > MAX_INITIAL_STATES:
            raise spec_error(
                "too_many_initial_states",
                f"`any` as initial value gives more than {MAX_INITIAL_STATES} initial states",
                self.span,
            )
        starts: dict[tuple[int, ...], Start] = {}
        ranges = [range(type.low, type.high + 1) for _, type in free]
        for choice in product(*ranges):
            chosen = dict(zip((key for key, _ in free), choice, strict=True))
            for start in self._run_init({**values, **chosen}):
                starts.setdefault(tuple(start.values.values()), start)
        if not starts:
            raise spec_error("init_fails", "the init blocks cannot run to their end", self.span)
        return list(starts.values())

    def _run_init(self, values: dict[Key, int]) -> Iterator[Start]:
        template = self.program.init
        cells: dict[Key, Expr] = {key: Const(value) for key, value in values.items()}
        context = Context(Memory(self.program.families, cells, []), 0, splits=True)
        nothing = Shape(frozenset(), frozenset(), frozenset())
        paths = Paths(template, nothing, set(), (), None)
        for path in paths.from_stop(template.entry, context):
            for test in path.tests:
                if isinstance(test, Check):
                    raise spec_error("init_fails", test.violation.message, test.violation.span)
            after = dict(values)
            for key, expr in path.context.changed.items():
                assert isinstance(expr, Const), "init code runs on constants"
                after[key] = expr.value
            locals_ = {f.id for f in self.program.families if f.template == template.name}
            for key in after:
                if key[0] in locals_:
                    after[key] = values[key]
            yield Start(after)

    def _after_prefixes(self, start: Start) -> Prefixed:
        """The state after every thread's local work before its first stop."""
        cells: dict[Key, Expr] = {key: Const(value) for key, value in start.values.items()}
        stops: dict[int, NodeId] = {}
        statements: set[StatementId] = set()
        for template in self.program.templates:
            paths = Paths(template, self.rules[template.name], self.written, (), None)
            for thread in range(template.first, template.first + template.size):
                paths.thread = thread
                context = Context(Memory(self.program.families, cells, []), thread, splits=True)
                path = paths.prefix(context)
                stops[thread] = path.node
                statements |= path.statements
                cells.update(path.context.changed)
        values = {key: expr.value for key, expr in cells.items() if isinstance(expr, Const)}
        return Prefixed(values, stops, statements)

    # --- variables ----------------------------------------------------------------------

    def _templates(self, starts: list[Prefixed]) -> dict[str, Template]:
        found = {}
        for template in self.program.templates:
            mine = range(template.first, template.first + template.size)
            begins = {start.stops[thread] for start in starts for thread in mine}
            found[template.name] = with_steps(
                template,
                self.rules[template.name],
                begins or {template.entry},
                self.program.families,
            )
        return found

    def _memory(
        self, starts: list[Prefixed], templates: dict[str, Template]
    ) -> tuple[Memory, tuple[Variable, ...], tuple[Thread, ...]]:
        variables: list[Variable] = []
        cells: dict[Key, Expr] = {}
        names = self.program.thread_names

        def add(
            name: str,
            type: Type,
            role: Role,
            family: str,
            index: tuple[tuple[str, int], ...],
            thread: int | None,
        ) -> VarId:
            id = VarId(len(variables))
            if id >= MAX_VARIABLES:
                raise spec_error(
                    "scope_too_large",
                    f"this scope needs more than {MAX_VARIABLES} variables",
                    self.span,
                    "make the scope smaller",
                )
            variables.append(Variable(id, name, type, role, family, index, thread))
            return id

        pcs: list[VarId] = []
        threads: list[Thread] = []
        for template in templates.values():
            end = len(template.stops) - 1
            spans = tuple(template.nodes[stop].span for stop in template.stops[:-1])
            for number in range(template.size):
                thread = template.first + number
                pc = add(
                    f"{names[thread]}.pc",
                    Type("int", 0, end),
                    "pc",
                    f"{template.name}.pc",
                    ((template.name, thread),),
                    thread,
                )
                pcs.append(pc)
                threads.append(
                    Thread(
                        thread,
                        names[thread],
                        template.name,
                        number,
                        template.daemon,
                        template.fairness,
                        pc,
                        end,
                        (*spans, None),
                    )
                )
        kept = {f for t in templates.values() for live in t.live for f in live}
        # A count that no step changes must still equal its holders, which steps do change.
        counts = {holder.counted for holder in self.program.holders}
        for family in self.program.families:
            if family.template == "init":
                continue
            for key in keys(family):
                first = starts[0].values[key]
                constant = family.id not in counts and self._is_constant(family, key, starts)
                unneeded = family.role == "local" and not (family.observed or family.id in kept)
                if constant or unneeded:
                    default = first if constant else _default(family.type)
                    cells[key] = Const(default)
                    continue
                index = tuple(
                    (d.kind or "", value)
                    for d, value in zip(family.dimensions, key[1], strict=True)
                )
                owner = key[1][0] if family.role == "local" else None
                cells[key] = Var(
                    add(
                        self._name(family, key[1]),
                        family.type,
                        family.role,
                        family.name,
                        index,
                        owner,
                    )
                )
        types = [variable.type for variable in variables]
        ends = tuple(thread.end for thread in threads)
        memory = Memory(self.program.families, cells, types, tuple(pcs), ends)
        return memory, tuple(variables), tuple(threads)

    def _is_constant(self, family: Family, key: Key, starts: list[Prefixed]) -> bool:
        first = starts[0].values[key]
        return family.id not in self.written and all(s.values[key] == first for s in starts)

    def _name(self, family: Family, index: tuple[int, ...]) -> str:
        """A member's name in the language: `page[0].refcount`, `gup[1].pin`, `slots[page[0]]`.

        Without the last part of the index it is the name of a whole set.
        """
        shown = [
            self._shown(dimension.kind, value)
            for dimension, value in zip(family.dimensions, index, strict=False)
        ]
        owner, dot, rest = family.name.partition(".")
        if family.role == "section":
            return f"{shown[0]} {family.name}"
        if family.dimensions and dot and family.dimensions[0].kind == owner:
            return f"{shown[0]}.{rest}" + "".join(f"[{part}]" for part in shown[1:])
        return family.name + "".join(f"[{part}]" for part in shown)

    def _shown(self, kind: str | None, value: int) -> str:
        known = next((k for k in self.program.kinds if k.name == kind), None)
        if kind == "thread" or (known is not None and known.is_thread):
            return self.program.thread_names[value]
        return str(value) if kind is None else f"{kind}[{value}]"

    def _initial_states(
        self,
        starts: list[Prefixed],
        variables: tuple[Variable, ...],
        threads: tuple[Thread, ...],
        templates: dict[str, Template],
    ) -> tuple[State, ...]:
        by_name = {f.name: f for f in self.program.families}
        states: dict[State, None] = {}
        for start in starts:
            location = {
                thread.pc: templates[thread.family].stops.index(start.stops[thread.index])
                for thread in threads
            }
            state = []
            for variable in variables:
                if variable.role == "pc":
                    state.append(location[variable.id])
                    continue
                family = by_name[variable.family]
                key = (family.id, tuple(value for _, value in variable.index))
                value = start.values[key]
                if family.role == "local" and not family.observed and variable.thread is not None:
                    thread = threads[variable.thread]
                    template = templates[thread.family]
                    if family.id not in template.live[location[thread.pc]]:
                        value = _default(family.type)
                state.append(value)
            states[tuple(state)] = None
        return tuple(states)

    # --- actions ------------------------------------------------------------------------

    def _actions(
        self, memory: Memory, templates: dict[str, Template], threads: tuple[Thread, ...]
    ) -> Iterator[Action]:
        count = 0
        for thread in threads:
            template = templates[thread.family]
            paths = Paths(
                template, self.rules[template.name], self.written, self.program.locks, thread.index
            )
            for location, stop in enumerate(template.stops[:-1]):
                context = Context(memory, thread.index, splits=True)
                for path in paths.from_stop(stop, context):
                    if count >= MAX_ACTIONS:
                        raise spec_error(
                            "scope_too_large",
                            f"this scope needs more than {MAX_ACTIONS} actions",
                            self.span,
                            "make the scope smaller",
                        )
                    yield self._action(ActionId(count), path, thread, template, location, memory)
                    count += 1

    def _action(
        self,
        id: ActionId,
        path: Path,
        thread: Thread,
        template: Template,
        location: int,
        memory: Memory,
    ) -> Action:
        updates = {} if path.never_ends else self._updates(path, thread, template, location, memory)
        reads = {v for test in path.tests for v in variables_of(test.condition)}
        reads |= {v for value in updates.values() for v in variables_of(value)}
        reads |= {v for edge in path.edges for v in variables_of(edge.when)}
        reads.add(thread.pc)
        main = path.main or template.nodes[template.stops[location]]
        accesses = tuple(
            dict.fromkeys(
                Access(self.program.families[t.family].name, t.mode, t.kind) for t in path.touches
            )
        )
        if path.fences:
            accesses = (*accesses, Access("", "write", "fence"))
        cells = memory.cells
        stores = frozenset(c.id for key in path.stores if isinstance(c := cells[key], Var))
        return Action(
            id,
            thread.index,
            location,
            tuple(path.tests),
            tuple(updates.items()),
            frozenset(reads),
            frozenset(updates),
            _first_line(main.span),
            main.span,
            tuple(path.choices),
            frozenset(path.statements),
            accesses,
            tuple(path.edges),
            stores,
            main.via,
        )

    def _updates(
        self, path: Path, thread: Thread, template: Template, location: int, memory: Memory
    ) -> dict[VarId, Expr]:
        """The path's changes, with the new location; locals that nobody will read are cleared."""
        assert path.target is not None
        target = template.stops.index(path.target)
        updates: dict[VarId, Expr] = {}
        if target != location:
            updates[thread.pc] = Const(target)
        families = self.program.families
        dead = {f for f in template.live[location] if not families[f].observed}
        dead -= template.live[target]
        changed = dict(path.context.changed)
        for family_id in dead:
            for key in keys(self.program.families[family_id]):
                if key[1][0] == thread.index:
                    changed[key] = Const(_default(self.program.families[family_id].type))
        for key, value in changed.items():
            cell = memory.cells.get(key)
            if not isinstance(cell, Var):
                continue
            family = self.program.families[key[0]]
            is_mine = family.role == "local" and not family.observed
            if is_mine and family.id not in template.live[target]:
                if family.id not in template.live[location]:
                    continue  # never alive between steps: it has its default before and after
                value = Const(_default(family.type))
            if value != cell:
                updates[cell.id] = value
        return updates

    # --- properties ---------------------------------------------------------------------

    def _of_kind(self, *kinds: str) -> list[PropertyTerm]:
        return [p for p in self.program.properties if p.kind in kinds]

    def _property(self, prop: PropertyTerm, memory: Memory) -> Property:
        context = Context(memory)
        bindings: list[Binding] = []
        ranges = [range(b.low, b.high + 1) for b in prop.binders]
        for values in product(*ranges):
            bounds = {b.bound.number: v for b, v in zip(prop.binders, values, strict=True)}
            shown = tuple(
                (b.bound.name, b.type.show(v)) for b, v in zip(prop.binders, values, strict=True)
            )
            for term, span in prop.conjuncts:
                condition = context.expr(term, bounds)
                if condition != g.TRUE:
                    bindings.append(Binding(shown, condition, span))
        antecedent = None
        if prop.antecedent is not None:
            antecedent = context.expr(prop.antecedent)
        kind: Literal["invariant", "finally"] = "finally" if prop.kind == "finally" else "invariant"
        return Property(
            kind,
            prop.name,
            prop.name if is_violation(prop.name) else kind,
            g.and_(*(binding.condition for binding in bindings)),
            antecedent,
            tuple(bindings),
            prop.span,
        )

    def _progress(self, memory: Memory) -> Iterator[ProgressProperty]:
        for prop in self.program.progress:
            trigger, trigger_span = None, None
            if prop.trigger is not None:
                term, trigger_span = prop.trigger
                trigger = Context(memory).expr(term)
            term, goal_span = prop.goal
            goal = Context(memory).expr(term)
            yield ProgressProperty(
                prop.form, prop.name, trigger, goal, trigger_span, goal_span, prop.span
            )

    def _covers(self, memory: Memory) -> Iterator[Cover]:
        for prop in self._of_kind("cover"):
            ((term, _),) = prop.conjuncts
            yield Cover(prop.name, Context(memory).expr(term), None, prop.span)
        for name, statement, span in self.program.cover_statements:
            yield Cover(name, None, statement, span)

    # --- the ledger ---------------------------------------------------------------------

    def _ledger(self, memory: Memory) -> Iterator[LedgerEntry]:
        context = Context(memory)
        for counted in self.program.counted:
            family = self.program.families[counted.family]
            for key in keys(family):
                object = key[1][0]
                count = memory.cells[key]
                if not isinstance(count, Var):
                    continue
                bias = context.expr(counted.bias, {counted.object.number: object})
                holders = tuple(self._holders(counted.family, object, context))
                alive = g.eq(memory.cells[counted.alive, (object,)], Const(1))
                total = g.add(bias, *(holder.count for holder in holders))
                balanced = g.implies(alive, g.eq(count, total))
                yield LedgerEntry(count.id, bias, holders, alive, balanced, counted.span)

    def _holders(self, counted: FamilyId, object: int, context: Context) -> Iterator[Holder]:
        for holder in self.program.holders:
            if holder.counted != counted:
                continue
            ranges = [range(over.low, over.high + 1) for over in holder.over]
            for values in product(*ranges):
                bounds = {o.bound.number: v for o, v in zip(holder.over, values, strict=True)}
                holds = context.expr(holder.condition, bounds)
                target = g.eq(context.expr(holder.target, bounds), Const(object))
                count = g.and_(holds, context.known(target))
                if count == g.FALSE:
                    continue
                family = self.program.families[holder.cell.family]
                index = [context.expr(term, bounds) for term in holder.cell.index]
                numbers = tuple(part.value for part in index if isinstance(part, Const))
                yield Holder(self._name(family, numbers), count, holder.span)

    # --- printing -----------------------------------------------------------------------

    def _composites(self, memory: Memory) -> Iterator[VariantParts | SetParts]:
        for composite in self.program.composites:
            family = self.program.families[composite.family]
            if family.template == "init":
                continue
            if not composite.payloads:
                yield from self._sets(family, memory)
                continue
            for key in keys(family):
                payloads = tuple(
                    tuple(self._part(memory, (slot, key[1])) for slot in slots)
                    for slots in composite.payloads
                )
                yield VariantParts(self._name(family, key[1]), self._part(memory, key), payloads)

    def _sets(self, family: Family, memory: Memory) -> Iterator[SetParts]:
        *outer, member = family.dimensions
        names = tuple(self._shown(member.kind, value) for value in member.values)
        for index in product(*(dimension.values for dimension in outer)):
            members = tuple(memory.cells[family.id, (*index, v)] for v in member.values)
            yield SetParts(self._name(family, index), members, names)

    def _part(self, memory: Memory, key: Key) -> Part:
        return Part(memory.cells[key], self.program.families[key[0]].type)


@dataclass(frozen=True)
class Prefixed:
    """An initial state with every thread at its first stop."""

    values: dict[Key, int]
    stops: dict[int, NodeId]
    statements: set[StatementId]


def keys(family: Family) -> Iterator[Key]:
    """All members of a family."""
    for index in product(*(dimension.values for dimension in family.dimensions)):
        yield family.id, index


def _default(type: Type) -> int:
    """The value of a local that nobody needs."""
    return g.NULL if type.kind == "ref" and type.low == g.NULL else type.low


def _first_line(span: Span) -> str:
    return " ".join(span.text.split("\n", 1)[0].split())
