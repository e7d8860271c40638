"""One operation as Python sees it: its methods on clients and services, its call objects, its result."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from idlc.data import replace
from idlc.language.python_names import python_names
from idlc.pymodel.annotations import Annotator, number_pipe, octet_pipe, optional
from idlc.pymodel.model import Attribute, CallClass, Halves, Method, PipeAttribute, Procedure, Record
from idlc.pymodel.names import CALL_ATTRIBUTES, Spelling, gives_value
from idlc.pymodel.sizing import Sibling, inferred
from idlc.pymodel.text import WIDTH, docstring, literal, one_line, remarks, tuple_of
from idlc.semantics import types as t
from idlc.settings import Settings
from idlc.wire.plan import is_pipe


class Names(Protocol):
    """What an operation needs of the module it is in."""

    names: dict[str, str]
    """Python names at module level, by a key that tells the kinds apart."""
    methods: dict[str, dict[str, str]]
    """For each interface, what its operations are called."""
    spelling: Spelling
    annotator: Annotator
    settings: Settings

    def class_name(self, name: str) -> str: ...

    def handles_of(self, type_: t.Type) -> tuple[str, ...]: ...

_LIST = r'\[(?:[^\[\]"]|"[^"]*"|\[[^\]]*\])*\]'
"""A list of attributes, with brackets and quotes inside."""


def _result_declaration(operation: t.Operation) -> str:
    """The IDL of a result: what stands before an operation's name, without the attributes."""
    declaration = one_line(operation.declaration())
    name = re.escape(operation.name.removeprefix(operation.prefix))
    found = re.match(rf"(?:{_LIST}\s*)*(.*?)\s*\b\w*{name}\b", declaration)
    return found[1] if found else ""


