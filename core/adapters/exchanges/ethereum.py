"""Keccak-256, EIP-712 digests and secp256k1 signatures, as far as venues want them.

The curve is libsecp256k1 (coincurve). Keccak-256 comes from pycryptodome where it is installed
(the `hyperliquid` extra brings it), else from the few lines below, which are exact and cost about
0.3 ms a block.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Final

from coincurve import PrivateKey

from core.errors import AuthError

_RATE_BYTES: Final = 136
_LANE_MASK: Final = (1 << 64) - 1
_ROTATIONS: Final = (
    (0, 36, 3, 41, 18),
    (1, 44, 10, 45, 2),
    (62, 6, 43, 15, 61),
    (28, 55, 25, 21, 56),
    (27, 20, 39, 8, 14),
)
_ROUND_CONSTANTS: Final = (
    0x0000000000000001,
    0x0000000000008082,
    0x800000000000808A,
    0x8000000080008000,
    0x000000000000808B,
    0x0000000080000001,
    0x8000000080008081,
    0x8000000000008009,
    0x000000000000008A,
    0x0000000000000088,
    0x0000000080008009,
    0x000000008000000A,
    0x000000008000808B,
    0x800000000000008B,
    0x8000000000008089,
    0x8000000000008003,
    0x8000000000008002,
    0x8000000000000080,
    0x000000000000800A,
    0x800000008000000A,
    0x8000000080008081,
    0x8000000000008080,
    0x0000000080000001,
    0x8000000080008008,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A recoverable ECDSA signature; `v` is 27 or 28."""

    r: int
    s: int
    v: int

    def hex(self) -> str:
        """`r || s || v` as 130 hexadecimal digits."""
        return f"{self.r:064x}{self.s:064x}{self.v:02x}"


def keccak256(data: bytes) -> bytes:
    """The Keccak-256 hash that Ethereum uses (not SHA3-256, which pads differently)."""
    return _keccak()(data)


@cache
def _keccak() -> Callable[[bytes], bytes]:
    try:
        compiled = importlib.import_module("Crypto.Hash.keccak")
    except ImportError:
        return keccak256_exact

    def compiled_keccak(data: bytes) -> bytes:
        digest: bytes = compiled.new(digest_bits=256, data=data).digest()
        return digest

    try:
        quick = _reused_sponge(compiled)
        is_sound = quick(b"one") == compiled_keccak(b"one") and quick(b"") == compiled_keccak(b"")
    except (AttributeError, ImportError, TypeError, ValueError):
        is_sound = False
    return quick if is_sound else compiled_keccak


def _reused_sponge(compiled: ModuleType) -> Callable[[bytes], bytes]:
    """The same C code without a new object, and thirty Python calls, for each hash.

    An order hashes three times before it leaves. What is used here of pycryptodome is not promised
    by it: whoever asks for this compares hashes, and takes the promised way if they differ.
    """
    raw_api = importlib.import_module("Crypto.Util._raw_api")
    code, ffi = compiled._raw_keccak_lib, raw_api.ffi  # noqa: SLF001 # see above

    class Sponge(threading.local):
        """One for each thread: the C code lets other threads run meanwhile."""

        def __init__(self) -> None:
            self.owner = compiled.new(digest_bits=256)  # gives the state back when it goes
            self.state = self.owner._state.get()  # noqa: SLF001 # see above
            self.out = ffi.new("uint8_t[32]")
            self.digest = ffi.buffer(self.out)

    sponge = Sponge()
    reset, absorb, squeeze = code.keccak_reset, code.keccak_absorb, code.keccak_digest

    def quick_keccak(data: bytes) -> bytes:
        state = sponge.state
        if reset(state) or absorb(state, data, len(data)) or squeeze(state, sponge.out, 32, 1):
            raise ValueError("Keccak-256 failed")
        digest: bytes = sponge.digest[:]
        return digest

    return quick_keccak


