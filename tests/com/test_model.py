"""A call object does what the model of it does, a thousand steps long; `make soak` takes a hundred thousand."""

from __future__ import annotations

from tests.com.model import drive


def test_a_call_object_does_what_its_model_does() -> None:
    assert drive(1000) >= 1000