class OperationShape:
    """One operation as Python sees it."""

    def __init__(self, builder: Names, interface: t.Interface, operation: t.Operation) -> None:
        self.builder = builder
        self.interface = interface
        self.operation = operation
        self.parameters = [p for p in operation.parameters if not isinstance(t.behind_ref(p.type), t.BindingHandle)]
        self.pipes = {p.name: pipe for p in self.parameters if (pipe := is_pipe(p.type)) is not None}
        self.names = builder.spelling.scope({parameter.name: parameter.span for parameter in self.parameters})
        for name in self.pipes:
            while self.names[name] in CALL_ATTRIBUTES:
                self.names[name] += "_"
        plain = [parameter for parameter in self.parameters if parameter.name not in self.pipes]
        self._apart_from(self._spoken_of([p.type for p in plain if p.is_out] + [operation.result]))
        self.inputs = [parameter for parameter in plain if parameter.is_in]
        self.outputs: list[tuple[str, t.Type, str]] = [
            (self.names[p.name], t.behind_ref(p.type), one_line(p.declaration())) for p in plain if p.is_out
        ]
        if not isinstance(operation.result, t.Void) and not operation.serialized:
            self.outputs.append(("return_value", operation.result, _result_declaration(operation)))
        hidden = python_names((*self.names.values(), *operation.hidden_statuses))
        self.docs = {self.names[p.name]: text for p in self.parameters if (text := p.doc.text)}
        """What the IDL says about parameters, by their Python names."""
        self.hidden = [hidden[name] for name in operation.hidden_statuses]
        status = t.Base(t.BaseKind.UINT32, "error_status_t")
        self.given_back = [*self.outputs, *((name, status, f"error_status_t *{name}") for name in self.hidden)]
        """What a client has: the outputs, and statuses that do not travel."""
        self.is_value = gives_value(interface, operation)
        """Whether the one output is all that Python sees of what it gives back."""
        self.sizes = inferred((_sibling(parameter) for parameter in plain), self.names)
        self.spelled = builder.methods[interface.name][operation.name]

    def _spoken_of(self, types: Sequence[t.Type]) -> frozenset[str]:
        """Every name in the annotations of these types."""
        received = self.builder.annotator.received
        return frozenset(word for type_ in types for word in re.findall(r"\w+", received(t.behind_ref(type_))))

    def _apart_from(self, classes: frozenset[str]) -> None:
        """Rename parameters called like a class that a method has to name: there the parameter would be meant."""
        taken = set(self.names.values())
        for name in [parameter.name for parameter in self.parameters if parameter.is_in]:
            spelled = self.names[name]
            while spelled in classes or (spelled != self.names[name] and spelled in taken):
                spelled += "_"
            self.names[name] = spelled

    @property
    def has_call(self) -> bool:
        return self.operation.is_async or bool(self.pipes)

    @property
    def statuses(self) -> dict[str, str]:
        """The outputs that take what a client would raise otherwise, by what they are called in rpc.Statuses."""
        chosen = {"comm": self.operation.comm_status, "fault": self.operation.fault_status}
        named = dict(zip(self.operation.hidden_statuses, self.hidden, strict=True)) | self.names
        return {word: named.get(name, name) for word, name in chosen.items() if name is not None}

    def _class(self, part: str) -> str:
        """The class of what the operation gives back, or of its calls."""
        return self.builder.names[f"{part} {self.interface.name} {self.operation.name}"]

    def returns(self) -> str:
        """What a client's method gives."""
        return self._returns(self.given_back)

    def _returns(self, outputs: Sequence[tuple[str, t.Type, str]]) -> str:
        if not outputs:
            return "None"
        if len(outputs) == 1 or self.is_value:
            return self.builder.annotator.received(outputs[0][1])
        return self._class("Result")

    def result(self) -> Record:
        received = self.builder.annotator.received
        parameters, attributes = [], []
        statuses = set(self.statuses.values())
        for name, type_, declaration in self.given_back:
            zero = " = 0" if name in self.hidden or (name == "return_value" and received(type_) == "int") else ""
            # When there was no answer, the status is all there is.
            annotation = optional(received(type_)) if statuses and name not in statuses else received(type_)
            parameters.append(f"{name}: {annotation}{zero}")
            attributes.append(Attribute(name, name, declaration, remarks(self.docs.get(name, ""), 8)))
        about = f"What {self.operation.name} gives back; unpacks like a tuple."
        if statuses:
            listed = ", ".join(sorted(statuses))
            about += f"\n\nWhere a status is not 0 ({listed}), the call failed and the rest is None."
        return Record(
            self._class("Result"),
            "rpc.Result",
            docstring(about, 4),
            tuple_of(literal(name) for name, _, _ in self.given_back),
            ", ".join(parameters),
            tuple(attributes),
        )

    def calls(self) -> list[CallClass]:
        if not self.has_call:
            return []
        found = []
        for part, base, prefix in (
            ("Call", "rpc.AsyncCall", "pipes."),
            ("BlockingCall", "blocking.Call", "pipes.Blocking"),
        ):
            pipes = tuple(PipeAttribute(self.names[name], self._pipe_class(name, prefix)) for name in self.pipes)
            found.append(
                CallClass(
                    self._class(part),
                    f"{base}[{self.returns()}]",
                    docstring(f"A call of {self.operation.name}.", 4),
                    pipes,
                )
            )
        return found

    def _blocks(self, name: str) -> tuple[str, str]:
        """(what may be pushed, what is pulled) of a pipe."""
        pipe = self.pipes[name]
        if octet_pipe(pipe):
            return "pipes.Bytes", "bytes"
        given = self.builder.annotator.given(pipe.element)
        if number_pipe(pipe):
            return f"pipes.Numbers[{given}]", f"pipes.Array[{'float' if given == 'float' else 'int'}]"
        return f"Sequence[{given}]", f"list[{self.builder.annotator.received(pipe.element)}]"

    def _pipe_class(self, name: str, prefix: str, *, server: bool = False) -> str:
        parameter = next(p for p in self.parameters if p.name == name)
        pushed, pulled = self._blocks(name)
        if parameter.is_in and parameter.is_out:
            return f"{prefix}PipeDuplex[{pushed}, {pulled}]"
        if parameter.is_in != server:
            return f"{prefix}PipeWriter[{pushed}]"
        return f"{prefix}PipeReader[{pulled}]"

    def _pipe_end(self, name: str, prefix: str) -> str:
        """What a client may hand over for a pipe at the call."""
        parameter = next(p for p in self.parameters if p.name == name)
        pushed, pulled = self._blocks(name)
        if parameter.is_in and parameter.is_out:
            return f"{prefix}Ends[{pushed}, {pulled}] | None"
        return f"{prefix}Source[{pushed}] | None" if parameter.is_in else f"{prefix}Sink[{pulled}] | None"

    def declaration(self) -> str:
        """The rpc.Operation(...) of this operation."""
        names = self.names
        arguments = [literal(self.spelled), str(self.operation.opnum)]
        for flag, value in (
            ("is_async", self.operation.is_async),
            ("maybe", self.operation.maybe),
            ("idempotent", self.operation.idempotent),
            ("retval", self.is_value),
            ("input_sync", bool({"input_sync", "inputsync"} & self.operation.words)),
        ):
            if value:
                arguments.append(f"{flag}=True")
        lists = (
            ("in_pipes", [names[p.name] for p in self.parameters if p.name in self.pipes and p.is_in]),
            ("out_pipes", [names[p.name] for p in self.parameters if p.name in self.pipes and p.is_out]),
            ("inputs", [names[p.name] for p in self.inputs]),
            ("outputs", [name for name, _, _ in self.outputs]),
        )
        for key, values in lists:
            if values:
                arguments.append(f"{key}={tuple_of(literal(value) for value in values)}")
        types_in = [(names[p.name], p.type) for p in self.inputs]
        types_out = [(name, type_) for name, type_, _ in self.outputs]
        for key, types in (("contexts_in", types_in), ("contexts_out", types_out)):
            handles = [(name, type_) for name, type_ in types if self.builder.handles_of(type_)]
            if handles:
                pairs = (f"({literal(name)}, {self._handle(type_)})" for name, type_ in handles)
                arguments.append(f"{key}={tuple_of(pairs)}")
        if self.statuses:
            given = [tuple_of(literal(name) for name, _, _ in self.given_back)]
            given += [f"{word}={literal(name)}" for word, name in self.statuses.items()]
            given += [f"hidden={tuple_of(literal(name) for name in self.hidden)}"] if self.hidden else []
            given += [f"result={self.returns()}"] if len(self.given_back) > 1 else []
            arguments.append(f"statuses=rpc.Statuses({', '.join(given)})")
        if self.notified():
            hooks = (f"({literal(name)}, {asks})" for name, asks in self.notified())
            arguments.append(f"notify={tuple_of(hooks)}")
        in_order = [names[name] for name in self.pipes]
        if in_order != list(dict.fromkeys(lists[0][1] + lists[1][1])):
            arguments.append(f"pipes={tuple_of(literal(name) for name in in_order)}")
        return f"rpc.Operation({', '.join(arguments)})"

    def notified(self) -> list[tuple[str, bool]]:
        """The hooks that a service has for the end of a call, and whether they ask if the method was called."""
        words = (("notify", False), ("notify_flag", True))
        return [(f"{self.spelled}_{word}", asks) for word, asks in words if word in self.operation.words]

    def handles_out(self) -> list[str]:
        found = (handle for _, type_, _ in self.outputs for handle in self.builder.handles_of(type_))
        return list(dict.fromkeys(found))

    def _handle(self, type_: t.Type) -> str:
        """The class of the context handle that a parameter is, or that it is an array of; any, if it holds some."""
        while isinstance(type_, t.Pointer | t.Array):
            type_ = type_.target if isinstance(type_, t.Pointer) else type_.element
        return self.builder.class_name(type_.name) if isinstance(type_, t.ContextHandleUse) else "rpc.ContextHandle"

    def method(self, *, blocking: bool) -> Method:
        given = self.builder.annotator.given
        prefix = "pipes.Blocking" if blocking else "pipes."
        parameters = ["self"]
        for parameter in self.inputs:
            if parameter.name not in self.sizes:
                parameters.append(f"{self.names[parameter.name]}: {_annotated(parameter, given)}")
        parameters += [f"{self.names[name]}: {self._pipe_end(name, prefix)} = None" for name in self.pipes]
        inferred_ = [parameter for parameter in self.inputs if parameter.name in self.sizes]
        if inferred_:
            parameters.append("*")
            for parameter in inferred_:
                annotation = optional(given(t.behind_ref(parameter.type)))
                parameters.append(f"{self.names[parameter.name]}: {annotation} = None")
        arguments = [str(self.operation.opnum)]
        for parameter in self.inputs:
            name = self.names[parameter.name]
            if parameter.name in self.sizes:
                size = self.sizes[parameter.name]
                size = f"({size})" if " if " in size else size
                arguments.append(f"{size} if {name} is None else {name}")
            else:
                arguments.append(name)
        part = "BlockingCall" if blocking else "Call"
        call = self._class(part) if self.has_call and self.builder.settings.client else ""
        return Method(
            name=self.spelled,
            doc=self._doc(),
            parameters=", ".join(parameters),
            returns=call or self.returns(),
            is_void=not self.given_back,
            arguments=", ".join(arguments),
            call=call,
            pipes=tuple_of(self.names[name] for name in self.pipes) if self.pipes else "",
            opnum=self.operation.opnum,
        )

    def procedure(self, codec: str) -> Procedure:
        """The functions of an operation that is serialized instead of called."""
        method = self.method(blocking=True)
        taken = set(self.names.values())
        order = "order"
        while order in taken:
            order += "_"
        parameters = [text for text in [method.parameters.removeprefix("self").removeprefix(", ")] if text]
        if ", *, " not in method.parameters:
            parameters.append("*")
        parameters.append(f'{order}: ndr.ByteOrder = "<"')
        _, _, arguments = method.arguments.partition(", ")
        name, names = self.operation.name, self.builder.names
        return Procedure(
            codec=codec,
            label=literal(name),
            opnum=self.operation.opnum,
            encode=names[f"encode operation {name}"] if self.operation.encode else "",
            decode=names[f"decode operation {name}"] if self.operation.decode else "",
            parameters=", ".join(parameters),
            arguments=f"({arguments},)" if len(self.inputs) == 1 else f"({arguments})",
            order=order,
            returns=self.returns(),
            is_void=not self.outputs,
            encode_doc=docstring(self._about("The [in] parameters as octets, header included.", 4), 4),
            decode_doc=docstring(self._about("The [out] parameters that octets hold.", 4), 4),
        )

    def callback_method(self) -> Method:
        """The abstract method that a client offers: as a service's, without a call to ask about."""
        method = self.service_method(blocking=False)
        parameters = method.parameters.replace("self, call: rpc.Call", "self", 1)
        return replace(method, parameters=parameters)

    def service_method(self, *, blocking: bool) -> Method:
        """The abstract method; for plain functions pipes block and nothing is awaited."""
        prefix = "pipes.Blocking" if blocking else "pipes."
        received = self.builder.annotator.received
        parameters = ["self", "call: rpc.Call"]
        for parameter in self.parameters:
            name = self.names[parameter.name]
            if parameter.name in self.pipes:
                parameters.append(f"{name}: {self._pipe_class(parameter.name, prefix, server=True)}")
            elif parameter.is_in:
                parameters.append(f"{name}: {_annotated(parameter, received)}")
        answer = self._returns(self.outputs)
        returns = answer if blocking else f"rpc.Answer[{answer}]"
        return Method(self.spelled, self._doc(), ", ".join(parameters), returns, False, "", "", "")

    def halves(self, begin: t.Operation, finish: t.Operation) -> Halves:
        """What an asynchronous form has of a method; `begin` and `finish` are the IDL of the halves."""
        whole = self.method(blocking=False)
        begins = replace(whole, name=f"Begin_{self.spelled}", doc=self._half(begin))
        return Halves(begins, replace(whole, name=f"Finish_{self.spelled}", doc=self._half(finish)))

    def _half(self, half: t.Operation) -> str:
        ours = {parameter.name for parameter in half.parameters}
        docs = {self.names[p.name]: p.doc.text for p in self.parameters if p.name in ours and p.doc.text}
        parts = [self.operation.doc.text, _listed(docs), _signature(half, WIDTH - 8)]
        return docstring("\n\n".join(filter(None, parts)), 8)

    def _doc(self) -> str:
        return docstring(self._about("", 8), 8)

    def _about(self, summary: str, indent: int) -> str:
        """What there is to say: a summary, the words of the IDL's author, and the IDL."""
        parts = [summary, self.operation.doc.text, _listed(self.docs), _signature(self.operation, WIDTH - indent)]
        return "\n\n".join(part for part in parts if part)


