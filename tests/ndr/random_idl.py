"""Random interfaces: valid IDL with every form that travels, one inside the other.

Sizes and tags are siblings of what they describe, made beside it, so that the random values of
`tests.roundtrip.random_values` can agree with them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

SCALARS = """
    boolean byte char wchar_t small short long hyper int float double __int3264 __int64
    unsigned-char unsigned-small unsigned-short unsigned-long unsigned-hyper
""".split()
COUNTERS = "short long hyper small unsigned-small unsigned-short unsigned-long unsigned-char __int3264".split()
TAGS = "short long small unsigned-short unsigned-long unsigned-small char".split()
ODD_NAMES = """
    d b at r size run seen encode put_x n2 v t k pack1 read2 rows3 data order end value tag self call result args
    append extend join pad first count item items i j x y ndr struct_ unpack move take put get to wide text name names
    ids alias referent pointee stack align out source scope range zip len tuple list str bytes bool None True def
    class lambda from is yield print id type object super init enum_ pack unpack_from bound base start stop step view
""".split()
SIZES = ["{n}", "{n}", "{n}", "{n} + 1", "{n} * 2", "{n} / 2", "({n} + 1) & 3", "({n} ? {n} : 2)", "7 - {n}"]
GUID = "typedef struct { unsigned long Data1; unsigned short Data2; unsigned short Data3; byte Data4[8]; } GUID;"


@dataclass(slots=True)
class Scope:
    """The members of a structure or the parameters of an operation, while they are made."""

    lines: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    counters: list[str] = field(default_factory=list)
    """Ready to be used in a size expression."""
    parameters: bool = False


@dataclass(frozen=True, slots=True)
class Switched:
    """A non-encapsulated union and the type of its tag."""

    name: str
    tag: str


class RandomIdl:
    """Makes one file; the same seed makes the same text."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.serial = 0
        self.default = chance.choice(["unique", "unique", "ptr", "ref"])
        self.text: list[str] = []
        self.enums: list[str] = []
        self.structs: list[str] = []
        """May stand by value, in arrays, behind pointers."""
        self.conformants: list[str] = []
        """End in a conformant array: only behind pointers, or last in another structure."""
        self.unions: list[Switched] = []
        self.capsules: list[str] = []
        self.strings: list[str] = []
        self.contexts: list[str] = []
        self.arrays: list[str] = []

    def file(self) -> str:
        chance = self.chance
        attributes = ["uuid(12345678-0000-4000-8000-000000000001)", "version(1.0)"]
        attributes.append(f"pointer_default({self.default})")
        if chance.random() < 0.2:
            attributes.append("ms_union")
        kinds: list[Callable[[], None]] = [self.enum, self.union, self.capsule, self.string, self.recursive, self.array]
        for _ in range(chance.randrange(2, 9)):
            chance.choice([*kinds, self.struct, self.struct, self.struct, self.conformant, self.conformant])()
        if chance.random() < 0.2:
            self.contexts.append(self.fresh("CTX"))
            self.text.append(f"typedef [context_handle] void *{self.contexts[-1]};")
        operations = [self.operation() for _ in range(chance.randrange(1, 4))]
        self.text.insert(0, GUID)
        body = self.body(self.text + operations)
        text = f"interface IOther;\n[{', '.join(attributes)}]\ninterface Random\n{{\n{body}\n}}\n"
        if chance.random() < 0.2:  # another interface uses the same types
            more = [self.operation() for _ in range(chance.randrange(1, 3))]
            head = "uuid(12345678-0000-4000-8000-000000000002), pointer_default(unique)"
            text += f"[{head}]\ninterface Second\n{{\n{self.body(more)}\n}}\n"
        return text

    @staticmethod
    def body(declarations: list[str]) -> str:
        return "\n".join(f"    {line}" for text in declarations for line in text.splitlines())

    # ------------------------------------------------------------------------ names and small choices

    def fresh(self, prefix: str) -> str:
        self.serial += 1
        return f"{prefix}{self.serial}"

    def name(self, scope: Scope) -> str:
        found = self.chance.choice(ODD_NAMES) if self.chance.random() < 0.4 else self.fresh("f")
        while found in scope.names:
            found = self.fresh(found)
        scope.names.add(found)
        return found

    def scalar(self) -> str:
        return self.chance.choice(SCALARS).replace("-", " ")

    def pointer(self) -> str:
        return self.chance.choice(["unique", "unique", "ptr", "ref"])

    def nullable(self) -> str:
        return self.chance.choice(["unique", "ptr"])

    def element(self) -> str:
        """A type that may stand by value, in arrays and behind pointers."""
        pools = [self.structs, self.structs, self.enums, self.capsules, self.strings, self.arrays]
        pool = self.chance.choice([[], [], *pools])
        return self.chance.choice(pool) if pool else self.scalar()

    def size(self, scope: Scope) -> str:
        """A size expression over a counter, made now or shared."""
        return self.chance.choice(SIZES).format(n=self.counter(scope))

    def counter(self, scope: Scope) -> str:
        if scope.counters and self.chance.random() < 0.6:
            return self.chance.choice(scope.counters)
        name = self.name(scope)
        kind = self.chance.choice(COUNTERS).replace("-", " ")
        made = name
        if scope.parameters and self.chance.random() < 0.3:
            scope.lines.append(f"[in{self.chance.choice([', out', ''])}] {kind} *{name}")
            made = f"*{name}"
        else:
            scope.lines.append(f"[in] {kind} {name}" if scope.parameters else f"{kind} {name}")
        scope.counters.append(made)
        return made

    def tag(self, scope: Scope, kind: str) -> str:
        name = self.name(scope)
        scope.lines.append(f"[in] {kind} {name}" if scope.parameters else f"{kind} {name}")
        return name

    # ------------------------------------------------------------------------ types

    def enum(self) -> None:
        name = self.fresh("E")
        wide = self.chance.choice(["", "[v1_enum] "])
        values = sorted(self.chance.sample(range(100), self.chance.randrange(1, 5)))
        members = ", ".join(f"{name}_{value} = {value}" for value in values)
        self.text.append(f"typedef {wide}enum {{ {members} }} {name};")
        self.enums.append(name)

    def string(self) -> None:
        name = self.fresh("STR")
        kind = self.chance.choice(["[string] ", "[string, unique] "]) if self.default != "ref" else "[string, ptr] "
        self.text.append(f"typedef {kind}{self.chance.choice(['wchar_t', 'char'])} *{name};")
        self.strings.append(name)

    def array(self) -> None:
        name = self.fresh("ARR")
        dimensions = self.chance.choice(["[2]", "[3]", "[2][2]"])
        self.text.append(f"typedef {self.element()} {name}{dimensions};")
        self.arrays.append(name)

    def struct(self) -> None:
        name = self.fresh("S")
        self.text.append(f"typedef struct {{ {self.members()} }} {name};")
        self.structs.append(name)

    def conformant(self) -> None:
        name = self.fresh("C")
        scope = Scope()
        for _ in range(self.chance.randrange(3)):
            self.member(scope)
        # The open array, or a structure that ends in one, is last; what it is sized by went before.
        last = self.name(scope)
        element = self.element()
        match self.chance.randrange(7 if self.conformants else 6):
            case 0:
                line = f"[size_is({self.size(scope)})] {element} {last}[*]"
            case 1:
                line = f"[size_is({self.size(scope)}), length_is({self.counter(scope)})] {element} {last}[]"
            case 2:
                line = f"[string] {self.chance.choice(['wchar_t', 'char'])} {last}[*]"
            case 3:
                low, count = self.counter(scope), self.counter(scope)
                line = f"[size_is(11), first_is({low}), length_is({count})] {element} {last}[]"
            case 4:
                line = f"[size_is({self.size(scope)})] {element} {last}[][2]"
            case 5:
                line = f"[size_is({self.size(scope)})] {element} *{last}[]"
            case _:
                line = f"{self.chance.choice(self.conformants)} {last}"
        scope.lines.append(line)
        self.text.append(f"typedef struct {{ {'; '.join(scope.lines)}; }} {name};")
        self.conformants.append(name)

    def recursive(self) -> None:
        """A list, a tree, or two structures that point to each other."""
        name, other = self.fresh("R"), self.fresh("R")
        scope = Scope()
        if self.chance.random() < 0.5:
            self.member(scope)
        forms = [f"[{self.nullable()}] struct {name} *{self.name(scope)}"]
        if self.chance.random() < 0.4:
            forms.append(f"[{self.nullable()}] struct {name} *{self.name(scope)}")
        if self.chance.random() < 0.5:
            self.member(scope)
        ends_open = self.default != "ref" and self.chance.random() < 0.2
        if ends_open:
            forms.append(f"[size_is({self.size(scope)})] struct {name} *{self.name(scope)}[*]")
        elif self.chance.random() < 0.4:
            forms.append(f"[{self.nullable()}, size_is({self.size(scope)})] struct {name} *{self.name(scope)}")
        mutual = not ends_open and self.chance.random() < 0.3
        if mutual:
            forms.append(f"[{self.nullable()}] struct {other} *{self.name(scope)}")
        scope.lines += forms
        self.text.append(f"typedef struct {name} {{ {'; '.join(scope.lines)}; }} {name};")
        if mutual:
            back = f"[{self.nullable()}] {name} *back; {self.scalar()} rest"
            self.text.append(f"typedef struct {other} {{ {back}; }} {other};")
        (self.conformants if ends_open else self.structs).append(name)

    def members(self) -> str:
        scope = Scope()
        for _ in range(self.chance.randrange(1, 6)):
            self.member(scope)
        return "; ".join(scope.lines) + ";"

    def union(self) -> None:
        name = self.fresh("U")
        kind = self.tag_type()
        attributes = [f"switch_type({kind})"]
        if self.chance.random() < 0.2:
            attributes.append("ms_union")
        self.text.append(f"typedef [{', '.join(attributes)}] union {{ {self.arms(kind)} }} {name};")
        self.unions.append(Switched(name, kind))

    def tag_type(self) -> str:
        if self.enums and self.chance.random() < 0.3:
            return self.chance.choice(self.enums)
        return self.chance.choice(TAGS).replace("-", " ")

    def labels(self, kind: str) -> list[str]:
        if kind in self.enums:
            text = next(text for text in self.text if text.endswith(f"}} {kind};"))
            return [word for word in text.replace(",", " ").split() if word.startswith(f"{kind}_")]
        low = -5 if not kind.startswith(("unsigned", "char")) else 0
        return [str(value) for value in self.chance.sample(range(low, 100), self.chance.randrange(1, 6))]

    def arms(self, kind: str) -> str:
        scope = Scope()
        arms, labels = [], self.labels(kind)
        while labels:
            taken, labels = labels[: self.chance.choice([1, 1, 2])], labels[1:] if len(labels) == 1 else labels[2:]
            arms.append(f"[case({', '.join(taken)})] {self.arm(scope)};")
        if self.chance.random() < 0.4:
            arms.append(f"[default] {self.arm(scope)};")
        return " ".join(arms)

    def arm(self, scope: Scope) -> str:
        if self.chance.random() < 0.15:
            return ""
        name = self.name(scope)
        kind = self.element()
        choices = [
            f"{kind} {name}",
            f"{kind} {name}",
            f"{kind} {name}[{self.chance.randrange(1, 4)}]",
            f"[{self.nullable()}] {kind} *{name}",
            f"[string, {self.nullable()}] {self.chance.choice(['wchar_t', 'char'])} *{name}",
            f"[string] {self.chance.choice(['wchar_t', 'char'])} {name}[9]",
        ]
        if self.conformants:
            choices.append(f"[{self.nullable()}] {self.chance.choice(self.conformants)} *{name}")
        if self.chance.random() < 0.2:
            choices = [f"struct {{ {self.members()} }} {name}"]
        return self.chance.choice(choices)

    def capsule(self) -> None:
        name = self.fresh("X")
        kind = self.tag_type()
        scope = Scope(names={"tag"})
        arms = [f"case {label}: {self.arm(scope)};" for label in self.labels(kind)]
        if self.chance.random() < 0.4:
            arms.append("default: ;")
        self.text.append(f"typedef union switch ({kind} tag) u {{ {' '.join(arms)} }} {name};")
        self.capsules.append(name)

    # ------------------------------------------------------------------------ members

    def member(self, scope: Scope) -> None:
        """One member of a structure, behind the siblings it needs."""
        chance = self.chance
        name = self.name(scope)
        kind = self.element()
        letter = chance.choice(["wchar_t", "char"])
        match chance.randrange(26):
            case 0 | 1 | 2 | 3:
                line = f"{kind} {name}"
            case 4:
                line = f"{kind} {name}[{chance.randrange(1, 4)}]"
            case 5:
                line = f"{kind} {name}[{chance.randrange(1, 3)}][{chance.randrange(1, 4)}]"
            case 6:
                line = f"[string] {letter} *{name}"
            case 7:
                line = f"[string] {letter} {name}[{chance.randrange(1, 9)}]"
            case 8:
                line = f"[length_is({self.counter(scope)})] {kind} {name}[8]"
            case 9:
                line = f"[first_is({self.counter(scope)}), length_is({self.counter(scope)})] {kind} {name}[11]"
            case 10:
                line = f"[{self.pointer()}] {kind} *{name}"
            case 11:
                line = f"[{self.pointer()}] {kind} **{name}"
            case 12:
                line = f"[{self.pointer()}, size_is({self.size(scope)})] {kind} *{name}"
            case 13:
                size, length = self.size(scope), self.counter(scope)
                line = f"[{self.pointer()}, size_is({size}), length_is({length})] {kind} *{name}"
            case 14:
                line = f"[size_is({self.size(scope)}), string] {letter} **{name}"
            case 15:
                inner = chance.choice([self.size(scope), ""])
                outer = self.size(scope) if not inner else chance.choice([self.size(scope), ""])
                line = f"[size_is({outer}, {inner})] {kind} **{name}"
            case 16:
                line = self.switched(scope, name)
            case 17:
                line = f"[string] {letter} *{name}[{chance.randrange(1, 4)}]"
            case 18:
                line = f"{kind} *{name}[{chance.randrange(1, 4)}]"
            case 19:
                line = f"[string] {letter} {name}[2][{chance.randrange(1, 7)}]"
            case 20:
                line = f"[{self.pointer()}, max_is({self.size(scope)})] {kind} *{name}"
            case 21:
                line = f"[last_is({self.counter(scope)})] {kind} {name}[8]"
            case 22:
                line = f"{chance.choice(['GUID', 'IOther *'])} {name}"
            case 23:
                line = f"[length_is({self.counter(scope)}, {self.counter(scope)})] {kind} {name}[6][5]"
            case 24:
                line = f"[size_is({self.size(scope)}, {self.size(scope)}, {self.size(scope)})] {kind} ***{name}"
            case _:
                pool = self.conformants or self.structs
                line = f"[{self.pointer()}] {chance.choice(pool) if pool else kind} *{name}"
        scope.lines.append(line)

    def switched(self, scope: Scope, name: str) -> str:
        if self.unions and self.chance.random() < 0.7:
            union = self.chance.choice(self.unions)
            return f"[switch_is({self.tag(scope, union.tag)})] {union.name} {name}"
        kind = self.tag_type()
        return f"[switch_is({self.tag(scope, kind)})] union {{ {self.arms(kind)} }} {name}"

    # ------------------------------------------------------------------------ operations

    def operation(self) -> str:
        scope = Scope(parameters=True)
        for _ in range(self.chance.randrange(1, 6)):
            self.parameter(scope)
        results = ["void", "long", self.scalar(), *self.enums[:1], *self.structs[:1], "[string, unique] char *"]
        result = self.chance.choice(results)
        name = self.chance.choice(ODD_NAMES) if self.chance.random() < 0.2 else "op"
        return f"{result} {self.fresh(name)}(\n    " + ",\n    ".join(scope.lines) + ");"

    def parameter(self, scope: Scope) -> None:
        chance = self.chance
        name = self.name(scope)
        kind = self.element()
        letter = chance.choice(["wchar_t", "char"])
        ways = chance.choice(["in", "in, out", "out"])
        strength = chance.choice(["", ", ref", ", unique", ", ptr"])
        if ways == "out":
            strength = ""
        inward = chance.choice(["in", "in, out"])
        match chance.randrange(23):
            case 0 | 1:
                line = f"[in] {kind} {name}"
            case 2 | 3 | 4:
                line = f"[{ways}{strength}] {kind} *{name}"
            case 5:
                line = f"[{ways}] {kind} **{name}"
            case 6:
                line = f"[{ways}] {kind} {name}[{chance.randrange(1, 4)}]"
            case 7:
                line = f"[{inward}, string{strength}] {letter} *{name}"
            case 8:
                line = f"[{ways}, string] {letter} **{name}"
            case 9:
                line = f"[{ways}, size_is({self.size(scope)})] {kind} {name}[]"
            case 10:
                size, length = self.size(scope), self.counter(scope)
                line = f"[{ways}, size_is({size}), length_is({length})] {kind} *{name}"
            case 11:
                line = f"[{inward}{strength}, size_is({self.size(scope)})] {kind} *{name}"
            case 12:
                line = f"[{ways}, size_is(, {self.size(scope)})] {kind} **{name}"
            case 13:
                line = f"[{inward}, size_is({self.size(scope)}), string] {letter} **{name}"
            case 14:
                line = f"[{ways}, string, size_is({self.size(scope)} + 1)] {letter} *{name}"
            case 15 if self.conformants:
                line = f"[{inward}{strength}] {chance.choice(self.conformants)} *{name}"
            case 16 if self.conformants:
                line = f"[{ways}] {chance.choice(self.conformants)} **{name}"
            case 17 if self.unions:
                union = chance.choice(self.unions)
                tag = self.tag(scope, union.tag)
                line = f"[{ways}, switch_is({tag})] {union.name} *{name}"
            case 18 if self.contexts:
                context = chance.choice(self.contexts)
                line = f"[in] {context} {name}" if chance.random() < 0.5 else f"[{ways}] {context} *{name}"
            case 19 if self.unions:
                union = chance.choice(self.unions)
                line = f"[in, switch_is({self.tag(scope, union.tag)})] {union.name} {name}"
            case 20:
                line = f"[{ways}, size_is({self.size(scope)})] {kind} {name}[][3]"
            case 21:
                line = f"[in] IOther *{name}" if chance.random() < 0.5 else f"[{ways}] IOther **{name}"
            case 22:
                line = f"[{ways}, length_is({self.counter(scope)}, {self.counter(scope)})] {kind} {name}[6][5]"
            case _:
                low, count = self.counter(scope), self.counter(scope)
                line = f"[{ways}, first_is({low}), length_is({count})] {kind} {name}[11]"
        scope.lines.append(line)


def random_idl(seed: int) -> str:
    return RandomIdl(random.Random(seed)).file()