def keccak256_exact(data: bytes) -> bytes:
    """Keccak-256 without any library (FIPS 202's permutation, the original padding)."""
    padded = bytearray(data)
    padded.append(0x01)
    padded.extend(b"\x00" * (-len(padded) % _RATE_BYTES))
    padded[-1] |= 0x80
    state = [[0] * 5 for _ in range(5)]
    for start in range(0, len(padded), _RATE_BYTES):
        for lane in range(_RATE_BYTES // 8):
            at = start + lane * 8
            state[lane % 5][lane // 5] ^= int.from_bytes(padded[at : at + 8], "little")
        _permute(state)
    return b"".join(state[lane][0].to_bytes(8, "little") for lane in range(4))


def _permute(state: list[list[int]]) -> None:
    for constant in _ROUND_CONSTANTS:
        parity = [col[0] ^ col[1] ^ col[2] ^ col[3] ^ col[4] for col in state]
        for x in range(5):
            mixed = parity[x - 1] ^ _rotated(parity[(x + 1) % 5], 1)
            for y in range(5):
                state[x][y] ^= mixed
        moved = [[0] * 5 for _ in range(5)]
        for x in range(5):
            for y in range(5):
                moved[y][(2 * x + 3 * y) % 5] = _rotated(state[x][y], _ROTATIONS[x][y])
        for x in range(5):
            for y in range(5):
                state[x][y] = moved[x][y] ^ (~moved[(x + 1) % 5][y] & moved[(x + 2) % 5][y])
        state[0][0] ^= constant


def _rotated(lane: int, count: int) -> int:
    return ((lane << count) | (lane >> (64 - count))) & _LANE_MASK


def word(value: int) -> bytes:
    """A 256-bit word; a negative number in two's complement."""
    return (value % (1 << 256)).to_bytes(32, "big")


def address_word(address: str) -> bytes:
    """An address as a 256-bit word.

    Raises:
        ValueError: If it is not twenty bytes in hexadecimal.
    """
    raw = bytes.fromhex(address.removeprefix("0x"))
    if len(raw) != 20:
        message = f"{address!r} is no address"
        raise ValueError(message)
    return raw.rjust(32, b"\x00")


_DOMAIN_TYPE: Final = (
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)


@cache
def domain_separator(name: str, version: str, chain_id: int, contract: str) -> bytes:
    """The EIP-712 hash of a domain with all of its four usual fields."""
    return keccak256(
        keccak256(_DOMAIN_TYPE)
        + keccak256(name.encode())
        + keccak256(version.encode())
        + word(chain_id)
        + address_word(contract)
    )


def typed_digest(domain: bytes, struct_hash: bytes) -> bytes:
    """What is signed for an EIP-712 struct under a domain."""
    return keccak256(b"\x19\x01" + domain + struct_hash)


def private_key(text: str) -> PrivateKey:
    """The key that `text` spells in hexadecimal, with or without `0x`.

    Raises:
        AuthError: If it is none; the message does not repeat it.
    """
    try:
        raw = bytes.fromhex(text.strip().removeprefix("0x"))
        if len(raw) != 32:
            raise ValueError  # noqa: TRY301 - one error for every way to be no key
        return PrivateKey(raw)
    except ValueError:
        raise AuthError("the private key is not 32 bytes in hexadecimal") from None


def sign_digest(digest: bytes, key: PrivateKey) -> Signature:
    """The deterministic (RFC 6979) signature of a 32-byte digest, in the lower half of `s`."""
    raw = key.sign_recoverable(digest, hasher=None)
    return Signature(
        r=int.from_bytes(raw[:32], "big"), s=int.from_bytes(raw[32:64], "big"), v=27 + raw[64]
    )


def address_of(key: PrivateKey) -> str:
    """The address of a key, in lower case with `0x`."""
    return "0x" + keccak256(key.public_key.format(compressed=False)[1:])[-20:].hex()
