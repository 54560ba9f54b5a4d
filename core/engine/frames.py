"""How the words of `protocol.py` travel: length-prefixed MessagePack with the word's name in front.

    4 bytes big-endian length · [name, id, body]

The id of a request is above zero and comes back with its reply; pushes and greetings carry 0. Every
body is decoded by the type its name stands for, so what arrives is whole or refused.
"""

from __future__ import annotations

import asyncio
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
        protocol.StartBot,
        protocol.AskBot,
        protocol.StopBot,
        protocol.Attach,
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
        GridSnapshot,
        HomeSnapshot,
        protocol.DiaryLine,
        LogRow,
        protocol.BotEnded,
    )
}
"""Name on the wire -> what it is decoded to."""

_encoder: Final = msgspec.msgpack.Encoder()


class FrameError(CtosError):
    """The other end sent something that is no word of this protocol."""


class _Frame(msgspec.Struct, array_like=True, frozen=True):
    name: str
    id: int
    body: msgspec.Raw


_frames: Final = msgspec.msgpack.Decoder(_Frame)


def encode(word: Word, frame_id: int = 0) -> bytes:
    """One word as the bytes of one frame."""
    body = msgspec.Raw(_encoder.encode(word))
    frame = _encoder.encode(_Frame(type(word).__name__, frame_id, body))
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
