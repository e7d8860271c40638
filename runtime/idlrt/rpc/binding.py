"""String bindings: `[object@]protseq:[netaddr][\\[[endpoint][,option=value...]\\]]`.

The text that users write and logs print. Parsing and printing are inverse to each other; which protocol
sequences exist is the business of the transports.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

_SPECIAL = "@:[],\\"


@dataclass(frozen=True, slots=True)
class StringBinding:
    """Where a server is, in parts."""

    protseq: str
    netaddr: str = ""
    endpoint: str = ""
    object: UUID | None = None
    options: tuple[tuple[str, str], ...] = field(default=())

    @classmethod
    def parse(cls, text: str) -> StringBinding:
        """Read a string binding; `ValueError` says what is wrong with it."""
        head, bracket, rest = _cut(text, "[")
        before, at, after = _cut(head, "@")
        object_ = None
        if at:
            try:
                object_ = UUID(_plain(before))
            except ValueError:
                raise ValueError(f'"{_plain(before)}" in string binding "{text}" is not an object UUID') from None
            head = after
        protseq, colon, netaddr = _cut(head, ":")
        if not colon or not protseq:
            raise ValueError(f'string binding "{text}" has no protocol sequence, as in "ncacn_ip_tcp:host[port]"')
        endpoint, options = "", []
        if bracket:
            inside, close, behind = _cut(rest, "]")
            if not close or behind:
                raise ValueError(f'string binding "{text}" does not end with its "]"')
            for index, part in enumerate(_split(inside, ",")):
                name, equals, value = _cut(part, "=")
                if index == 0 and not equals:
                    endpoint = _plain(part)
                elif not equals or not name:
                    raise ValueError(f'option "{_plain(part)}" in string binding "{text}" is not "name=value"')
                elif name == "endpoint":
                    if endpoint:
                        raise ValueError(f'string binding "{text}" names two endpoints')
                    endpoint = _plain(value)
                else:
                    options.append((_plain(name), _plain(value)))
        return cls(_plain(protseq), _plain(netaddr), endpoint, object_, tuple(options))

    def option(self, name: str, default: str = "") -> str:
        """The value of an option, the last one when it is repeated."""
        return dict(self.options).get(name, default)

    def __str__(self) -> str:
        text = f"{self.object}@" if self.object else ""
        # An IPv6 address keeps its colons: the first one alone separates.
        text += f"{_escaped(self.protseq, _SPECIAL)}:{_escaped(self.netaddr, '@[],' + chr(92))}"
        # Without the word an endpoint with "=" would read as an option.
        endpoint = _escaped(self.endpoint, _SPECIAL)
        parts = [f"endpoint={endpoint}" if "=" in endpoint else endpoint]
        parts += [f"{_escaped(name, _SPECIAL)}={_escaped(value, _SPECIAL)}" for name, value in self.options]
        return f"{text}[{','.join(parts)}]" if self.endpoint or self.options else text


def _escaped(text: str, special: str) -> str:
    return "".join("\\" + c if c in special else c for c in text)


def _plain(text: str) -> str:
    """Undo escapes; a backslash before any other character stands for itself."""
    out, i = [], 0
    while i < len(text):
        if text[i] == "\\" and text[i + 1 : i + 2] in tuple(_SPECIAL):
            i += 1
        out.append(text[i])
        i += 1
    return "".join(out)


def _cut(text: str, mark: str) -> tuple[str, str, str]:
    """`str.partition` at the first unescaped `mark`, escapes kept."""
    i = 0
    while i < len(text):
        if text[i] == mark:
            return text[:i], mark, text[i + 1 :]
        i += 2 if text[i] == "\\" and text[i + 1 : i + 2] in tuple(_SPECIAL) else 1
    return text, "", ""


def _split(text: str, mark: str) -> list[str]:
    parts = []
    while True:
        part, found, text = _cut(text, mark)
        parts.append(part)
        if not found:
            return parts
