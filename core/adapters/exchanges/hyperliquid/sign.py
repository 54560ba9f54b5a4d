"""Signing Hyperliquid's L1 actions: orders, cancels, leverage, the dead man's switch.

An action is packed with MessagePack, hashed with the nonce, the vault and the deadline, and signed
through a "phantom agent" under a fixed EIP-712 domain. The order of an action's fields is part of
what is signed. Sources: hyperliquid.gitbook.io, "Signing" and "Exchange endpoint";
hyperliquid-python-sdk 0.24.0, to which the signatures are equal byte for byte.

No action here carries a builder, a referrer or an approval.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

import msgspec
from coincurve import PrivateKey

from core.adapters.exchanges.ethereum import (
    Signature,
    domain_separator,
    keccak256,
    sign_digest,
    typed_digest,
)
from core.adapters.exchanges.models import OrderOptions, OrderSide, TimeInForce, plain
from core.errors import NotSupported

Action = dict[str, object]

_AGENT_TYPE: Final = keccak256(b"Agent(string source,bytes32 connectionId)")
_SOURCES: Final = {True: keccak256(b"a"), False: keccak256(b"b")}
_CHAIN_ID: Final = 1337
_NO_CONTRACT: Final = "0x" + "0" * 40
_CLOID: Final = re.compile(r"0x[0-9a-f]{32}")
_MAX_DECIMALS: Final = 8


def sign_action(
    action: Mapping[str, object],
    nonce: int,
    key: PrivateKey,
    *,
    is_mainnet: bool,
    vault: str | None = None,
    expires_after_ms: int | None = None,
) -> Signature:
    """The signature of an action.

    Args:
        action: From the functions below; the order of its fields counts.
        nonce: Milliseconds since 1970, used once per signer.
        key: The account's key or an agent's.
        is_mainnet: False signs for the test network.
        vault: Address of the vault or sub-account that the action is for.
        expires_after_ms: Time after which the venue refuses the action.
    """
    domain = domain_separator("Exchange", "1", _CHAIN_ID, _NO_CONTRACT)
    connection_id = action_hash(action, nonce, vault, expires_after_ms)
    struct_hash = keccak256(_AGENT_TYPE + _SOURCES[is_mainnet] + connection_id)
    return sign_digest(typed_digest(domain, struct_hash), key)


def action_hash(
    action: Mapping[str, object], nonce: int, vault: str | None, expires_after_ms: int | None
) -> bytes:
    """The hash that an agent signs for an action."""
    data = msgspec.msgpack.encode(action) + nonce.to_bytes(8, "big")
    data += b"\x00" if vault is None else b"\x01" + bytes.fromhex(vault.removeprefix("0x"))
    if expires_after_ms is not None:
        data += b"\x00" + expires_after_ms.to_bytes(8, "big")
    return keccak256(data)


def request_body(
    action: Mapping[str, object],
    nonce: int,
    signature: Signature,
    *,
    vault: str | None = None,
    expires_after_ms: int | None = None,
) -> Action:
    """The body of `POST /exchange`."""
    return {
        "action": action,
        "nonce": nonce,
        "signature": {"r": hex(signature.r), "s": hex(signature.s), "v": signature.v},
        "vaultAddress": vault,
        "expiresAfter": expires_after_ms,
    }


# -- actions ----------------------------------------------------------------------------------


def order_wire(
    number: int, side: OrderSide, price: Decimal, amount: Decimal, options: OrderOptions
) -> Action:
    """One order of an action.

    Args:
        number: The asset's number (`Listing.number`).
        side: Buy or sell.
        price: Already rounded; a market order has a worst price and is immediate-or-cancel.
        amount: Base units, already rounded.
        options: Its `client_order_id` is a cloid: `0x` and 32 hexadecimal digits.

    Raises:
        NotSupported: For fill-or-kill, which the venue does not have.
        ValueError: For more decimals than the wire carries, or another form of client id.
    """
    if options.time_in_force is TimeInForce.FOK:
        raise NotSupported("hyperliquid has no fill-or-kill orders", venue="hyperliquid")
    if options.post_only:
        time_in_force = "Alo"  # codespell:ignore alo
    else:
        time_in_force = "Ioc" if options.time_in_force is TimeInForce.IOC else "Gtc"
    wire: Action = {
        "a": number,
        "b": side is OrderSide.BUY,
        "p": wire_number(price),
        "s": wire_number(amount),
        "r": options.reduce_only,
        "t": {"limit": {"tif": time_in_force}},
    }
    if options.client_order_id is not None:
        wire["c"] = _cloid(options.client_order_id)
    return wire


def order_action(orders: Sequence[Action]) -> Action:
    """Places orders, each on its own."""
    return {"type": "order", "orders": list(orders), "grouping": "na"}


def cancel_action(cancels: Sequence[tuple[int, int]]) -> Action:
    """Cancels orders by (asset number, order id)."""
    return {"type": "cancel", "cancels": [{"a": number, "o": oid} for number, oid in cancels]}


def leverage_action(number: int, leverage: int, *, is_cross: bool) -> Action:
    """Sets the leverage and margin mode of one asset."""
    return {"type": "updateLeverage", "asset": number, "isCross": is_cross, "leverage": leverage}


def schedule_cancel_action(at_ms: int | None) -> Action:
    """Arms the dead man's switch (at least five seconds ahead), or disarms it."""
    return (
        {"type": "scheduleCancel"} if at_ms is None else {"type": "scheduleCancel", "time": at_ms}
    )


def wire_number(value: Decimal) -> str:
    """Plain notation without trailing zeros, at most eight decimals.

    Raises:
        ValueError: If the value has more.
    """
    text = plain(value)
    if not value.is_finite() or len(text.partition(".")[2]) > _MAX_DECIMALS:
        message = f"{value} has more than {_MAX_DECIMALS} decimals"
        raise ValueError(message)
    return text


def _cloid(text: str) -> str:
    if _CLOID.fullmatch(text) is None:
        message = f"{text!r} is no cloid: expected 0x and 32 hexadecimal digits"
        raise ValueError(message)
    return text
