"""A random spec: `random_spec(Random(7))` is the spec of seed 7."""

from __future__ import annotations

from random import Random

from tests.generator.expressions import Expressions, Scope
from tests.generator.statements import Lines, Statements, block, function
from tests.generator.vocabulary import Bool, Name, Ref, SetOf, Vocabulary, vocabulary


def random_spec(rng: Random) -> str:
    """The text of a spec that the language mostly accepts."""
    words = vocabulary(rng)
    lines = _declarations(words)
    for number in range(rng.choice([0, 0, 1, 2])):
        made, text = function(rng, words, number)
        words.functions.append(made)
        lines += text
    lines += _init(rng, words)
    for family in words.families:
        lines += _thread(rng, words, family)
    properties = _properties(rng, words)
    lines += properties
    lines += _checks(rng, words, properties)
    return "\n".join(lines) + "\n"


def _declarations(words: Vocabulary) -> Lines:
    sizes = {k.name: k.size for k in words.kinds.values()}
    sizes |= {name: size for name, size in words.families.items() if name in words.scoped}
    lines = [f"use {module};" for module in words.modules]
    lines += ['models "mm/random.c:seed";', 'cite "nothing";'] if len(words.kinds) == 1 else []
    lines += [f"scope {{ {', '.join(f'{name}: {size}' for name, size in sizes.items())} }}"]
    for name, members in words.enums.items():
        lines.append(f"enum {name} {{ {', '.join(members)} }}")
    lines += [f"config {c.declared()};" for c in words.configs]
    if len(words.configs) == 2:
        lines.append("with bound = fixed ? 2 : 0;")
    for name, cases in words.variants.items():
        shown = [
            case.name + (f"({', '.join(p.declared() for p in case.payload)})" * bool(case.payload))
            for case in cases
        ]
        lines.append(f"variant {name} {{ {', '.join(shown)} }}")
    for kind in words.kinds.values():
        inner = [f"{'ghost ' * f.ghost}{f.declared()};" for f in kind.fields]
        if kind.counted:
            bias = f" = {kind.bias} bias {kind.bias}" if kind.bias else " = 0"
            inner.insert(0, f"counted refcount : 0..{kind.counted}{bias};")
        if kind.lives_in:
            inner.insert(0, f"lives in home : {kind.lives_in} = {kind.lives_in}[0];")
        lines += block(f"object {kind.name}", inner)
    for section, is_atomic in words.sections.items():
        lines.append(f"section {section}{' atomic' * is_atomic};")
    return lines + [f"{'ghost ' * v.ghost}var {v.declared()};" for v in words.shared]


def _init(rng: Random, words: Vocabulary) -> Lines:
    lines: Lines = []
    for name in words.shared:
        if name.name == "keeper" and rng.random() < 0.7:
            kind = name.type.kind  # type: ignore[union-attr]
            lines.append(f"{kind}[0].refcount += 1;")
            lines.append(
                f"keeper += {kind}[0];" if isinstance(name.type, SetOf) else f"keeper = {kind}[0];"
            )
    return block("init", lines) if lines else []


def _thread(rng: Random, words: Vocabulary, family: str) -> Lines:
    modifier = rng.choices(
        ["", "daemon ", "fair strong ", "unfair ", "fair daemon "], [20, 2, 1, 1, 1]
    )[0]
    size = words.families[family]
    count = "[*]" if family in words.scoped else f"[{size}]" if size > 1 else ""
    body = Statements(rng, words, Scope()).thread(rng.randint(2, 6))
    return block(f"{modifier}thread {family}{count}", body)


def _properties(rng: Random, words: Vocabulary) -> Lines:
    say = Expressions(rng, words, Scope(observing=True, in_thread=False))
    lines: Lines = []
    for number in range(rng.choice([0, 0, 0, 1, 1, 2])):
        test = " || ".join(f"({say.condition(2)})" for _ in range(rng.choice([1, 3, 4, 5])))
        when = f" when {rng.choice(words.configs).name}" if _has_bool(words, rng) else ""
        lines.append(f"invariant i{number}{when} : {test};")
    if rng.random() < 0.3:
        kind = rng.choice(sorted(words.kinds))
        with say.naming(Name("z", Ref(kind, False))):
            lines.append(
                f"invariant shaped : forall z : {kind} . ({say.condition(1)}) implies (({say.condition(1)}) || ({say.condition(2)}));"
            )
    if rng.random() < 0.2:
        lines.append(f"finally done : ({say.condition(1)}) || ({say.condition(1)});")
    if rng.random() < 0.4:
        lines.append(f"cover happens : {say.condition(1)};")
    if rng.random() < 0.12:
        family = rng.choice(sorted(words.families))
        thread = family if words.families[family] == 1 else f"{family}[0]"
        promise = rng.choice(
            [
                f"{thread} terminates",
                f"eventually {say.condition(1)}",
                f"infinitely often {say.condition(1)}",
                f"({say.condition(1)}) leads to ({say.condition(1)})",
            ]
        )
        lines.append(f"progress promised : {promise};")
    return lines


def _has_bool(words: Vocabulary, rng: Random) -> bool:
    return [c.name for c in words.configs] == ["fixed"] and rng.random() < 0.3


def _checks(rng: Random, words: Vocabulary, properties: Lines) -> Lines:
    if not words.configs or rng.random() < 0.5:
        return []
    config = rng.choice(words.configs)
    if rng.random() < 0.3:
        return block(f'check "each" for {config.name}', ["expect holds;"])
    clauses = ["expect violation deadlock;"] if rng.random() < 0.3 else ["expect holds;"]
    for property_ in ("i0", "shaped", "done"):
        if any(f" {property_} :" in line for line in properties) and rng.random() < 0.3:
            clauses.append(f"without {property_};")
    if any(line.startswith("cover happens") for line in properties):
        clauses.append("allow uncovered happens;")
    value = "false" if config.type == Bool() else "2"
    return [
        *block('check "as it is"', clauses),
        *block(f'check "otherwise" with {config.name} = {value}', ["expect holds;"]),
    ]
