"""The statements of `surface.World`, and a breadth-first search over them.

A thread is a generator that yields before a statement that touches shared state ("access"), or
that chooses or waits ("choice"). The scheduler lets it go on until its second such statement.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.support.surface import NULL, Blocked, Frame, NeedChoice, World, Wrong, _Jump
from zdcheck.lang import model as m
from zdcheck.lang import types as t
from zdcheck.lang.walk import children, walk
from zdcheck.lower.instance import Instance

Run = Generator[str, None, Any]

_PLACES = (m.LocalRef, m.ThreadLocalRef, m.GlobalRef, m.FieldRef, m.ElementRef, m.Accessed)
_FIXED = (m.Number, m.Truth, m.Member, m.Null, m.Self, m.ConfigRef, m.SizeOfKind)


def impure(expr: Any) -> bool:
    return any(
        isinstance(n, m.TryLock) or (isinstance(n, m.Call) and not n.function.is_expression)
        for n in walk(expr)
    )


MOST_ROUNDS = 1_000
"""Of one loop in one run. Whoever goes round more often touches nothing shared, and may never end."""


@dataclass
class Runner:
    """Runs the code of one thread."""

    world: World
    me: int
    judged: bool = True

    def value(self, expr: Any, frame: Frame) -> Any:
        return self.world.value(expr, frame, self.me, self.judged)

    # --- expressions with calls ---------------------------------------------------------

    def hoist(self, expr: Any, frame: Frame, atomic: bool) -> Run:
        if not impure(expr):
            return
        match expr:
            case m.Call(function) if not function.is_expression:
                frame.values[id(expr)] = yield from self.call(expr, frame, atomic)
            case m.TryLock(lock, shared):
                yield from self.hoist(lock, frame, atomic)
                if not atomic:
                    yield "access"
                frame.values[id(expr)] = self.trylock(lock, shared, frame)
            case m.Binary(op, _, right) if op in ("&&", "||", "implies") and impure(right):
                frame.values[id(expr)] = yield from self.condition(expr, frame, atomic)
            case m.Conditional(condition, then, otherwise) if impure(then) or impure(otherwise):
                chosen = (
                    then if (yield from self.condition(condition, frame, atomic)) else otherwise
                )
                frame.values[id(expr)] = yield from self.evaluate(chosen, frame, atomic)
            case _:
                parts = [c for c in children(expr) if not isinstance(c, m.AnyValue)]
                yield from self.operands(parts, frame, atomic)

    def operands(self, parts: list[Any], frame: Frame, atomic: bool) -> Run:
        last = max((i for i, p in enumerate(parts) if impure(p)), default=-1)
        for position, part in enumerate(parts):
            if impure(part):
                yield from self.hoist(part, frame, atomic)
            elif position < last and not isinstance(part, _FIXED):
                frame.values.pop(id(part), None)
                if self.world.touches(part, frame) and not atomic:
                    yield "access"
                frame.values[id(part)] = self.value(part, frame)

    def evaluate(self, expr: Any, frame: Frame, atomic: bool) -> Run:
        yield from self.hoist(expr, frame, atomic)
        if self.world.touches(expr, frame) and not atomic:
            yield "access"
        return self.value(expr, frame)

    def condition(self, expr: Any, frame: Frame, atomic: bool) -> Run:
        if isinstance(expr, m.Unary) and expr.op == "!" and impure(expr):
            return 1 - (yield from self.condition(expr.operand, frame, atomic))
        if isinstance(expr, m.Binary) and expr.op in ("&&", "||", "implies") and impure(expr.right):
            left = yield from self.condition(expr.left, frame, atomic)
            if expr.op == "&&" and not left:
                return 0
            if expr.op == "||" and left:
                return 1
            if expr.op == "implies" and not left:
                return 1
            return (yield from self.condition(expr.right, frame, atomic))
        return (yield from self.evaluate(expr, frame, atomic))

    def call(self, call: m.Call, frame: Frame, atomic: bool) -> Run:
        world = self.world
        body = world.model.functions[call.function].body
        passed = list(zip(call.function.params, call.arguments, strict=True))
        by_value = [(p, a) for p, a in passed if isinstance(p, m.LocalSymbol)]
        yield from self.operands([a for _, a in by_value], frame, atomic)
        inner = Frame()
        for param, argument in passed:
            if isinstance(param, m.RefParamSymbol):
                yield from self.hoist(argument, frame, atomic)
                is_alias = isinstance(argument, m.RefParamRef) and frame.refs.get(argument.symbol)
                if isinstance(argument, _PLACES) or is_alias:
                    pinned = yield from self.pin(argument, frame, atomic)
                    inner.refs[param] = (frame, pinned)
                else:
                    inner.refs[param] = None
                    inner.values[param] = yield from self.evaluate(argument, frame, atomic)
        if any(world.touches(a, frame) for _, a in by_value) and not atomic:
            yield "access"
        values = [self.value(a, frame) for _, a in by_value]
        for (param, _), value in zip(by_value, values, strict=True):
            world.fits(param.type, value)
            inner.locals[param] = value
        if not isinstance(body, m.Block):
            return self.value(call, frame)
        try:
            yield from self.block(body, inner, atomic, call.function.result)
        except _Jump as jump:
            if jump.kind != "return":
                raise
            return jump.value
        return None

    def pin(self, place: Any, frame: Frame, atomic: bool) -> Run:
        match place:
            case m.FieldRef(base):
                fixed = yield from self.fix(base, frame, atomic)
                return replace(place, base=fixed)
            case m.ElementRef(base, index):
                array = yield from self.pin(base, frame, atomic)
                fixed = yield from self.fix(index, frame, atomic)
                return replace(place, base=array, index=fixed)
        return place

    def fix(self, expr: Any, frame: Frame, atomic: bool) -> Run:
        if not self.world.touches(expr, frame) and id(expr) not in frame.values:
            return expr
        if self.world.touches(expr, frame) and not atomic:
            yield "access"
        return m.Number(self.value(expr, frame), expr.type, expr.span)

    # --- statements ---------------------------------------------------------------------

    def block(self, block: m.Block, frame: Frame, atomic: bool, result: t.Type | None) -> Run:
        statements = block.statements
        here = 0
        try:
            while here < len(statements):
                try:
                    yield from self.statement(statements[here], frame, atomic, result)
                    here += 1
                except _Jump as jump:
                    labels = [
                        i
                        for i, s in enumerate(statements)
                        if isinstance(s, m.Label) and s.label is jump.value
                    ]
                    if jump.kind != "goto" or not labels:
                        raise
                    here = labels[0]
        finally:
            for symbol in block.locals:
                frame.locals.pop(symbol, None)
            owned = self.world.holders.setdefault(self.me, [])
            owned[:] = [(f, s) for f, s in owned if f is not frame or s in f.locals]

    def statement(self, stmt: Any, frame: Frame, atomic: bool, result: t.Type | None) -> Run:
        world = self.world
        match stmt:
            case m.Declare(symbol, value):
                # Ghost code is no step: as if in an atomic block of its own.
                yield from self.declare(symbol, value, frame, atomic or symbol.ghost)
            case m.Assign():
                yield from self.assign(stmt, frame, atomic)
            case m.CallStmt(call):
                yield from self.call(call, frame, atomic)
            case m.Block():
                yield from self.block(stmt, frame, atomic, result)
            case m.If(condition, then, otherwise):
                if (yield from self.condition(condition, frame, atomic)):
                    yield from self.block(then, frame, atomic, result)
                elif otherwise is not None:
                    yield from self.block(otherwise, frame, atomic, result)
            case m.While(condition, body):
                for _ in range(MOST_ROUNDS):
                    if condition is not None and not (
                        yield from self.condition(condition, frame, atomic)
                    ):
                        break
                    if (yield from self.loop_body(body, frame, atomic, result)):
                        break
                else:
                    raise NotImplementedError("a loop that may never end")
            case m.For(variable, domain, body):
                low, high = world.instance.domain(domain, stmt.span)
                for number in range(low, high + 1):
                    frame.locals[variable] = number
                    if (yield from self.loop_body(body, frame, atomic, result)):
                        break
                frame.locals.pop(variable, None)
            case m.Goto(label):
                raise _Jump("goto", label)
            case m.Return(value):
                found = None
                if value is not None:
                    found = yield from self.evaluate(value, frame, atomic)
                    if result is not None:
                        world.fits(result, found)
                raise _Jump("return", found)
            case m.Break():
                raise _Jump("break")
            case m.Continue():
                raise _Jump("continue")
            case m.Wait(condition, sleeps):
                if not atomic:
                    yield "access" if world.touches(condition, frame) else "choice"
                if sleeps:
                    self.may_sleep()
                if not self.value(condition, frame):
                    raise Blocked
            case m.Atomic(body):
                if not atomic:
                    if self.code_touches(body, frame):
                        yield "access"
                    elif any(isinstance(n, m.AnyValue | m.Either | m.Wait) for n in walk(body)):
                        yield "choice"
                yield from self.block(body, frame, True, result)
            case m.Either(branches):
                if not atomic:
                    yield "choice"
                chosen = branches[world.choose(len(branches))]
                yield from self.block(chosen, frame, atomic, result)
            case m.Assert(condition, violation):
                if not (yield from self.evaluate(condition, frame, atomic)):
                    raise Wrong(violation)
            case m.Unreachable():
                raise Wrong("assertion")
            case m.Ghost(body):
                ghost = Runner(world, self.me, False)
                yield from ghost.block(body, frame, True, result)
            case m.LockOp(op, lock, shared):
                yield from self.hoist(lock, frame, atomic)
                if not atomic:
                    yield "access"
                self.lock_op(op, lock, shared, frame)
            case m.SectionOp(op, section):
                if not atomic:
                    yield "access"
                self.section_op(op, section)
            case m.Quiesce(sections, others_only):
                yield from self.quiesce(sections, others_only, atomic)
            case m.LifetimeOp(op, operand):
                yield from self.lifetime_op(op, operand, frame, atomic)
            case m.Drop(place):
                yield from self.drop(place, frame, atomic)
            case m.MightSleep():
                self.may_sleep()
            case m.Cover() | m.Fence() | m.Note() | m.Label():
                pass
            case _:
                raise AssertionError(stmt)

    def loop_body(self, body: m.Block, frame: Frame, atomic: bool, result: t.Type | None) -> Run:
        """True if the loop is left."""
        try:
            yield from self.block(body, frame, atomic, result)
        except _Jump as jump:
            if jump.kind == "break":
                return True
            if jump.kind != "continue":
                raise
        return False

    def code_touches(self, node: Any, frame: Frame) -> bool:
        world = self.world
        for part in world._live(node):
            match part:
                case m.LockOp() | m.SectionOp() | m.TryLock() | m.Quiesce():
                    return True
                case m.LifetimeOp(op, operand):
                    if op != "touch" or operand.type.kind in world.mortal:  # type: ignore[union-attr]
                        return True
                case m.Call(function, arguments) if not function.is_expression:
                    inner = Frame()
                    for param, argument in zip(function.params, arguments, strict=True):
                        if isinstance(param, m.RefParamSymbol):
                            is_place = isinstance(argument, (*_PLACES, m.RefParamRef))
                            inner.refs[param] = (frame, argument) if is_place else None
                    if any(world.touches(a, frame) for a in arguments) or self.code_touches(
                        world.model.functions[function].body, inner
                    ):
                        return True
                case m.Ghost():
                    pass
                case m.FieldRef() | m.GlobalRef() | m.RefParamRef() | m.Call():
                    if world.touches(part, frame):
                        return True
        return False

    def declare(self, symbol: m.LocalSymbol, value: Any, frame: Frame, atomic: bool) -> Run:
        world = self.world
        if symbol.holds is not None or isinstance(symbol.type, t.VariantType):
            owned = world.holders.setdefault(self.me, [])
            if not any(f is frame and s is symbol for f, s in owned):
                owned.append((frame, symbol))
        if isinstance(value, m.AnyValue):
            frame.locals[symbol] = yield from self.any(value, frame, atomic, False)
        elif value is None:
            kind = symbol.type
            start = NULL if isinstance(kind, t.RefType) else world._default(kind, None)
            if symbol.dimensions:
                frame.locals[symbol] = dict.fromkeys(world._indices(symbol.dimensions), start)
            else:
                frame.locals[symbol] = start
        else:
            found = yield from self.evaluate(value, frame, atomic)
            world.fits(symbol.type, found)
            frame.locals[symbol] = found

    def any(self, value: m.AnyValue, frame: Frame, atomic: bool, touches: bool) -> Run:
        world = self.world
        where = value.where is not None and world.touches(value.where, frame)
        if not atomic:
            yield "access" if touches or where else "choice"
        assert value.domain is not None
        low, high = world.instance.domain(value.domain, value.span)
        options = []
        for number in range(low, high + 1):
            if value.variable is not None:
                frame.values[value.variable] = number
            if value.where is None or self.value(value.where, frame):
                options.append(number)
        if not options:
            raise Blocked
        return options[world.choose(len(options))]

    def assign(self, stmt: m.Assign, frame: Frame, atomic: bool) -> Run:
        world = self.world
        yield from self.hoist(stmt.target, frame, atomic)
        touches = world.touches(stmt.target, frame)
        if isinstance(stmt.value, m.AnyValue):
            value = yield from self.any(stmt.value, frame, atomic, touches)
            world.write(world.place(stmt.target, frame, self.me, self.judged), value)
            return
        yield from self.hoist(stmt.value, frame, atomic)
        if (touches or world.touches(stmt.value, frame)) and not atomic:
            yield "access"
        value = self.value(stmt.value, frame)
        place = world.place(stmt.target, frame, self.me, self.judged)
        if stmt.op != "=":
            old = world.read(place)
            if isinstance(old, frozenset):
                value = old | value if stmt.op == "+=" else old - value
            else:
                value = old + value if stmt.op == "+=" else old - value
        if self.judged:
            counted = place[0] == "field" and place[1].counted
            world.fits(stmt.target.type, value, counted)
        world.write(place, value)

    def drop(self, place: Any, frame: Frame, atomic: bool) -> Run:
        world = self.world
        target, owner = place, frame
        while isinstance(target, m.RefParamRef):
            alias = owner.refs.get(target.symbol)
            if alias is None:
                return
            owner, target = alias
        if not isinstance(target, _PLACES):
            return
        root = target
        while isinstance(root, m.ElementRef | m.Accessed):
            root = root.base if isinstance(root, m.ElementRef) else root.place
        symbol = root.symbol  # type: ignore[union-attr]
        is_local = isinstance(symbol, m.LocalSymbol)
        if symbol.holds is None and (is_local or not world._holds(symbol)):
            return
        if world.touches(place, frame) and not atomic:
            yield "access"
        where = world.place(place, frame, self.me, self.judged)
        old = world.read(where)
        world.write(
            where,
            (0,) if isinstance(old, tuple) else frozenset() if isinstance(old, frozenset) else NULL,
        )

    def lifetime_op(self, op: str, operand: Any, frame: Frame, atomic: bool) -> Run:
        world = self.world
        yield from self.hoist(operand, frame, atomic)
        kind = operand.type.kind
        if (op != "touch" or kind in world.mortal or world.touches(operand, frame)) and not atomic:
            yield "access"
        number = self.value(operand, frame)
        if number == NULL:
            raise Wrong("null_dereference")
        match op:
            case "touch":
                world.check_alive(kind, number)
            case "destroy":
                if world.alive[kind, number] != "alive":
                    raise Wrong("double_free")
                self.die(kind, number, "freed")
            case "create":
                if world.alive[kind, number] == "alive":
                    raise Wrong("assertion")
                world.alive[kind, number] = "alive"
                self.reset(kind, number)

    def die(self, kind: str, number: int, how: str) -> None:
        world = self.world
        inside = [
            (k.name, i)
            for k in world.model.kinds.values()
            for f in k.fields
            if f.lives_in and f.type.kind == kind  # type: ignore[union-attr]
            for i in range(world.instance.sizes[k.name])
            if world.alive[k.name, i] == "alive" and world.shared["field", f, i] == number
        ]
        world.alive[kind, number] = how
        self.reset(kind, number)
        for inner, i in inside:
            self.die(inner, i, "gone")

    def reset(self, kind: str, number: int) -> None:
        for fld in self.world.model.kinds[kind].fields:
            if not fld.ghost:
                self.world._initialise(("field", fld, number), fld)

    # --- contexts -----------------------------------------------------------------------

    def may_sleep(self) -> None:
        world = self.world
        for section in world.model.sections:
            if section.atomic and world.depth[section.name, self.me]:
                raise Wrong("sleep_in_atomic")
        for place, value in world.shared.items():
            lock = place[1].type
            if isinstance(lock, t.LockType) and lock.flavour == "spinlock" and value[0] == self.me:
                raise Wrong("sleep_in_atomic")

    def trylock(self, lock: Any, shared: bool, frame: Frame) -> int:
        place = self.world.place(lock, frame, self.me, self.judged)
        owner, readers = self.world.read(place)
        free = owner == NULL and (self.me not in readers if shared else not readers)
        if free:
            self.world.write(place, (owner, readers | {self.me}) if shared else (self.me, readers))
        return int(free)

    def lock_op(self, op: str, lock: Any, shared: bool, frame: Frame) -> None:
        world = self.world
        flavour = lock.type.flavour
        place = world.place(lock, frame, self.me, self.judged)
        owner, readers = world.read(place)
        if op == "lock":
            if flavour != "spinlock":
                self.may_sleep()
            if owner == self.me or self.me in readers:
                raise Wrong("self_deadlock")
            if owner != NULL or (readers and not shared):
                raise Blocked
            world.write(place, (owner, readers | {self.me}) if shared else (self.me, readers))
        elif shared:
            if self.me not in readers:
                raise Wrong("unlock_not_owner")
            world.write(place, (owner, readers - {self.me}))
        else:
            if owner == NULL or (flavour != "bitlock" and owner != self.me):
                raise Wrong("unlock_not_owner")
            world.write(place, (NULL, readers))

    def section_op(self, op: str, section: m.SectionSymbol) -> None:
        world = self.world
        depth = world.depth[section.name, self.me]
        if op == "enter":
            if depth >= 3:
                raise Wrong("range")
            world.depth[section.name, self.me] = depth + 1
            return
        if depth == 0:
            raise Wrong("unlock_not_owner")
        world.depth[section.name, self.me] = depth - 1
        for waiter, waiting in world.pending.items():
            if not any(world.depth[s, self.me] for s in world.waiting_for[waiter]):
                waiting.discard(self.me)

    def quiesce(
        self, sections: tuple[m.SectionSymbol, ...], others_only: bool, atomic: bool
    ) -> Run:
        world = self.world
        names = frozenset(section.name for section in sections)
        if not atomic and any(section in world.written for section in sections):
            yield "access"
        world.waiting_for[self.me] = names
        world.pending[self.me] = {
            n
            for n in world.family_of
            if any(world.depth[s, n] for s in names) and not (others_only and n == self.me)
        }
        if not atomic:
            yield "access"
        if world.pending[self.me]:
            raise Blocked

    def thread(self, thread: m.Thread) -> Run:
        frame = Frame()
        self.world.main_frames[self.me] = frame
        try:
            yield from self.block(thread.body, frame, False, None)
        except _Jump as jump:
            assert jump.kind == "return"
        world = self.world
        for section in world.model.sections:
            if world.depth[section.name, self.me]:
                raise Wrong("held_at_exit")
        for place, value in world.shared.items():
            if isinstance(place[1].type, t.LockType) and (
                value[0] == self.me or self.me in value[1]
            ):
                raise Wrong("held_at_exit")
        world.ended.add(self.me)


# --- searching --------------------------------------------------------------------------

History = tuple[tuple[int, tuple[int, ...]], ...]
"""The choices of init, as (-1, script), then the steps as (thread, script)."""


class Machine:
    """The world after a history."""

    def __init__(self, instance: Instance, history: History) -> None:
        self.world = World(instance)
        self.world.script = list(history[0][1])
        starter = Runner(self.world, 0)
        for block in instance.model.inits:
            for _ in starter.block(block, Frame(), True, None):
                raise AssertionError("init stops")
        self.world.holders.clear()
        self.runs: dict[int, Run] = {}
        self.events: dict[int, str | None] = {}
        for thread in instance.model.threads:
            first = instance.first[thread.name]
            for number in range(first, first + instance.sizes[thread.name]):
                self.runs[number] = Runner(self.world, number).thread(thread)
                self.events[number] = next(self.runs[number], None)
        for thread_number, script in history[1:]:
            self.step(thread_number, script)

    def step(self, number: int, script: tuple[int, ...]) -> None:
        self.world.script = list(script)
        accessed = False
        for _ in range(10_000):
            event = self.events[number]
            if event is None or (accessed and event):
                return
            accessed = accessed or event == "access"
            self.events[number] = next(self.runs[number], None)
        raise NotImplementedError("a loop without shared access")

    def key(self) -> Any:
        """The whole state, for recognising it again."""
        world = self.world
        threads = tuple((e, tuple(_position(self.runs[n]))) for n, e in self.events.items())
        pending = tuple(sorted((n, tuple(sorted(p))) for n, p in world.pending.items()))
        shared = tuple(world.shared.values())
        return shared, tuple(world.alive.values()), tuple(world.depth.values()), pending, threads


def _position(run: Any) -> Iterator[Any]:
    while run is not None and run.gi_frame is not None:
        inside = run.gi_frame.f_locals
        where = [inside.get(n) for n in ("here", "number", "position", "accessed")]
        objects = [id(inside.get(n)) for n in ("stmt", "body", "expr", "chosen", "block")]
        frame = inside.get("frame")
        kept: Any = ()
        if frame is not None:
            kept = tuple(sorted((id(s), repr(v)) for s, v in frame.locals.items()))
            kept += tuple(
                sorted((id(s), repr(v)) for s, v in frame.values.items() if not isinstance(s, int))
            )
            kept += tuple(
                sorted((s, repr(v)) for s, v in frame.values.items() if isinstance(s, int))
            )
        extra = repr(inside.get("value")) if isinstance(inside.get("value"), int) else ""
        yield run.gi_code.co_name, run.gi_frame.f_lasti, tuple(where), tuple(objects), kept, extra
        run = run.gi_yieldfrom


def projection(machine: Machine) -> dict[str, int]:
    """The shared variables under the names that the lowered system gives them."""
    world = machine.world
    instance = world.instance
    names = instance.names("thread")
    found: dict[str, int] = {}
    for place, value in world.shared.items():
        symbol = place[1]
        if place[0] == "field":
            name, index = f"{symbol.kind}[{place[2]}].{symbol.name}", place[3:]
        else:
            name, index = symbol.name, place[2:]
        base = name
        for dimension, part in zip(symbol.dimensions, index, strict=True):
            shown = (
                instance.names(dimension.kind)[part - instance.first.get(dimension.kind, 0)]
                if isinstance(dimension, t.RefType)
                else part
            )
            name += f"[{shown}]"
        match symbol.type:
            case t.LockType(flavour):
                found[name] = value[0]
                if flavour == "rwsem":
                    for n, shown in enumerate(names):
                        found[f"{name}.readers[{shown}]"] = int(n in value[1])
            case t.SetType(kind):
                assert kind is not None
                first = instance.first.get(kind, 0)
                for i, shown in enumerate(instance.names(kind)):
                    found[f"{name}[{shown}]"] = int(first + i in value)
            case t.VariantType(variant):
                found[name] = value[0]
                for case_number, case in enumerate(world.model.variants[variant].cases):
                    for i, payload in enumerate(case.payload):
                        # An array of variants has an array of each payload.
                        slot = f"{base}.{payload.name}{name.removeprefix(base)}"
                        if case_number == value[0]:
                            found[slot] = value[1 + i]
                        else:
                            default = (
                                NULL
                                if isinstance(payload.type, t.RefType)
                                else world._default(payload.type, None)
                            )
                            found.setdefault(slot, default)
            case _:
                found[name] = value
    for (kind, number), life in world.alive.items():
        found[f"{kind}[{number}].alive"] = ("freed", "alive", "gone").index(life)
    for (section, number), depth in world.depth.items():
        found[f"{names[number]} inside.{section}"] = depth
    return found


@dataclass
class Explored:
    """What a bounded search saw: for each complete level, the shared states first reached in it."""

    levels: list[set[tuple[tuple[str, int], ...]]]
    fault: tuple[str, int] | None
    complete: bool


def explore(instance: Instance, names: tuple[str, ...], budget: int) -> Explored:
    """Breadth first, until a fault, the end, or `budget` states.

    Raises NotImplementedError where that takes far more steps than there are states.
    """
    effort = _Effort(100 * budget)
    level: list[History] = _initial(instance, effort)
    seen: set[Any] = set()
    shared_seen: set[Any] = set()
    levels: list[set[tuple[tuple[str, int], ...]]] = []
    failures: set[str] = set()
    depth = 0
    unique: list[History] = []
    while level:
        faults, following, found = set(failures), [], set()
        failures = set()
        unique = []
        for history in level:
            machine = Machine(instance, history)
            key = machine.key()
            if key in seen:
                continue
            seen.add(key)
            unique.append(history)
            shared = projection(machine)
            picked = tuple((name, shared[name]) for name in names)
            if picked not in shared_seen:
                found.add(picked)
            if (bad := machine.world.imbalance()) is not None:
                faults.add(bad)
            if machine.world.broken() is not None:
                faults.add("property")
        shared_seen |= found
        levels.append(found)
        for history in unique:
            options, wrong = _successors(instance, history, effort)
            failures |= wrong
            following += options
            if not options and not wrong:
                machine = Machine(instance, history)
                if not machine.world.all_ended():
                    faults.add("deadlock")
        if faults:
            return Explored(levels, (",".join(sorted(faults)), depth), False)
        if len(seen) > budget:
            return Explored(levels, None, False)
        level = following
        depth += 1
        if not level and failures:
            return Explored(levels, (",".join(sorted(failures)), depth), False)
    return Explored(levels, None, True)


class _Effort:
    """How many choices may still be made. A loop that chooses and touches nothing shared has no end of them."""

    def __init__(self, left: int) -> None:
        self.left = left

    def scripts(self, pending: list[tuple[int, ...]]) -> Iterator[tuple[int, ...]]:
        """What is pending, and what comes to it meanwhile. Raises NotImplementedError beyond the limit."""
        while pending:
            script = pending.pop()
            self.left -= 1 + len(script)  # all of it is run again
            if self.left < 0:
                raise NotImplementedError("too many choices")
            yield script


def _initial(instance: Instance, effort: _Effort) -> list[History]:
    found: list[History] = []
    pending: list[tuple[int, ...]] = [()]
    for script in effort.scripts(pending):
        try:
            Machine(instance, ((-1, script),))
            found.append(((-1, script),))
        except NeedChoice as need:
            pending += [(*script, i) for i in range(need.options)]
    return found


def _successors(
    instance: Instance, history: History, effort: _Effort
) -> tuple[list[History], set[str]]:
    found: list[History] = []
    wrong: set[str] = set()
    first = Machine(instance, history)
    for number, event in first.events.items():
        if event is None:
            continue
        pending: list[tuple[int, ...]] = [()]
        for script in effort.scripts(pending):
            machine = Machine(instance, history)
            try:
                machine.step(number, script)
                found.append((*history, (number, script)))
            except NeedChoice as need:
                pending += [(*script, i) for i in range(need.options)]
            except Blocked:
                pass
            except Wrong as error:
                wrong.add(error.id)
    return found, wrong
