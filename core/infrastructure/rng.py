"""Chance as a seam: seeded where a run must repeat, the system's where it must not.

    rng = SeededRng(7)
    market = rng.child("market")     # adding a draw in one component shifts no other

A child's stream depends on the seed and its name only, not on how often anyone drew before.
"""

from __future__ import annotations

import hashlib
import os
import random
from typing import Protocol


class Rng(Protocol):
    """A source of chance."""

    def random(self) -> float:
        """Uniform in [0, 1)."""

    def uniform(self, low: float, high: float) -> float:
        """Uniform between two bounds."""

    def integer(self, low: int, high: int) -> int:
        """Uniform whole number from `low` to `high`, both included."""

    def normal(self, mean: float = 0.0, deviation: float = 1.0) -> float:
        """Normally distributed."""

    def bytes(self, length: int) -> bytes:
        """Random bytes."""

    def child(self, name: str) -> Rng:
        """A stream of its own for a component."""


class SeededRng:
    """The same draws for the same seed, on every platform and Python."""

    def __init__(self, seed: int | str | bytes) -> None:
        raw = seed if isinstance(seed, bytes) else str(seed).encode()
        self._key = hashlib.blake2b(raw, digest_size=16).digest()
        self._random = random.Random(int.from_bytes(self._key, "big"))

    def random(self) -> float:
        """Uniform in [0, 1)."""
        return self._random.random()

    def uniform(self, low: float, high: float) -> float:
        """Uniform between two bounds."""
        return low + (high - low) * self._random.random()

    def integer(self, low: int, high: int) -> int:
        """Uniform whole number from `low` to `high`, both included."""
        return self._random.randint(low, high)

    def normal(self, mean: float = 0.0, deviation: float = 1.0) -> float:
        """Normally distributed."""
        return self._random.gauss(mean, deviation)

    def bytes(self, length: int) -> bytes:
        """Random bytes; no secrets, the seed tells them."""
        return self._random.randbytes(length)

    def child(self, name: str) -> SeededRng:
        """A stream that depends on this one's seed and `name` only."""
        return SeededRng(self._key + name.encode())


class SystemRng:
    """The operating system's chance: different every time, good enough for identities."""

    def __init__(self) -> None:
        self._random = random.SystemRandom()

    def random(self) -> float:
        """Uniform in [0, 1)."""
        return self._random.random()

    def uniform(self, low: float, high: float) -> float:
        """Uniform between two bounds."""
        return self._random.uniform(low, high)

    def integer(self, low: int, high: int) -> int:
        """Uniform whole number from `low` to `high`, both included."""
        return self._random.randint(low, high)

    def normal(self, mean: float = 0.0, deviation: float = 1.0) -> float:
        """Normally distributed."""
        return self._random.gauss(mean, deviation)

    def bytes(self, length: int) -> bytes:
        """Random bytes from the system."""
        return os.urandom(length)

    def child(self, name: str) -> SystemRng:
        """Itself: there is no stream to split."""
        return self
