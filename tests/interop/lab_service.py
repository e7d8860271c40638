"""The interface `lab` served by us: what its IDL means is known to Wine's client, which checks every answer."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from idlrt.errors import RpcFault


def lab_service(lab: ModuleType) -> Any:
    """A service for stubs that were compiled just now, whose types no checker can know."""

    base: Any = lab.LabService

    class Service(base):
        def lab_add(self, call: Any, a: int, b: int) -> int:
            return (a + b + 0x80000000) % 0x100000000 - 0x80000000

        def lab_echo(self, call: Any, s: str) -> Any:
            return lab.WSTR1(s)

        def lab_sum(self, call: Any, n: int, v: list[int]) -> int:
            return sum(v)

        def lab_rec(self, call: Any, r: Any) -> Any:
            items = None if r.items is None else r.items[::-1]
            return lab.lab_recResult(lab.REC(id=r.id + 1, big=-r.big, name=r.name, n=r.n, items=items), r.n)

        def lab_conf(self, call: Any, c: Any) -> int:
            return sum(c.tail)

        def lab_union(self, call: Any, t: Any) -> Any:
            changed = {1: lambda v: v * 2, 2: lambda v: v / 2}.get(t.tag, lambda v: v)(t.u.value)
            return lab.lab_unionResult(lab.TAGGED(tag=t.tag, u=lab.ANY(t.tag, changed)), t.tag)

        def lab_color(self, call: Any, c: Any) -> Any:
            following = {lab.COLOR.RED: lab.COLOR.GREEN, lab.COLOR.GREEN: lab.COLOR.BLUE}.get(c, lab.COLOR.RED)
            return lab.lab_colorResult(following, c)

        def lab_open(self, call: Any, start: int) -> Any:
            handle = lab.LABCTX()
            handle.state = start
            return lab.lab_openResult(handle, 0)

        def lab_next(self, call: Any, ctx: Any) -> Any:
            ctx.state += 1
            return lab.lab_nextResult(ctx.state - 1, 0)

        def lab_close(self, call: Any, ctx: Any) -> Any:
            return lab.lab_closeResult(None, 0)

        def lab_mix(self, call: Any, a: int, b: float, c: float, d: int, e: int, f: bool) -> Any:
            return lab.lab_mixResult(a + d + e + f, b * 2, c + 1, -d, int(b + c))

        def lab_range(self, call: Any, max: int) -> Any:
            return lab.lab_rangeResult(max // 2, [i * i for i in range(max // 2)], 0)

        def lab_list(self, call: Any, head: Any) -> Any:
            count, turned = 0, None
            while head is not None:
                count, turned, head = count + 1, lab.NODE(head.value, turned), head.next
            return lab.lab_listResult(turned, count)

        def lab_alias(self, call: Any, a: Any, b: Any) -> int:
            return -1 if a is None or b is None else int(a is b)

        def lab_blob(self, call: Any, n: int) -> Any:
            return lab.lab_blobResult(n, bytes(i & 255 for i in range(n)), 0)

        def lab_fault(self, call: Any, code: int) -> int:
            raise RpcFault(code)

        def lab_stop(self, call: Any) -> None:
            raise RpcFault(5)  # the test ends the server, not the peer

    return Service()
