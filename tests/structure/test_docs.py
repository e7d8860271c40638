"""Documentation that cannot go stale unnoticed: its IDL compiles, its Python is Python, and its programs run."""

from __future__ import annotations

import ast
import os
import re
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import idlc
from tests.structure.imports import ROOT

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "samples").glob("*/README.md")])
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROGRAM = re.compile(r"^(?:#|//) ([\w.]+)")
COMMAND = re.compile(r"idlc compile [\w.]+ -o \w+")
PORT = re.compile(r"(?<=\[)\d{4}(?=\])")
LINK = re.compile(r"\]\(([^)#:]+)\)")


def fences(language: str) -> list[object]:
    return [
        pytest.param(text, id=f"{page.relative_to(ROOT)}:{number}")
        for page in PAGES
        for number, (name, text) in enumerate(FENCE.findall(page.read_text(encoding="utf-8")))
        if name == language
    ]


@pytest.mark.parametrize("text", fences("idl"))
def test_idl_compiles(text: str) -> None:
    report = idlc.compile_text(text, name="example.idl")
    assert [str(found.message) for found in report.diagnostics if found.severity != "note"] == []


@pytest.mark.parametrize("text", fences("python"))
def test_python_is_python(text: str) -> None:
    # Examples may stand inside a coroutine that they leave out.
    ast.parse("async def example():\n" + textwrap.indent(text.replace("from __future__", "# "), "    "))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize(
    ("page", "printed"),
    [("README.md", ["Hello, world!"] * 2), ("docs/getting-started.md", ["2", "19.5", "20.0", "21.5"])],
    ids=["README.md", "docs/getting-started.md"],
)
def test_the_programs_of_a_page_run_as_they_stand(tmp_path: Path, page: str, printed: list[str]) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for _, program in FENCE.findall(text):
        name = PROGRAM.match(program)
        if name is not None:
            (tmp_path / name[1]).write_text(PORT.sub(str(port), program), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "runtime")])}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, check=True, stdout=subprocess.PIPE, text=True, timeout=60
        )

    command = COMMAND.search(text)
    assert command is not None
    run("-m", *command[0].split())
    with subprocess.Popen([sys.executable, "server.py"], cwd=tmp_path, env=environment) as server:
        try:
            await_listener(port)
            assert run("client.py").stdout.splitlines() == printed
        finally:
            server.terminate()


def await_listener(port: int) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.05)
