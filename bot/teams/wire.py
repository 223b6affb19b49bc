"""JSON to botbuilder's classes and back, without msrest: its (de)serialisation costs more than all the rest of a turn.

The classes describe themselves in ``_attribute_map``; from that a plan is made once a class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botbuilder import schema
from botbuilder.schema import Activity

from bot.errors import ChannelError

__all__ = ["activity_from_json", "to_json"]

# What a turn may look at. Everything else that comes in is dropped: ``deliveryMode`` for instance would make the SDK
# keep replies to itself.
_INCOMING = frozenset(
    """type id timestamp serviceUrl channelId from conversation recipient textFormat membersAdded membersRemoved
    locale localTimezone text entities channelData action replyToId value name""".split()
)


@dataclass(frozen=True, slots=True)
class _Field:
    attribute: str
    key: str
    kind: str
    """``str``, ``bool``, ``object``, the name of a class, or any of these in brackets for a list."""


_plans: dict[type[Any], tuple[_Field, ...]] = {}


def _plan(model: type[Any]) -> tuple[_Field, ...]:
    plan = _plans.get(model)
    if plan is None:
        described = model._attribute_map.items()  # noqa: SLF001  all that the classes say about themselves
        plan = _plans[model] = tuple(_Field(attribute, row["key"], row["type"]) for attribute, row in described)
    return plan


def activity_from_json(body: object) -> Activity:
    """The activity in a request's body.

    Raises:
        ChannelError: 400, with what is wrong with it.
    """
    if not isinstance(body, dict):
        raise ChannelError(400, "not a JSON object")
    activity = _read(Activity, {key: value for key, value in body.items() if key in _INCOMING})
    assert isinstance(activity, Activity)
    return activity


def _read(model: type[Any], body: Mapping[str, object]) -> object:
    values = {}
    for field in _plan(model):
        raw = body.get(field.key)
        if raw is not None:
            values[field.attribute] = _value(field.kind, raw, field.key)
    made = model(**values)
    if model is not Activity:
        # Where the SDK keeps what a class does not name, e.g. the locale in ``clientInfo``.
        known = {field.key for field in _plan(model)}
        made.additional_properties = {key: value for key, value in body.items() if key not in known}
    return made


def _value(kind: str, raw: object, key: str) -> object:
    if kind.startswith("["):
        if not isinstance(raw, list):
            raise ChannelError(400, f"{key} is not a list")
        return [_value(kind[1:-1], item, key) for item in raw]
    if kind in {"str", "iso-8601"}:
        # Times are never computed with here, so they stay as they came.
        return _typed(raw, str, key)
    if kind == "bool":
        return _typed(raw, bool, key)
    if kind in {"object", "{object}"}:
        return raw
    return _read(getattr(schema, kind), _typed(raw, dict, key))


def _typed(raw: object, expected: type, key: str) -> Any:
    if not isinstance(raw, expected):
        raise ChannelError(400, f"{key} is not of type {expected.__name__}")
    return raw


def to_json(model: object) -> Any:
    """``model`` as JSON values; what is None is left out."""
    if isinstance(model, list):
        return [to_json(item) for item in model]
    if not hasattr(model, "_attribute_map"):
        return model
    plan = _plan(type(model))
    values = ((field, getattr(model, field.attribute, None)) for field in plan)
    return {field.key: to_json(value) for field, value in values if value is not None}
