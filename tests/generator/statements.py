"""Random thread bodies: plain statements, and idioms of the kernel that are sometimes done wrong."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.generator.expressions import Expressions, Scope
from tests.generator.vocabulary import (
    Bool,
    Enum,
    Function,
    Kind,
    Lock,
    Name,
    Range,
    Ref,
    SetOf,
    Type,
    Variant,
    Vocabulary,
    simple_type,
)

Lines = list[str]
Labels = list[str]

MISTAKES = 0.06
"""How often an idiom loses a line."""


_WRAPPERS = {
    "spinlock": (("spin_lock", "spin_unlock"),),
    "mutex": (("mutex_lock", "mutex_unlock"),),
    "rwsem": (("down_read", "up_read"), ("down_write", "up_write")),
}
"""What the library's `sync.lock` calls them."""


def indented(lines: Lines) -> Lines:
    """One level deeper."""
    return ["    " + line for line in lines]


def block(head: str, lines: Lines) -> Lines:
    """A statement with a body."""
    return [f"{head} {{", *indented(lines), "}"]


class Statements:
    """The body of one thread, function or `init`."""

    def __init__(self, rng: Random, words: Vocabulary, scope: Scope, *, calls: bool = True) -> None:
        self.rng = rng
        self.words = words
        self.scope = scope
        self.say = Expressions(rng, words, scope)
        self.calls = calls
        self.covers: Labels = []
        self._serial = 0
        self._loops = 0
        self._atomic = 0
        self._sections: list[str] = []

    def fresh(self, prefix: str) -> str:
        """A name of this body's own."""
        self._serial += 1
        return f"{prefix}{self._serial}"

    # --- bodies -------------------------------------------------------------------------

    def body(self, length: int, depth: int = 2) -> Lines:
        """So many statements; what they declare is gone afterwards."""
        before = len(self.scope.names)
        lines: Lines = []
        for _ in range(length):
            lines += self.statement(depth)
        del self.scope.names[before:]
        return lines or ["touch(page[0]);"]

    def thread(self, length: int) -> Lines:
        """A thread's whole body: its locals, what it does, and giving back what it took."""
        lines: Lines = ['models "mm/random.c:step";'] if self.rng.random() < 0.1 else []
        counted = [k for k in self.words.kinds.values() if k.counted]
        pin = None
        if counted and self.rng.random() < 0.6:
            pin = Name("pin", Ref(self.rng.choice(counted).name, True), holds="refcount")
            lines.append(f"var {pin.declared()};")
        for number in range(self.rng.randint(0, 2)):
            type_ = simple_type(self.rng, self.words)
            name = Name(f"a{number}", type_)
            initial = "" if isinstance(type_, Variant) else f" = {self.say.value(type_, 1)}"
            lines.append(f"var {name.name} : {type_}{initial};")
            self.scope.names.append(name)
        inner: Lines = []
        for _ in range(length):
            choice = self.rng.random()
            if pin and choice < 0.3:
                inner += self._mistaken(self.rng.choice([self.get, self.put, self.hand_over])(pin))
            else:
                inner += self.statement(2)
        if pin and self.rng.random() < 0.9:
            inner += self.put(pin)
        return lines + inner

    def _mistaken(self, lines: Lines) -> Lines:
        """Now and then a line that stands alone is forgotten."""
        if self.rng.random() >= MISTAKES:
            return lines
        alone = [n for n, line in enumerate(lines) if line.endswith(";")]
        return [line for n, line in enumerate(lines) if not alone or n != self.rng.choice(alone)]

    # --- references ---------------------------------------------------------------------

    def get(self, pin: Name) -> Lines:
        """Take a reference if there is none yet, in the way of get_page or of try_get."""
        assert isinstance(pin.type, Ref)
        kind = self.words.kinds[pin.type.kind]
        page = self.say.object(kind)
        guard = f"{page}.refcount < {kind.counted}"
        if self.rng.random() < 0.7:
            guard += f" && {page}.refcount > {kind.bias if kind.bias else 0}"
        take = block(f"if ({guard})", [f"{page}.refcount += 1;", f"pin = {page};"])
        return block(f"if ({pin.name} == null)", block("atomic", take))

    def put(self, pin: Name) -> Lines:
        """Give the reference up."""
        let_go = self.rng.choice([f"drop({pin.name});", f"{pin.name} = null;"])
        count = self.rng.choice([f"{pin.name}.refcount -= 1;", f"{pin.name}.refcount--;"])
        return block(f"if ({pin.name} != null)", block("atomic", [count, let_go]))

    def hand_over(self, pin: Name) -> Lines:
        """Leave the reference in a shared holder, or take what is there."""
        assert isinstance(pin.type, Ref)
        kind = pin.type.kind
        for name in self.words.shared:
            if name.name != "keeper":
                continue
            if name.type == pin.type:
                if self.rng.random() < 0.5:
                    moved = [f"{pin.name} = keeper;", "drop(keeper);"]
                    return block("atomic", block(f"if ({pin.name} == null)", moved))
                moved = [f"keeper = {pin.name};", f"drop({pin.name});"]
                return block("atomic", block("if (keeper == null)", moved))
            if name.type == SetOf(kind):
                moved = [f"keeper += {pin.name};", f"drop({pin.name});"]
                test = f"if ({pin.name} != null && !({pin.name} in keeper))"
                return block("atomic", block(test, moved))
        return self.put(pin)

    def _entry(self) -> Lines:
        """Set or clear a page-table entry with its reference."""
        slots = [
            (kind, one)
            for kind in self.words.kinds.values()
            for one in kind.fields
            if isinstance(one.type, Variant) and not one.dims
        ]
        if not slots:
            return self._assign()
        kind, one = self.rng.choice(slots)
        slot = f"{self.say.object(kind)}.{one.name}"
        present = self.words.variants["entry"][1]
        counted = present.payload[0].holds is not None
        page = self.words.kinds["page"]
        extra = "".join(f", {self.say.value(p.type, 0)}" for p in present.payload[1:])
        if self.rng.random() < 0.5:
            target = self.say.object(page)
            lines = [f"{slot} = present({target}{extra});"]
            test = f"{slot} is none"
            if counted:
                lines.insert(0, f"{target}.refcount += 1;")
                test += f" && {target}.refcount < {page.counted}"
            return block("atomic", block(f"if ({test})", lines))
        known = self.say.fresh()
        lines = [f"{slot} = none;"]
        if counted:
            lines.append(f"{known}.refcount -= 1;")
        return block("atomic", block(f"if ({slot} is present({known}))", lines))

    # --- statements ---------------------------------------------------------------------

    def statement(self, depth: int) -> Lines:
        """One statement with all that is in it."""
        flat: list[tuple[int, Callable[[], Lines]]] = [
            (10, self._assign),
            (2, self._local),
            (4, self._entry),
            (2, self._choose),
            (1, self._assert),
            (1, self._cover),
            (1, self._touch),
            (1, self._ghost),
            (1, self._step_by_one),
        ]
        if self.calls:
            flat.append((2, self._call))
        if not self._atomic:
            flat += [(2, self._wait), (1, self._lifetime), (1, self._fence)]
            if self.words.sections:
                flat.append((1, self._quiesce))
        if self._loops:
            flat.append((1, self._leave_loop))
        nested: list[tuple[int, Callable[[], Lines]]] = [
            (6, lambda: self._if(depth)),
            (2, lambda: self._for(depth)),
            (2, lambda: self._either(depth)),
            (2, lambda: self._plain_block(depth)),
        ]
        if not self._atomic:
            nested += [
                (4, lambda: self._locked(depth)),
                (3, lambda: self._atomically(depth)),
                (2, lambda: self._while(depth)),
                (2, lambda: self._inside(depth)),
                (1, lambda: self._jump(depth)),
            ]
        options = flat + (nested if depth > 0 else [])
        weights = [weight for weight, _ in options]
        return self.rng.choices([make for _, make in options], weights)[0]()

    def _targets(self) -> list[tuple[str, Type]]:
        found: list[tuple[str, Type]] = []
        for name in self.scope.names:
            if not name.holds and not name.dims and not name.ghost:
                found.append((name.name, name.type))
        for name in self.words.shared:
            if not (name.holds or name.ghost or isinstance(name.type, Lock)):
                text = self.say._element(name.name, name.dims)
                found += [(text, name.type)] * 2
        for kind in self.words.kinds.values():
            for one in kind.fields:
                if not (one.ghost or isinstance(one.type, Lock)):
                    text = self.say._element(f"{self.say.object(kind)}.{one.name}", one.dims)
                    found += [(text, one.type)] * 2
        return [
            (text, type_)
            for text, type_ in found
            if not self._accounts(type_) and not text.startswith(("x", "k"))
        ]

    def _accounts(self, type_: Type) -> bool:
        """A variant that holds references is changed together with the counts, elsewhere."""
        return isinstance(type_, Variant) and any(
            payload.holds for case in self.words.variants[type_.name] for payload in case.payload
        )

    def _assign(self) -> Lines:
        targets = self._targets()
        if not targets:
            return self._touch()
        place, type_ = self.rng.choice(targets)
        if isinstance(type_, SetOf) and self.rng.random() < 0.6:
            member = self.say.object(self.words.kinds[type_.kind])
            return [f"{place} {self.rng.choice(['+=', '-='])} {member};"]
        value = self.say.value(type_, 2 if self._atomic else 1)
        if self.rng.random() < 0.15:
            kind = self.rng.choice(["WRITE_ONCE", "smp_store_release"])
            return [f"{kind}({place}, {value});"]
        return [f"{place} = {value};"]

    def _step_by_one(self) -> Lines:
        numbers = [(p, t) for p, t in self._targets() if isinstance(t, Range)]
        if not numbers:
            return self._assign()
        place, type_ = self.rng.choice(numbers)
        assert isinstance(type_, Range)
        if self.rng.random() < 0.2:
            return [f"{place}{self.rng.choice(['++', '--'])};"]
        test = self.rng.choice(
            [(f"{place} < {type_.high}", "++"), (f"{place} > {type_.low}", "--")]
        )
        inner = block(f"if ({test[0]})", [f"{place}{test[1]};"])
        return inner if self._atomic else block("atomic", inner)

    def _local(self) -> Lines:
        type_ = simple_type(self.rng, self.words)
        name = Name(self.fresh("t"), type_)
        if isinstance(type_, Variant):
            places = self.say.places(type_)
            if not places:
                return self._assign()
            text = f"var {name.name} = {self.rng.choice(places)};"
        elif self.rng.random() < 0.3 and (places := self.say.places(type_)):
            access = self.rng.choice(["READ_ONCE", "smp_load_acquire"])
            text = f"var {name.name} : {type_} = {access}({self.rng.choice(places)});"
        else:
            text = f"var {name.name} : {type_} = {self.say.value(type_, 1)};"
        self.scope.names.append(name)
        return [text]

    def _choose(self) -> Lines:
        targets = [(p, t) for p, t in self._targets() if isinstance(t, Bool | Range | Ref | Enum)]
        if not targets:
            return self._assign()
        place, type_ = self.rng.choice(targets)
        if isinstance(type_, Ref):
            if self.rng.random() < 0.5:
                return [f"{place} = any {type_.kind};"]
            binder = self.say.fresh()
            with self.say.naming(Name(binder, Ref(type_.kind, False))):
                test = self.say.condition(1)
            return [f"{place} = any {binder} : {type_.kind} where {test};"]
        return [f"{place} = any {type_};"]

    def _assert(self) -> Lines:
        if self.rng.random() < 0.15:
            return block(f"if ({self.say.condition(1)})", ["unreachable;"])
        test = self.say.condition(1)
        if self.rng.random() < 0.7:
            test = f"({test}) || ({self.say.condition(1)}) || !({test})"
        return [
            f'assert {test} else wrong_page "as it happens";'
            if self.rng.random() < 0.3
            else f"assert {test};"
        ]

    def _cover(self) -> Lines:
        if not self.scope.in_thread or self._atomic:
            return self._touch()
        name = self.fresh(f"reached_{self.rng.randrange(1000)}_")
        self.covers.append(name)
        return [f"cover {name};"]

    def _touch(self) -> Lines:
        kind = self.words.kinds[self.rng.choice(sorted(self.words.kinds))]
        return [f"touch({self.say.object(kind)});"]

    def _ghost(self) -> Lines:
        ghosts = [(n.name, n.type) for n in self.words.shared if n.ghost]
        for kind in self.words.kinds.values():
            ghosts += [(f"{kind.name}[0].{f.name}", f.type) for f in kind.fields if f.ghost]
        if not ghosts:
            return self._assign()
        place, type_ = self.rng.choice(ghosts)
        was, self.scope.observing = self.scope.observing, True
        value, test = self.say.value(type_, 1), self.say.condition(1)
        self.scope.observing = was
        if self.rng.random() < 0.5:
            return [f"ghost {place} = {value};"]
        return block("ghost", block(f"if ({test})", [f"{place} = {value};"]))

    def _call(self) -> Lines:
        functions = [f for f in self.words.functions if not f.is_expression]
        if not functions:
            return self._assign()
        function = self.rng.choice(functions)
        arguments = []
        for param in function.params:
            if param.name in function.places:
                options = (
                    [text for text, flavour in self.words.locks() if flavour == str(param.type)]
                    if isinstance(param.type, Lock)
                    else [p for p, t in self._targets() if t == param.type]
                )
                if not options:
                    return self._assign()
                arguments.append(self.rng.choice(options))
            else:
                arguments.append(self.say.value(param.type, 0))
        call = f"{function.name}({', '.join(arguments)})"
        if function.result is not None:
            name = Name(self.fresh("t"), function.result)
            self.scope.names.append(name)
            return [f"var {name.name} = {call};"]
        return [f"{call};"]

    def _wait(self) -> Lines:
        word = "spin" if self._sections or self.rng.random() < 0.3 else "wait"
        return [f"{word} until {self.say.condition(1)};"]

    def _fence(self) -> Lines:
        return [self.rng.choice(["smp_mb();", "smp_rmb();", "smp_wmb();", "might_sleep();"])]

    def _quiesce(self) -> Lines:
        if not self.words.sections or self._sections:
            return self._wait()
        names = sorted(self.words.sections)
        chosen = names if self.rng.random() < 0.3 else [self.rng.choice(names)]
        return [f"{self.rng.choice(['quiesce', 'quiesce_others'])}({', '.join(chosen)});"]

    def _lifetime(self) -> Lines:
        mortal = [k for k in self.words.kinds.values() if k.dies]
        if not mortal:
            return self._touch()
        kind: Kind = self.rng.choice(mortal)
        target = f"{kind.name}[{self.rng.randrange(kind.size)}]"
        unused = [f"{target}.refcount == 0"] if kind.counted else []
        for inner in self.words.kinds.values():
            if inner.lives_in == kind.name and inner.counted:
                unused += [f"{inner.name}[{n}].refcount == 0" for n in range(inner.size)]
        wait = [f"wait until {' && '.join(unused)};"] if unused and not self._sections else []
        if self.rng.random() < 0.2:
            return [f"create({target});"]
        return self._mistaken([*wait, f"destroy({target});"])

    # --- statements with bodies ---------------------------------------------------------

    def _if(self, depth: int) -> Lines:
        test = self.say.condition(1)
        bound: list[Name] = []
        if self.rng.random() < 0.3:
            variants = [n for n in self.words.variants if self.say.places(Variant(n))]
            if variants:
                name = self.rng.choice(variants)
                place = self.rng.choice(self.say.places(Variant(name)))
                case = self.rng.choice(self.words.variants[name])
                bound = [Name(self.say.fresh(), p.type) for p in case.payload]
                shown = f"({', '.join(b.name for b in bound)})" if bound else ""
                test = f"{place} is {case.name}{shown}"
        with self.say.naming(*bound):
            lines = block(f"if ({test})", self.body(self.rng.randint(1, 2), depth - 1))
        if self.rng.random() < 0.4:
            lines[-1] = "} else {"
            lines += [*indented(self.body(1, depth - 1)), "}"]
        return lines

    def _looped(self, depth: int) -> Lines:
        self._loops += 1
        lines = self.body(self.rng.randint(1, 2), depth - 1)
        self._loops -= 1
        return lines

    def _for(self, depth: int) -> Lines:
        binder = self.fresh("k")
        if self.rng.random() < 0.7:
            domain: Type = Ref(self.rng.choice(sorted(self.words.kinds)), False)
        else:
            domain = Range(0, 1)
        with self.say.naming(Name(binder, domain)):
            return block(f"for ({binder} in {domain})", self._looped(depth))

    def _while(self, depth: int) -> Lines:
        if self.rng.random() < 0.3:
            test = self.say.condition(1)
            return block("forever", [*block(f"if ({test})", ["break;"]), *self._looped(depth)])
        return block(f"while ({self.say.condition(1)})", self._looped(depth))

    def _leave_loop(self) -> Lines:
        return block(f"if ({self.say.condition(1)})", [self.rng.choice(["break;", "continue;"])])

    def _either(self, depth: int) -> Lines:
        lines = block("either", self.body(1, depth - 1))
        for _ in range(self.rng.randint(1, 2)):
            lines[-1] = "} or {"
            lines += [*indented(self.body(1, depth - 1)), "}"]
        return lines

    def _plain_block(self, depth: int) -> Lines:
        return ["{", *indented(self.body(2, depth - 1)), "}"]

    def _atomically(self, depth: int) -> Lines:
        self._atomic += 1
        lines = block("atomic", self.body(self.rng.randint(1, 3), depth - 1))
        self._atomic -= 1
        return lines

    def _locked(self, depth: int) -> Lines:
        locks = list(self.words.locks())
        if not locks:
            return self._atomically(depth)
        lock, flavour = self.rng.choice(locks)
        inner = self.body(self.rng.randint(1, 2), depth - 1)
        if self.words.modules and flavour in _WRAPPERS:
            take, give = self.rng.choice(_WRAPPERS[flavour])
            return self._mistaken([f"{take}({lock});", *inner, f"{give}({lock});"])
        if flavour == "rwsem" and self.rng.random() < 0.5:
            return self._mistaken([f"lock_shared({lock});", *inner, f"unlock_shared({lock});"])
        if self.rng.random() < 0.3:
            return block(f"if (trylock({lock}))", [*inner, f"unlock({lock});"])
        return self._mistaken([f"lock({lock});", *inner, f"unlock({lock});"])

    def _inside(self, depth: int) -> Lines:
        if not self.words.sections or len(self._sections) >= 2:
            return self._if(depth)
        section = self.rng.choice(sorted(self.words.sections))
        self._sections.append(section)
        inner = self.body(self.rng.randint(1, 2), depth - 1)
        self._sections.pop()
        return self._mistaken([f"enter({section});", *inner, f"leave({section});"])

    def _jump(self, depth: int) -> Lines:
        label = self.fresh("out")
        guarded = block(f"if ({self.say.condition(1)})", [f"goto {label};"])
        return [*guarded, *self.body(1, depth - 1), f"{label}:"]


