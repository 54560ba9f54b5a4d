"""How the words of `protocol.py` travel: length-prefixed MessagePack with the word's name in front.

    4 bytes big-endian length · [name, id, body]

The id of a request is above zero and comes back with its reply; pushes and greetings carry 0. Every
body is decoded by the type its name stands for, so what arrives is whole or refused.
"""

from __future__ import annotations

import asyncio
from dataclasses import fields
from functools import cache
from typing import Any, Final

import msgspec

from core.engine import protocol
from core.errors import CtosError
from core.services.grid.snapshot import GridSnapshot
from core.services.portfolio.snapshot import HomeSnapshot, LogRow

MAX_FRAME: Final = 16 * 1024 * 1024
"""Longest body in bytes: a snapshot of the largest ladder is a fortieth of it."""
_PREFIX: Final = 4

Word = protocol.Hello | protocol.Welcome | protocol.Request | protocol.Reply | protocol.Push

_TYPES: Final[dict[str, type[Any]]] = {
    kind.__name__: kind
    for kind in (
        protocol.Hello,
        protocol.Welcome,
        protocol.Unlock,
        protocol.StartBot,
        protocol.AskBot,
        protocol.StopBot,
        protocol.Attach,
        protocol.EditBot,
        protocol.ReadConfig,
        protocol.ReadProfit,
        protocol.ExplainOrder,
        protocol.Kill,
        protocol.Reconcile,
        protocol.Reconnect,
        protocol.Watch,
        protocol.Detach,
        protocol.ListBots,
        protocol.ListRequests,
        protocol.ListOrders,
        protocol.BotStarted,
        protocol.Done,
        protocol.Refused,
        protocol.Bots,
        protocol.Requests,
        protocol.Orders,
        protocol.EditShown,
        protocol.ConfigText,
        protocol.Explained,
        protocol.ProfitShown,
        GridSnapshot,
        HomeSnapshot,
        protocol.DiaryLine,
        LogRow,
        protocol.BotEnded,
    )
}
"""Name on the wire -> what it is decoded to."""

_encoder: Final = msgspec.msgpack.Encoder()
_FIELDS: Final = tuple(field.name for field in fields(GridSnapshot))
_SHORT_ARRAY: Final = 16
_ROWS: Final = ("slots", "fills", "prices")
"""Fields of a picture that are long, and of which little changes from one to the next."""


class FrameError(CtosError):
    """The other end sent something that is no word of this protocol."""


class _Frame(msgspec.Struct, array_like=True, frozen=True):
    name: str
    id: int
    body: msgspec.Raw


_frames: Final = msgspec.msgpack.Decoder(_Frame)


class _Rows:
    """The encoded rows of pictures: most of one are those of the picture before.

    Rows are frozen and a picture passes on those that are still true, so each is known by being the
    same object, which is kept as long as its bytes are.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, bytes]] = {}
        self._last: tuple[object, ...] | None = None
        self._raw = msgspec.Raw()

    def encoded(self, rows: tuple[object, ...]) -> msgspec.Raw:
        """The bytes of all of them, each row encoded at most once while it stays."""
        if rows is self._last:
            return self._raw
        known = self._known
        kept: dict[int, tuple[object, bytes]] = {}
        for row in rows:
            key = id(row)
            entry = known.get(key)
            kept[key] = (row, _encoder.encode(row)) if entry is None else entry
        self._known, self._last = kept, rows
        self._raw = msgspec.Raw(_array(len(rows)) + b"".join([kept[id(row)][1] for row in rows]))
        return self._raw


def _array(count: int) -> bytes:
    """What MessagePack puts before the elements of an array."""
    if count < _SHORT_ARRAY:
        return bytes((0x90 | count,))
    return b"\xdd" + count.to_bytes(4, "big")


class PictureEncoder:
    """Encodes the pictures of one bot, one after the other."""

    def __init__(self) -> None:
        self._rows = {name: _Rows() for name in _ROWS}

    def encode(self, picture: GridSnapshot) -> bytes:
        """As `encode` would."""
        values = {name: getattr(picture, name) for name in _FIELDS}
        for name, rows in self._rows.items():
            values[name] = rows.encoded(values[name])
        return _framed("GridSnapshot", 0, msgspec.Raw(_encoder.encode(values)))


def encode(word: Word, frame_id: int = 0) -> bytes:
    """One word as the bytes of one frame."""
    return _framed(type(word).__name__, frame_id, msgspec.Raw(_encoder.encode(word)))


def _framed(name: str, frame_id: int, body: msgspec.Raw) -> bytes:
    frame = _encoder.encode(_Frame(name, frame_id, body))
    return len(frame).to_bytes(_PREFIX, "big") + frame


def decode(frame: bytes) -> tuple[int, Word]:
    """The id and the word of one frame, without its length.

    Raises:
        FrameError: If it is no word of this protocol.
    """
    try:
        head = _frames.decode(frame)
        word: Word = _decoder(head.name).decode(head.body)
    except (msgspec.MsgspecError, KeyError, ValueError) as error:
        raise FrameError(f"not a word of the control protocol: {error}") from error
    return head.id, word


async def read(reader: asyncio.StreamReader) -> tuple[int, Word] | None:
    """The next word, or None when the other end has closed; waits for ever.

    Raises:
        FrameError: If what came is no word, or longer than `MAX_FRAME`.
    """
    try:
        size = int.from_bytes(await reader.readexactly(_PREFIX), "big")
        if not 0 < size <= MAX_FRAME:
            raise FrameError(f"a frame of {size} bytes is no word of the control protocol")
        return decode(await reader.readexactly(size))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


@cache
def _decoder(name: str) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(_TYPES[name])
