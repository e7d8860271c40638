"""Runs that have nothing to do: what a run read, looked for, wrote and said is kept, and compared by content next time.

A run is known by its arguments, where it was started and this tool. It is the same again when every file that was
read has the same content, every name that was looked for is there or missing as before, and every output is what was
written. Then all that is left to do is to say again what was said. This is the path of a build in which nothing
changed, so it imports next to nothing.
"""

from __future__ import annotations

import os
import stat
import sys

from idlc import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from idlc.source.search import Traces

_SPEAKING = ("INCLUDE", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM")
"""What of the environment may change a run or its words, beside names that begin with IDLC."""


def recall(arguments: Sequence[str]) -> tuple[str, str] | None:
    """What a run with these arguments wrote to stdout and stderr, if it would do nothing else now."""
    known = recall_result("run", arguments)
    try:
        outputs, said, warned = known
        if _same_files(outputs, os.lstat) and not ("--verify" in arguments and _others(outputs)):
            return str(said), str(warned)
    except (TypeError, ValueError, OSError):
        pass
    return None


def remember(
    arguments: Sequence[str], traces: Traces, outputs: Mapping[str, str], said: str = "", warned: str = ""
) -> None:
    """Keep what a successful run did, so that `recall` finds it.

    Args:
        arguments: those of the command.
        traces: what it read and looked for.
        outputs: what is on disk now because of it, path -> text.
        said: what it wrote to stdout.
        warned: what it wrote to stderr.
    """
    written = [(path, cache.key(text.encode("utf-8", "surrogateescape"))) for path, text in outputs.items()]
    remember_result("run", arguments, traces, (written, said, warned))


def recall_result(kind: str, arguments: Sequence[str]) -> Any:
    """What `remember_result` was given, if all that was read and looked for is as it was; else None."""
    key = _key(arguments)
    known = None if key is None else cache.load(kind, key)
    if known is None:
        return None
    try:
        inputs, names, result = known
        return result if _same_files(inputs) and _same_names(names) else None
    except (TypeError, ValueError, OSError):
        return None


def remember_result(kind: str, arguments: Sequence[str], traces: Traces, result: Any) -> None:
    """Keep `result`, plain data, of a run with these arguments that read and looked for what `traces` says."""
    key = _key(arguments) if traces.repeatable else None
    if key is not None:
        inputs = [(path, cache.key(octets)) for path, octets in traces.octets.items()]
        names = [(folder, name, there) for (folder, name), there in traces.names.items()]
        cache.store(kind, key, (inputs, names, result))


def _key(arguments: Sequence[str]) -> str | None:
    if any(argument.startswith("@") for argument in arguments):
        return None  # the arguments are in a file
    try:
        here = os.getcwd()
    except OSError:
        return None
    environment = [
        f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("IDLC") or name in _SPEAKING
    ]
    ends = [str(stream is not None and stream.isatty()) for stream in (sys.stdout, sys.stderr)]
    counted = [str(len(arguments)), *arguments, str(len(environment)), *environment]
    return cache.key(here, *ends, *counted, *_templates())


def _templates() -> Iterable[str]:
    """The templates, which stand in the package or beside it, by size and date."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    inside = os.path.join(package, "templates")
    folders = [inside if os.path.isdir(inside) else os.path.join(os.path.dirname(package), "templates")]
    for folder in folders:
        try:
            found = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in found:
            if entry.is_dir():
                folders.append(entry.path)
            else:
                known = entry.stat()
                yield f"{entry.name} {known.st_size} {known.st_mtime_ns}"


def _same_files(known: Iterable[tuple[str, str]], look: Callable[[str], os.stat_result] = os.stat) -> bool:
    for path, digest in known:
        if not stat.S_ISREG(look(path).st_mode):
            return False
        with open(path, "rb") as stream:
            if cache.key(stream.read()) != digest:
                return False
    return True


def _others(outputs: Iterable[tuple[str, str]]) -> bool:
    """Whether modules stand beside the outputs that may be left over."""
    paths = {path for path, _ in outputs}
    folders = {os.path.dirname(path) for path in paths if path.endswith(".py")}
    return any(
        name.endswith(".py") and name != "__init__.py" and os.path.join(folder, name) not in paths
        for folder in folders
        for name in os.listdir(folder or os.curdir)
    )


def _same_names(known: Iterable[tuple[str, str, tuple[str, ...]]]) -> bool:
    folders: dict[str, dict[str, list[str]]] = {}
    for folder, name, _ in known:
        folders.setdefault(folder, {})[name] = []
    for folder, wanted in folders.items():
        try:
            listing = os.listdir(folder or os.curdir)
        except OSError:
            continue  # nothing is there, and nothing was
        for there in listing:
            found = wanted.get(there.lower())
            if found is not None:
                found.append(there)
    return all(tuple(sorted(folders[folder][name])) == there for folder, name, there in known)
