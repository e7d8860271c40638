"""A sample of what the corpora taught, one construct to a file: it compiles, and is in Python what it should be."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import idlc
from tests.corpus import proof
from tests.corpus.wine import listed

FOLDER = Path(__file__).parent / "constructs"
FILES = sorted(FOLDER.glob("*.idl"))
PACKAGE = "corpus_constructs"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a package that has all of them."""
    root = tmp_path_factory.mktemp("corpus")
    idlc.compile_files(FILES, out=root / PACKAGE).raise_for_errors()
    sys.path.insert(0, str(root))
    yield root
    sys.path.remove(str(root))


@pytest.fixture
def construct(compiled: Path, request: pytest.FixtureRequest) -> Any:
    """The generated module that a test is named after."""
    return importlib.import_module(f"{PACKAGE}.{request.param}")


def of(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("construct", [name], indirect=True)


def test_all_import(compiled: Path) -> None:
    assert proof.imported(compiled) == ""


def test_all_pass_mypy(compiled: Path) -> None:
    assert proof.typed(compiled) == ""


def test_all_pass_black(compiled: Path) -> None:
    assert proof.formatted(compiled) == ""


@of("floats")
def test_constants_with_a_fraction_are_worked_out(construct: Any) -> None:
    assert (construct.HALF, construct.LARGE) == (0.5, 3.402823466e38)
    assert construct.WORKED_OUT == -0.5 / 1024
    assert construct.WHOLE == 3.0


@of("texts")
def test_text_is_text_and_characters_are_their_codes(construct: Any) -> None:
    assert construct.NARROW == 'a "quoted" word'
    assert construct.WIDE == "sch\xf6n"
    assert construct.JOINED == "two parts"
    codes = [construct.LETTER, construct.NEW_LINE, construct.OCTET]
    assert codes == [ord("x"), 10, 255]
    assert construct.YES is True
    assert construct.NOTHING is None
    assert not hasattr(construct, "ELSEWHERE")


@of("numbers")
def test_whole_numbers_are_what_c_makes_of_them(construct: Any) -> None:
    assert (construct.NEGATIVE, construct.ALL, construct.ALSO_NEGATIVE) == (-1, 0xFFFFFFFF, -1)
    assert construct.WIDE == 0xFFFFFFFFFFFFFFFF
    assert (construct.SUFFIXED, construct.OCTAL, construct.SIZE) == (60, 0o755, 34)
    assert (construct.CAST, construct.CHOSEN) == (0xFF, 16)
    values = construct.numbers
    assert [int(values.FIRST), int(values.SECOND), int(values.SAME), int(values.MIXED)] == [-5, -4, -4, -6]


@of("macros")
def test_macros_hide_nothing_from_the_compiler(construct: Any) -> None:
    assert int(construct.FROM_MACRO_enum.FROM_MACRO) == 0x11
    assert int(construct.FROM_MACRO_enum.MIDL_READS) == 1
    assert construct.HTHING__(unused=1).unused == 1


@of("anonymous")
def test_members_without_names_have_made_ones(construct: Any) -> None:
    mixed = construct.MIXED(None, construct.MIXED_anonymous2(low=1, high=2), construct.MIXED_colour.BLUE)
    assert mixed.anonymous2.high == 2
    assert int(construct.LOOSE_enum.NEXT_TO_IT) == 6


@of("declarators")
def test_one_declaration_may_define_many_things(construct: Any) -> None:
    point = construct.POINT(1, 2, None, [3, 4])
    assert construct.SELF_NAMED(5, point, None).POINT.rest == [3, 4]


@of("typedef_first")
def test_records_may_need_each_other(construct: Any) -> None:
    tree = construct.TREE(None, None, construct.node(1, None, None))
    assert tree.nodes.value == 1
    assert int(construct.shade_t.LIGHT) == 2


@of("leaning_types")
def test_a_header_leans_on_what_was_imported_before_it(construct: Any) -> None:
    assert construct.LEANING(3, 4).count == 3


@of("python_words")
def test_no_name_breaks_python(construct: Any) -> None:
    assert construct.lambda_(1, 2, 3, 4, 5) == construct.lambda_(1, 2, 3, 4, 5)
    assert (construct.pass_, len(construct.global_.members())) == (1, 6)


@of("libraries")
def test_a_library_may_be_called_like_a_class_in_it(construct: Any) -> None:
    assert str(construct.Manager.CLSID) == "6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4e21"
    assert str(construct.Manager_.LIBID) == "6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4e20"


@pytest.mark.parametrize("name", ["winrt.txt", "fragments.txt"])
def test_a_listing_says_for_every_file_why_it_is_there(name: str) -> None:
    assert all(file.endswith(".idl") and shown for file, shown in listed(name).items())
    assert list(listed(name)) == sorted(listed(name))
