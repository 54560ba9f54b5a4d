"""Which rows of a list a request of Binance wants."""

from __future__ import annotations

from collections.abc import Mapping

Params = Mapping[str, str]


def in_time(params: Params, at_ns: int) -> bool:
    """Whether a time is between `startTime` and `endTime`, both inclusive."""
    first, last = params.get("startTime"), params.get("endTime")
    at_ms = at_ns // 1_000_000
    return (not first or at_ms >= int(first)) and (not last or at_ms <= int(last))


def newest(
    rows: list[dict[str, object]] | list[list[object]], params: Params, default: int
) -> object:
    """The last `limit` of them."""
    return rows[-int(params.get("limit", default)) :]
