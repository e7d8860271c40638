"""Whatever the words of an IDL file are shuffled into, the compiler answers: with diagnostics or with Python."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

import idlc

ROOT = Path(__file__).parents[2]
_NOISE = re.compile(r"//[^\n]*|/\*.*?\*/|#[^\n]*", re.DOTALL)
_WORD = re.compile(r'[0-9a-f]{8}-[0-9a-f-]+|\w+|"[^"]*"|\S')
# Replacing a word by one of its kind keeps most files legal, so that the later stages get their share.
_KINDS = (
    "long short hyper byte boolean double wchar_t char".split(),
    "in out ref unique ptr string idempotent".split(),
    "0 1 2 3 16 65535".split(),
    "count size room rows length used self list str ndr pack".split(),
)


def sources() -> list[list[str]]:
    texts = [path.read_text("utf-8") for path in sorted(ROOT.glob("tests/golden/*/*.idl"))]
    return [_WORD.findall(_NOISE.sub(" ", text)) for text in texts if "import" not in text]


def shuffled(words: list[str], random_: random.Random) -> str:
    words = list(words)
    for _ in range(random_.choice([1, 1, 2, 4])):
        at = random_.randrange(len(words))
        kind = next((kind for kind in _KINDS if words[at] in kind), None)
        match random_.randrange(8):
            case 0:
                del words[at : at + random_.choice([1, 2])]
            case 1:
                words.insert(at, random_.choice(words))
            case 2:
                words[at] = random_.choice(words)
            case _:
                if kind is not None:
                    words[at] = random_.choice(kind)
                elif words[at].islower() and random_.random() < 0.3:
                    words[at] = random_.choice(_KINDS[-1])
    return " ".join(words)


@pytest.mark.parametrize("seed", range(4))
def test_shuffled_idl_is_compiled_or_diagnosed(seed: int) -> None:
    random_ = random.Random(seed)
    seeds = sources()
    for _ in range(12):
        text = shuffled(random_.choice(seeds), random_)
        report = idlc.compile_text(text, name="x.idl")
        assert report.ok or report.files == {}
        for name, generated in report.files.items():
            if name.endswith(".py"):
                compile(generated, name, "exec")
