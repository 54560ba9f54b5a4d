"""What Derive puts around its messages, and which of its rows are about options.

A notification is `{method: "subscription", params: {channel, data}}`, an answer of JSON-RPC is
`{id, result}`; a recording may hold either, or the message alone. A page of an answer is an object
with one array beside a subaccount and a number of pages. Source: docs.derive.xyz, "JSON-RPC".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from core.adapters.exchanges.decoding import Fields, Reading, Shape, objects

_OPTION: Final = re.compile(r"[^-]+-\d{8}-[0-9_]+-[CP]", re.ASCII)
_PAGES: Final = ("collaterals", "instruments", "orders", "positions", "trades")
_BESIDE: Final = frozenset({"pagination", "subaccount_id"})


def body(raw: object) -> object:
    """The message without its envelope."""
    if isinstance(raw, dict):
        params = raw.get("params")
        if raw.get("method") == "subscription" and isinstance(params, dict):
            return params.get("data")
        if "result" in raw and "id" in raw:
            return raw["result"]
    return raw


def channel(raw: object) -> str:
    """The channel that a notification came on; empty for anything else."""
    params = raw.get("params") if isinstance(raw, dict) else None
    name = params.get("channel") if isinstance(params, dict) else None
    return name if isinstance(name, str) else ""


def page(told: object) -> str | None:
    """The array that an answer is a page of; None for what is no page."""
    if not isinstance(told, dict):
        return None
    named = [name for name in _PAGES if isinstance(told.get(name), list)]
    return named[0] if len(named) == 1 and told.keys() <= {*named, *_BESIDE} else None


def rows(raw: object) -> list[object]:
    """The rows of a page, of an array, or the one object that a message is."""
    told = body(raw)
    name = page(told)
    if name is not None and isinstance(told, dict):
        told = told[name]
    return told if isinstance(told, list) else [told]


def is_option(name: object) -> bool:
    """Whether an instrument's name is that of an option: `ETH-20260627-3500-C`."""
    return isinstance(name, str) and _OPTION.fullmatch(name) is not None


def outright(
    found: list[object], kind: Shape, reading: Reading, *, name: str = "instrument_name"
) -> Iterator[Fields]:
    """Rows about perpetuals and assets; those about options are counted and left out."""
    for fields in objects(found, kind, reading):
        if is_option(fields.raw(name)):
            reading.unknown[f"{kind.name}:option"] += 1
        else:
            yield fields
