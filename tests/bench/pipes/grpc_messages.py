"""What gRPC's sides have in common: messages with the fields of ours, and the methods by name.

Handlers are registered by hand, with the very serializers that protoc's stubs would pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from tests.bench.protobuf_messages import Number, Octets, Range, Sample, Samples

SERVICE = "bench.Streams"
METHODS = {
    "Store": ("stream_unary", Octets, Number),
    "Fetch": ("unary_stream", Range, Octets),
    "StoreSamples": ("stream_unary", Samples, Number),
    "FetchSamples": ("unary_stream", Range, Samples),
    "Next": ("unary_unary", Number, Number),
}


def handler(service: object) -> Any:
    """What a server is given for the methods that `service` has."""
    methods = {}
    for name, (shape, request, response) in METHODS.items():
        make: Callable[..., Any] = getattr(grpc, f"{shape}_rpc_method_handler")
        methods[name] = make(
            getattr(service, name),
            request_deserializer=request.FromString,
            response_serializer=response.SerializeToString,
        )
    return grpc.method_handlers_generic_handler(SERVICE, methods)


def stub(channel: Any, name: str) -> Any:
    """What a client calls."""
    shape, request, response = METHODS[name]
    make: Callable[..., Any] = getattr(channel, shape)
    return make(
        f"/{SERVICE}/{name}", request_serializer=request.SerializeToString, response_deserializer=response.FromString
    )


def samples(count: int) -> Any:
    return Samples(samples=[Sample(id=number, quality=1, value=0.5) for number in range(count)])


def total_of(message: Any) -> float:
    """Every field of every sample."""
    total = 0.0
    for sample in message.samples:
        total += sample.id + sample.quality + sample.value
    return total
