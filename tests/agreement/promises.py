"""Random specs with progress properties: loops, waits, locks and choices of a few threads."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from zdcheck.base.source import SourceFile
from zdcheck.ir.system import System
from zdcheck.lang.check import check
from zdcheck.lang.modules import load_text
from zdcheck.lower import Instance, lower
from zdcheck.trace.coverage import blind

MODIFIERS = ("", "", "", "unfair ", "fair strong ", "fair strong ", "daemon ", "fair daemon ")
BOOLS = ("a", "b")
NUMBERS = ("n", "m")


@dataclass
class Writer:
    """Writes one spec."""

    rng: random.Random
    threads: int = 0

    def text(self) -> str:
        """A whole spec."""
        rng = self.rng
        self.threads = rng.choice((1, 2, 2, 3))
        lines = [f"var {name} : bool = {rng.choice(('true', 'false'))};" for name in BOOLS]
        lines += [f"var {name} : 0..2 = {rng.choice(('0', '1', 'any'))};" for name in NUMBERS]
        lines.append("var l : spinlock;")
        for number in range(self.threads):
            body = self.block(2, rng.randint(1, 3), False)
            if rng.random() < 0.5:
                body = f"forever {{ {body} }}"
            lines.append(f"{rng.choice(MODIFIERS)}thread t{number} {{ {body} }}")
        lines += [f"progress p{number} : {self.promise()};" for number in range(rng.randint(1, 3))]
        return "\n".join(lines) + "\n"

    def promise(self) -> str:
        """What a progress property says."""
        match self.rng.randint(0, 4):
            case 0:
                return f"t{self.rng.randrange(self.threads)} terminates"
            case 1:
                return f"eventually {self.goal()}"
            case 2:
                return f"infinitely often {self.goal()}"
            case _:
                return f"{self.goal()} leads to {self.goal()}"

    def goal(self) -> str:
        """A condition, maybe about where threads are."""
        if self.rng.random() < 0.15:
            return f"(ended(t{self.rng.randrange(self.threads)}))"
        return self.condition()

    def condition(self) -> str:
        """A condition over the shared variables."""
        rng = self.rng
        match rng.randint(0, 4):
            case 0:
                return rng.choice(BOOLS)
            case 1:
                return f"!{rng.choice(BOOLS)}"
            case 2:
                return f"({rng.choice(NUMBERS)} == {rng.randint(0, 2)})"
            case 3:
                return f"({rng.choice(BOOLS)} {rng.choice(('&&', '||'))} {rng.choice(BOOLS)})"
            case _:
                return f"({rng.choice(NUMBERS)} != {rng.choice(NUMBERS)})"

    def block(self, depth: int, length: int, locked: bool) -> str:
        """Statements."""
        return " ".join(self.statement(depth, locked) for _ in range(length))

    def statement(self, depth: int, locked: bool) -> str:
        """One statement."""
        rng = self.rng
        inner = depth - 1
        match rng.randint(0, 12 if depth else 4):
            case 0 | 1:
                return f"{rng.choice(BOOLS)} = {rng.choice(('true', 'false'))};"
            case 2:
                name = rng.choice(BOOLS)
                return f"atomic {{ {name} = !{name}; }}"
            case 3:
                return f"{rng.choice(NUMBERS)} = {rng.choice(('0', '1', '2', 'any 0..2', 'any 0..1'))};"
            case 4:
                return f"spin until {self.condition()};"
            case 5 | 6:
                return (
                    f"if ({self.condition()}) {{ {self.block(inner, rng.randint(1, 2), locked)} }}"
                )
            case 7 | 8:
                return f"while ({self.condition()}) {{ {self.block(inner, rng.randint(0, 2), locked)} }}"
            case 9 | 10:
                first, second = (self.block(inner, rng.randint(0, 2), locked) for _ in range(2))
                return f"either {{ {first} }} or {{ {second} }}"
            case 11 if not locked:
                return f"lock(l); {self.block(inner, rng.randint(1, 2), True)} unlock(l);"
            case _:
                name = rng.choice(NUMBERS)
                return f"atomic {{ if ({name} < 2) {name} += 1; else {name} = 0; }}"


def random_text(seed: int) -> str:
    """The spec of that number."""
    return Writer(random.Random(seed)).text()


def promising_system(seed: int) -> System:
    """Its system, in which only promises can be broken."""
    model = check(load_text(SourceFile("random.zd", random_text(seed))))
    system = lower(Instance.of(model, model.checks[0]))
    return replace(blind(system, frozenset()), progress=system.progress)
