"""Signing for Lighter: the venue's own native signer behind a small door.

Transactions carry a Schnorr signature over the ECgFp5 curve that the venue ships as a shared
library, in the package `lighter-sdk` (folder `lighter/signers`). Only that file is used, through
ctypes: none of the package's Python is imported, and its client makes no network request. Nothing
but orders, cancels (also one at a later time), leverage and access tokens is ever signed: no
withdrawal, no transfer, no change of keys, no approval of an integrator.

Source: the header `lighter-signer-*.h` of lighter-sdk 1.1.8. An older or newer file whose functions
take other arguments is refused by name where one is missing; pin 1.1.8.
"""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import ClassVar, Final, Protocol

from core.errors import AuthError, ConfigError

CREATE_ORDER: Final = 14
CANCEL_ORDER: Final = 15
CANCEL_ALL: Final = 16
UPDATE_LEVERAGE: Final = 20

_MACHINES: Final = {"x86_64": "amd64", "amd64": "amd64", "arm64": "arm64", "aarch64": "arm64"}
_SYSTEMS: Final = {
    "Linux": ("linux", "so"),
    "Darwin": ("darwin", "dylib"),
    "Windows": ("windows", "dll"),
}
LIMIT, MARKET = 0, 1
IOC, GTT, POST_ONLY = 0, 1, 2
_SCHEDULED, _ABORTED = 1, 2
_EVERY_MARKET: Final = 255
_LONGEST: Final = -1
"""Expiry of a resting order: 28 days, which is the longest."""
_PACKAGE: Final = "lighter-sdk"
_REMEDY: Final = (
    "Install the package lighter-sdk 1.1.8 without its dependencies (pip install --no-deps), or "
    "store the path of lighter-signer-linux-amd64.so as the option `signer`."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order in the venue's integers."""

    market: int
    client_index: int
    amount: int
    """Lots."""
    price: int
    """Ticks; the worst price of a market order."""
    is_ask: bool
    kind: int = LIMIT
    time_in_force: int = GTT
    is_reduce_only: bool = False

    @property
    def expiry(self) -> int:
        """0 where it cannot rest."""
        return 0 if self.time_in_force == IOC else _LONGEST


class Signer(Protocol):
    """Signs for one key of one account; texts are `tx_info` as the venue takes it.

    Every nonce is larger than the one before, and may skip others.
    """

    def create(self, order: Order, nonce: int) -> str:
        """An order."""

    def cancel(self, market: int, index: int, nonce: int) -> str:
        """The cancel of an order by the venue's index or the client's."""

    def leverage(self, market: int, fraction: int, mode: int, nonce: int) -> str:
        """Initial margin in ten-thousandths; mode 0 is cross, 1 isolated."""

    def cancel_all_at(self, at_ms: int | None, nonce: int) -> str:
        """The cancel of every order of the account at a moment (UTC); None calls it off."""

    def token(self, expires_s: int) -> str:
        """What opens private channels and answers until a second of UTC, at most eight hours on."""


class _Signed(ctypes.Structure):
    _fields_: ClassVar[Sequence[tuple[str, type]]] = (
        ("kind", ctypes.c_uint8),
        ("info", ctypes.c_void_p),
        ("hash", ctypes.c_void_p),
        ("message", ctypes.c_void_p),
        ("error", ctypes.c_void_p),
    )


class _Text(ctypes.Structure):
    _fields_: ClassVar[Sequence[tuple[str, type]]] = (
        ("text", ctypes.c_void_p),
        ("error", ctypes.c_void_p),
    )


_INT, _LONG, _BYTE = ctypes.c_int, ctypes.c_longlong, ctypes.c_uint8
_WHO: Final = (_BYTE, _LONG, _INT, _LONG)
"""Skip nonce, nonce, API key index, account index: the end of every transaction."""
_FUNCTIONS: Final[dict[str, tuple[tuple[type, ...], type]]] = {
    "CreateClient": ((ctypes.c_char_p, ctypes.c_char_p, _INT, _INT, _LONG), ctypes.c_void_p),
    "SignCreateOrder": (
        (_LONG, _LONG, _LONG, *(_INT,) * 6, _LONG, _LONG, _INT, _INT, _BYTE, _BYTE, *_WHO),
        _Signed,
    ),
    "SignCancelOrder": ((_LONG, _LONG, *_WHO), _Signed),
    "SignCancelAllOrders": ((_INT, _LONG, _LONG, *_WHO), _Signed),
    "SignUpdateLeverage": ((_LONG, _INT, _INT, *_WHO), _Signed),
    "CreateAuthToken": ((_LONG, _INT, _LONG), _Text),
}


class NativeSigner:
    """The venue's signer.

    Args:
        library: The shared library.
        url: Of the venue; the library wants one and asks it nothing.
        chain: 304, or 300 on the test network.
        account: Account index.
        key_index: API key index.
        secret: The API key's private key in hexadecimal.

    Raises:
        ConfigError: If the library cannot be used.
        AuthError: If the key is none.
    """

    def __init__(
        self, library: Path, *, url: str, chain: int, account: int, key_index: int, secret: str
    ) -> None:
        self._library = _loaded(library)
        self._who = (key_index, account)
        error = self._library.CreateClient(
            url.encode(), secret.removeprefix("0x").encode(), chain, key_index, account
        )
        if self._text(error):
            raise AuthError(
                "lighter: the private key of the API key is none.",
                venue="lighter",
                remedy="Store the key again: ctos keys set lighter",
            )

    def create(self, order: Order, nonce: int) -> str:
        """See `Signer.create`; without an integrator, so that nobody is paid."""
        signed = self._library.SignCreateOrder(
            order.market,
            order.client_index,
            order.amount,
            order.price,
            int(order.is_ask),
            order.kind,
            order.time_in_force,
            int(order.is_reduce_only),
            0,  # no trigger
            order.expiry,
            *(0, 0, 0),  # no integrator, no fees of one
            *(0, 0),  # what the venue does by itself with trades against oneself
            *self._sender(nonce),
        )
        return self._info(signed, CREATE_ORDER)

    def cancel(self, market: int, index: int, nonce: int) -> str:
        """See `Signer.cancel`."""
        signed = self._library.SignCancelOrder(market, index, *self._sender(nonce))
        return self._info(signed, CANCEL_ORDER)

    def leverage(self, market: int, fraction: int, mode: int, nonce: int) -> str:
        """See `Signer.leverage`."""
        signed = self._library.SignUpdateLeverage(market, fraction, mode, *self._sender(nonce))
        return self._info(signed, UPDATE_LEVERAGE)

    def cancel_all_at(self, at_ms: int | None, nonce: int) -> str:
        """See `Signer.cancel_all_at`."""
        word = _ABORTED if at_ms is None else _SCHEDULED
        signed = self._library.SignCancelAllOrders(
            word, at_ms or 0, _EVERY_MARKET, *self._sender(nonce)
        )
        return self._info(signed, CANCEL_ALL)

    def token(self, expires_s: int) -> str:
        """See `Signer.token`."""
        found = self._library.CreateAuthToken(expires_s, *self._who)
        token, error = self._text(found.text), self._text(found.error)
        if error or not token:
            raise AuthError(f"lighter: no access token: {error[:200]}", venue="lighter")
        return token

    def _sender(self, nonce: int) -> tuple[int, int, int, int]:
        return (1, nonce, *self._who)

    def _info(self, signed: _Signed, kind: int) -> str:
        info, error = self._text(signed.info), self._text(signed.error)
        self._text(signed.hash)
        self._text(signed.message)
        if error or not info or signed.kind != kind:
            raise AuthError(f"lighter: the signer refused: {error[:200]}", venue="lighter")
        return info

    def _text(self, pointer: int | None) -> str:
        """The text behind a pointer, whose memory is given back."""
        if not pointer:
            return ""
        try:
            return (ctypes.string_at(pointer) or b"").decode()
        finally:
            self._library.Free(pointer)


def find_library(option: str | None) -> Path:
    """The signer's file: where an option says, else in the installed package.

    Raises:
        ConfigError: If there is none, with how to get it.
    """
    if option:
        path = Path(option).expanduser()
        if not path.is_file():
            raise ConfigError(
                "there is no such file.", key="signer", source="keys of lighter", remedy=_REMEDY
            )
        return path
    name = _file_name()
    try:
        files = metadata.files(_PACKAGE) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if name and file.name == name:
            return Path(str(file.locate()))
    raise ConfigError(
        "lighter: trading needs the venue's native signer, which is not installed.", remedy=_REMEDY
    )


def _file_name() -> str | None:
    """The signer's file for this machine; None where the venue ships none."""
    kind = _MACHINES.get(platform.machine().lower())
    system, ending = _SYSTEMS.get(platform.system(), ("", ""))
    return f"lighter-signer-{system}-{kind}.{ending}" if kind and system else None


def _loaded(path: Path) -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(str(path))
        for name, (arguments, result) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.argtypes, function.restype = arguments, result
        library.Free.argtypes, library.Free.restype = (ctypes.c_void_p,), None
    except (OSError, AttributeError) as error:
        raise ConfigError(
            f"the signer {path.name} cannot be used: {error}"[:300],
            key="signer",
            source="keys of lighter",
            remedy=_REMEDY,
        ) from error
    return library
