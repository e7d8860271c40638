"""Full pointers in any graph, cycles included: one pointee for each object, in the order of the reference."""

from __future__ import annotations

import random
from typing import Any

import pytest

from idlrt.ndr import Ref
from tests.compiled import Compiled, compile_cached
from tests.ndr.comparison import SYNTAXES, Comparison, inputs_of
from tests.vectors.marshalling import Stub

GRAPH = """
    [uuid(12345678-0000-4000-8000-000000000001), version(1.0), pointer_default(ptr)]
    interface Graphs
    {
        typedef struct NODE {
            short value;
            [ptr] struct NODE *left;
            [unique] struct NODE *own;
            [ptr] long *number;
            long count;
            [unique, size_is(count)] struct NODE **more;
            [ptr] struct NODE *right;
        } NODE;
        void op([in, ptr] NODE *first, [in] NODE *second, [in] byte between, [in, ptr] NODE *third);
    }
"""


def graph(compiled: Compiled, chance: random.Random) -> list[Any]:
    """Nodes that point anywhere among themselves by full pointers, and down a list by unique ones."""
    cls = compiled.find_class("NODE")
    nodes = [object.__new__(cls) for _ in range(chance.randrange(1, 9))]
    numbers = [Ref(chance.randrange(100)) for _ in range(2)]
    for place, node in enumerate(nodes):
        node.value = place
        node.left, node.right = chance.choice([None, *nodes]), chance.choice([None, *nodes])
        node.own = None
        node.number = chance.choice([None, *numbers])
        node.count = chance.randrange(3)
        node.more = chance.choice([None, [chance.choice([None, *nodes]) for _ in range(node.count)]])
    for owner, owned in zip(nodes, nodes[4:], strict=False):
        owner.own = owned
    return nodes


@pytest.mark.parametrize(("transfer", "order"), SYNTAXES)
def test_a_graph_is_written_as_the_reference_writes_it_and_keeps_its_shape(transfer: str, order: str) -> None:
    compiled = compile_cached(GRAPH)
    stub = Stub(compiled, "op", transfer, order)
    sides = Comparison(stub)
    for seed in range(100):
        chance = random.Random(seed)
        nodes = graph(compiled, chance)
        values = {
            "first": chance.choice([None, *nodes]),
            "second": chance.choice(nodes),
            "between": 255,
            "third": chance.choice([None, *nodes]),
        }
        octets = sides.request(values)
        read = stub.codec.get_request(memoryview(octets))
        assert tuple(read) == tuple(values.values())
        sides.request(dict(zip(inputs_of(stub), read, strict=True)))
