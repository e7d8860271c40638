"""A listing of what is left out is believed only when idlc and the files bear it out."""

from __future__ import annotations

from pathlib import Path

from tests.corpus.wine import no_fragment, no_winrt


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_fragment_is_included_and_does_not_stand_alone(tmp_path: Path) -> None:
    part = written(tmp_path / "part.idl", "typedef ELSEWHERE *PART;")
    whole = written(tmp_path / "whole.idl", 'typedef long ELSEWHERE;\n#include "part.idl"\n')
    other = written(tmp_path / "other.idl", "typedef long OTHER;")
    assert list(no_fragment(part, whole)) == []
    assert list(no_fragment(part, other)) == [
        "part.idl is listed as a fragment of other.idl, which does not include it"
    ]
    assert list(no_fragment(part, None)) == ["part.idl is listed as a fragment of a file that is not there"]


def test_what_compiles_alone_is_no_fragment(tmp_path: Path) -> None:
    part = written(tmp_path / "part.idl", "typedef long PART;")
    whole = written(tmp_path / "whole.idl", "#include <part.idl>\n")
    assert list(no_fragment(part, whole)) == ["part.idl is listed as a fragment, but it compiles by itself"]


def test_idlc_stops_at_the_construct_that_makes_a_file_winrt(tmp_path: Path) -> None:
    path = written(tmp_path / "runtime.idl", "typedef long A;\nnamespace Windows.Foundation {\n}\n")
    assert list(no_winrt(path, "namespace Windows.Foundation")) == []
    assert len(list(no_winrt(path, "runtimeclass Uri"))) == 1
    classic = written(tmp_path / "classic.idl", "typedef long A;")
    assert list(no_winrt(classic, "namespace")) == ["classic.idl is listed as WinRT, but idlc does not say IDLC1105"]
