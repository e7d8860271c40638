"""A build hook for hatchling: the IDL of a project is compiled whenever the project is built or installed.

    [build-system]
    requires = ["hatchling", "idlc"]
    build-backend = "hatchling.build"

    [tool.hatch.build.hooks.idlc]
    idl = ["idl/*.idl"]
    out = "src/lab/stubs"

The stubs stand in the source tree and go into wheels and source distributions also where version control ignores
them. An editable installation uses them where they are. hatchling finds this module by its entry point; nothing else
imports it.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.plugin import hookimpl

from idlc import project
from idlc.crashes import InternalError


class IdlBuildHook(BuildHookInterface[BuilderConfig]):
    """`[tool.hatch.build.hooks.idlc]`; its options are the fields of `idlc.project.Package`."""

    PLUGIN_NAME = "idlc"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile before the files of the distribution are collected."""
        try:
            folders = project.build(self.root, self.config)
        except (project.ProjectError, InternalError) as error:
            self.app.abort(str(error))
            return
        for folder in folders:
            # Artifacts are taken along although version control ignores them.
            pattern = "" if folder == "." else f"/{PurePosixPath(folder)}"
            build_data["artifacts"] += [f"{pattern}/*.py", f"{pattern}/py.typed"]

    def clean(self, versions: list[str]) -> None:
        """Delete what was compiled, and nothing else."""
        try:
            project.clean(self.root, self.config)
        except project.ProjectError as error:
            self.app.abort(str(error))


@hookimpl
def hatch_register_build_hook() -> type[IdlBuildHook]:
    """What hatchling asks its plugins."""
    return IdlBuildHook
