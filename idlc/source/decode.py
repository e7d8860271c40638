"""From octets to text.

IDL files come as ASCII, UTF-8 with and without a mark, UTF-16 and Windows-1252; some end in Ctrl-Z. What is left
here is text with `\\n` as its only line end, or a reason why it is no text.
"""

from __future__ import annotations

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE

MAX_INPUT = 16 * 1024 * 1024
"""Octets of one file. The largest IDL file that is published anywhere has a tenth of this."""


class NotText(ValueError):
    """The octets are no source text; the message says why."""


def decode(data: bytes) -> str:
    """The text of a source file; raises NotText."""
    if len(data) > MAX_INPUT:
        raise NotText(f"the file is larger than the {MAX_INPUT >> 20} MiB that are accepted")
    return normalise(_characters(data))


def normalise(text: str) -> str:
    """Text as the compiler wants it: line ends unified, nothing after Ctrl-Z, no byte order mark."""
    if text.startswith("\ufeff"):
        text = text[1:]
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    # DOS tools end a text with Ctrl-Z; whatever follows is padding.
    end = text.find("\x1a")
    if end >= 0:
        text = text[:end]
    nul = text.find("\0")
    if nul >= 0:
        raise NotText(f"the file is binary: a zero octet in line {text.count(chr(10), 0, nul) + 1}")
    return text


def _characters(data: bytes) -> str:
    try:
        if data.startswith(BOM_UTF8):
            return data.decode("utf-8-sig")
        if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            return data.decode("utf-16")
        # Without a mark, UTF-16 shows in the first characters, which are ASCII in any IDL file.
        if len(data) >= 4 and len(data) % 2 == 0:
            if data[1] == data[3] == 0 != data[0]:
                return data.decode("utf-16-le")
            if data[0] == data[2] == 0 != data[1]:
                return data.decode("utf-16-be")
    except UnicodeDecodeError as error:
        raise NotText(f"the file is not valid {error.encoding}: {error.reason} at octet {error.start}") from None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if b"\0" in data.partition(b"\x1a")[0]:
        raise NotText("the file is binary: it holds zero octets and is not UTF-16")
    # The five octets that Windows-1252 leaves undefined are controls in Latin-1.
    return "".join(_CP1252[octet] for octet in data)


_CP1252 = tuple(bytes([octet]).decode("cp1252", "ignore") or chr(octet) for octet in range(256))