def _listed(docs: Mapping[str, str]) -> str:
    """What the IDL says about parameters."""
    return "\n".join(f"{name}: {_hanging(text)}" for name, text in docs.items())


def _signature(operation: t.Operation, width: int) -> str:
    """The IDL, on one line, or with a line for each parameter."""
    line = one_line(operation.declaration())
    declarations = [one_line(parameter.declaration()) for parameter in operation.parameters]
    head, found, tail = line.partition(f"({', '.join(declarations)})")
    if len(line) <= width or not declarations or not found:
        return line
    inside = ",\n    ".join(declarations)
    return f"{head}(\n    {inside}\n){tail}"


def without_client(interface: t.Interface, operation: t.Operation) -> bool:
    """Whether clients do without the operation: [nocode], for it or for the whole interface but what is [code]."""
    return "nocode" in operation.words or ("nocode" in interface.words and "code" not in operation.words)


def _hanging(text: str) -> str:
    """Text whose further lines are indented, without empty ones."""
    return "\n    ".join(line for line in text.splitlines() if line.strip())


def _annotated(parameter: t.Parameter, spell: Callable[[t.Type], str]) -> str:
    """The annotation of what goes in.

    A context handle that only goes in may not be null (RPC_X_SS_IN_NULL_CONTEXT).
    """
    if parameter.presence_only:
        return "bool"
    annotation = spell(t.behind_ref(parameter.type))
    only_in = isinstance(t.behind_ref(parameter.type), t.ContextHandleUse) and not parameter.is_out
    return annotation.removesuffix(" | None") if only_in else annotation


def _sibling(parameter: t.Parameter) -> Sibling:
    type_ = t.behind_ref(parameter.type)
    array = type_.target if isinstance(type_, t.Pointer) else type_
    varying = isinstance(array, t.Array) and any(dimension.varying for dimension in array.dimensions)
    given = parameter.is_in and not parameter.presence_only
    return Sibling(parameter.name, parameter.type, given, kept=varying and parameter.is_out)
