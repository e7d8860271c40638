"""What tells an operation which server to go to: one of its parameters, a variable of the module, or the runtime."""

from __future__ import annotations

from enum import StrEnum

from idlc.data import dataclass
from idlc.semantics.types import BindingHandle, ContextHandleUse, Interface, Operation, behind_ref


class Kind(StrEnum):
    PRIMITIVE = "handle_t"
    GENERIC = "[handle]"
    CONTEXT = "context handle"
    EXPLICIT = "explicit_handle"
    """A parameter that the ACF adds in front."""
    IMPLICIT = "implicit_handle"
    AUTOMATIC = "auto_handle"


@dataclass(frozen=True, slots=True)
class Source:
    kind: Kind
    name: str = ""
    """Of the parameter or of the variable."""
    parameter: int | None = None
    """Which parameter it is, from 0."""
    said: bool = True
    """Whether something says so; otherwise it is what is left."""


def source(interface: Interface, operation: Operation) -> Source | None:
    """The handle of a remote operation; None for methods of objects, callbacks and whatever is not sent.

    The leftmost handle that goes in comes first, then what the interface or the ACF asks for. In Python all of them
    are the channel that a client is made with.
    """
    if interface.object or interface.local or interface.dispatch or operation.local or operation.callback:
        return None
    for number, parameter in enumerate(operation.parameters):
        if not parameter.is_in:
            continue
        type_ = behind_ref(parameter.type)
        if isinstance(type_, BindingHandle):
            return Source(Kind.PRIMITIVE, parameter.name, number)
        if parameter.user_handle:
            return Source(Kind.GENERIC, parameter.name, number)
        if isinstance(type_, ContextHandleUse):
            return Source(Kind.CONTEXT, parameter.name, number)
    words = operation.words | interface.words
    if "explicit_handle" in words:
        return Source(Kind.EXPLICIT)
    if interface.implicit_handle is not None:
        return Source(Kind.IMPLICIT, interface.implicit_handle)
    return Source(Kind.AUTOMATIC, said="auto_handle" in words)