def function(rng: Random, words: Vocabulary, number: int) -> tuple[Function, Lines]:
    """A function and its text."""
    kind = rng.choice(sorted(words.kinds))
    if rng.random() < 0.35:
        param = Name("p0", Ref(kind, False))
        say = Expressions(rng, words, Scope(in_thread=False, names=[param]))
        made = Function(f"f{number}", (param,), frozenset(), Bool(), True)
        return made, [f"fn {made.name}(p0 : {kind}) -> bool = {say.condition(2)};"]
    params = [Name("p0", rng.choice([Ref(kind, False), Bool(), Range(0, 2)]))]
    places = set()
    if rng.random() < 0.5:
        flavours = sorted({flavour for _, flavour in words.locks()})
        types: list[Type] = [Bool(), Range(0, 2), *(Lock(f) for f in flavours)]
        params.append(Name("r0", rng.choice(types)))
        places.add("r0")
    result: Type | None = rng.choice([None, None, Bool(), Ref(kind, True)])
    made = Function(f"f{number}", tuple(params), frozenset(places), result, False)
    scope = Scope(names=[p for p in params if not isinstance(p.type, Lock)])
    body = Statements(rng, words, scope, calls=False)
    lines = body.body(rng.randint(1, 2), 1)
    if isinstance(params[-1].type, Lock):
        lines = ["lock(r0);", *lines, "unlock(r0);"]
    if result is not None:
        lines.append(f"return {body.say.value(result, 1)};")
    shown = ", ".join(f"{'ref ' * (p.name in places)}{p.name} : {p.type}" for p in params)
    arrow = f" -> {result}" if result is not None else ""
    return made, block(f"fn {made.name}({shown}){arrow}", lines)
