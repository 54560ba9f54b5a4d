"""Messages of one read, decoded in one go.

A venue's frequent messages have typed structs under one tagged union. All messages of a read are
joined into one array and decoded by one call, where they are small: many large ones at once would
only fill the caches and wake the collector of garbage. A read that holds anything else is decoded
message by message: what fits the union as before, the rest by whoever handles rare messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import UnionType
from typing import Final, Generic, TypeVar

import msgspec

T = TypeVar("T")

SMALL: Final = 512
"""Bytes of a message that is decoded together with its neighbours."""
DAY_MS: Final = 86_400_000
"""An event further than this from now has a time that cannot be (reliability D12)."""


class Batch(Generic[T]):
    """Decodes reads.

    Args:
        union: The structs of frequent messages.
        rare: Takes a message that is none of them.
        is_strict: False lets text stand for a number, as where prices are decoded to floats.
    """

    def __init__(
        self, union: type[T] | UnionType, rare: Callable[[bytes], None], *, is_strict: bool = True
    ) -> None:
        self._many: msgspec.json.Decoder[list[T]] = msgspec.json.Decoder(
            list[union],  # type: ignore[valid-type] # a union is known at run time
            strict=is_strict,
        )
        self._one: msgspec.json.Decoder[T] = msgspec.json.Decoder(union, strict=is_strict)
        self._rare = rare

    def read(self, messages: Sequence[bytes]) -> Iterable[T]:
        """The frequent messages in order; rare ones are handed over on the way."""
        if len(messages) == 1:  # a price by itself: somebody may be waiting to make an order of it
            try:
                return (self._one.decode(messages[0]),)
            except (msgspec.DecodeError, UnicodeDecodeError):
                self._rare(messages[0])
                return ()
        if messages and len(messages[0]) < SMALL:
            try:
                return self._many.decode(b"[%b]" % b",".join(messages))
            except (msgspec.DecodeError, UnicodeDecodeError):
                pass
        return self._each(messages)

    def _each(self, messages: Sequence[bytes]) -> Iterator[T]:
        decode = self._one.decode
        for message in messages:
            try:
                found = decode(message)
            except (msgspec.DecodeError, UnicodeDecodeError):
                self._rare(message)
            else:
                yield found
