"""ccxt's Lighter, signed by our own door to the venue's signer (`lighter/sign.py`).

ccxt hands the native signer 32-bit market numbers where its header has 64-bit ones, and reads a
file that is only sometimes the one it was built for. Here ccxt builds a transaction and we sign it:
orders that rest or take at a worst price, cancels, leverage and access tokens. Whatever else ccxt
could sign (withdrawals, transfers, other keys, integrators, trigger orders) is refused.

ccxt takes nonces from the clock's milliseconds, of which two orders may have the same. They are
counted on here, from what the venue says is next; one transaction is under way at a time, since two
on two connections may arrive in the other order, and the lower nonce is refused.
"""

# ruff: noqa: ANN401 # ccxt has no types

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from core.adapters.exchanges.lighter.errors import NONCE_CODES
from core.adapters.exchanges.lighter.sign import (
    CANCEL_ORDER,
    CREATE_ORDER,
    IOC,
    LIMIT,
    MARKET,
    UPDATE_LEVERAGE,
    Order,
    Signer,
)
from core.errors import NotSent, VenueError

NEVER_SIGNED: Final = (
    "lighter_generate_api_key",
    "lighter_sign_approve_integrator",
    "lighter_sign_cancel_all_orders",
    "lighter_sign_change_pubkey",
    "lighter_sign_create_grouped_orders",
    "lighter_sign_create_sub_account",
    "lighter_sign_modify_order",
    "lighter_sign_transfer",
    "lighter_sign_update_margin",
    "lighter_sign_withdraw",
)
"""Methods of ccxt whose transactions nobody asks for."""
_EXTRAS: Final = (
    "trigger_price",
    "integrator_account_index",
    "integrator_taker_fee",
    "integrator_maker_fee",
)
"""Fields of an order that must be zero: it has no trigger, and nobody is paid."""


class Signing:
    """Stands before ccxt's class of Lighter among the bases of one (`signed_class`)."""

    ctos_make_signer: Callable[[], Signer]
    """Makes what signs, when ccxt needs it first."""

    def __init__(self, config: Any) -> None:
        self.ctos_turn = asyncio.Lock()
        self.ctos_nonce = 0
        self.ctos_knows_nonce = False
        parent: Any = super()
        parent.__init__(config)

    # -- one after the other ------------------------------------------------------------------

    async def create_order(self, *given: Any, **named: Any) -> Any:
        """What ccxt does, in its turn."""
        parent: Any = super()
        return await self.ctos_in_turn(lambda: parent.create_order(*given, **named))

    async def cancel_order(self, *given: Any, **named: Any) -> Any:
        """What ccxt does, in its turn."""
        parent: Any = super()
        return await self.ctos_in_turn(lambda: parent.cancel_order(*given, **named))

    async def modify_leverage_and_margin_mode(self, *given: Any, **named: Any) -> Any:
        """What ccxt does, in its turn."""
        parent: Any = super()
        return await self.ctos_in_turn(
            lambda: parent.modify_leverage_and_margin_mode(*given, **named)
        )

    async def ctos_in_turn(self, send: Callable[[], Awaitable[Any]]) -> Any:
        """One transaction; after a nonce was refused the venue is asked for the next one."""
        async with self.ctos_turn:
            try:
                return await send()
            except VenueError as error:
                self.ctos_knows_nonce &= error.code not in NONCE_CODES
                raise

    async def fetch_nonce(self, account: Any, key: Any, params: Any = None) -> int:
        """A nonce above all before it, by the clock where that is ahead."""
        del params
        client: Any = self
        if not self.ctos_knows_nonce:
            asked = {"account_index": account, "api_key_index": key}
            self.ctos_nonce = max(self.ctos_nonce, _told(await client.publicGetNextNonce(asked)))
            self.ctos_knows_nonce = True
        self.ctos_nonce = max(self.ctos_nonce + 1, int(client.milliseconds()))
        return self.ctos_nonce

    async def watch_my_trades(
        self, symbol: Any = None, since: Any = None, limit: Any = None, params: Any = None
    ) -> Any:
        """What ccxt does, with the access token that the venue wants for this channel."""
        client: Any = self
        parent: Any = super()
        await client.pre_load_lighter_library()
        token = {"auth": client.create_auth(), **(params or {})}
        return await parent.watch_my_trades(symbol, since, limit, token)

    # -- what signs ---------------------------------------------------------------------------

    def load_lighter_library_helper(self, *_given: Any, **_named: Any) -> Signer:
        """Ours, in the place of a library that ccxt would load."""
        return type(self).ctos_make_signer()

    def lighter_sign_create_order(self, signer: Signer, request: Any) -> tuple[int, str]:
        """An order."""
        return CREATE_ORDER, signer.create(order_of(request), int(request["nonce"]))

    def lighter_sign_cancel_order(self, signer: Signer, request: Any) -> tuple[int, str]:
        """A cancel."""
        market, index = int(request["market_index"]), int(request["order_index"])
        return CANCEL_ORDER, signer.cancel(market, index, int(request["nonce"]))

    def lighter_sign_update_leverage(self, signer: Signer, request: Any) -> tuple[int, str]:
        """Leverage and margin mode."""
        market, fraction = int(request["market_index"]), int(request["initial_margin_fraction"])
        mode, nonce = int(request["margin_mode"]), int(request["nonce"])
        return UPDATE_LEVERAGE, signer.leverage(market, fraction, mode, nonce)

    def lighter_create_auth_token(self, signer: Signer, request: Any) -> str:
        """An access token."""
        return signer.token(int(request["deadline"]))


def signed_class(base: type, make_signer: Callable[[], Signer]) -> type:
    """A class of ccxt's Lighter with our signer in it.

    Args:
        base: ccxt's.
        make_signer: Makes what signs, when ccxt needs it first.
    """
    never = {name: _refuses(name) for name in NEVER_SIGNED}
    signed: dict[str, Any] = {"ctos_make_signer": staticmethod(make_signer), **never}
    return type("Signed", (Signing, base), signed)


def order_of(request: Mapping[str, Any]) -> Order:
    """The order that ccxt wants signed.

    Raises:
        NotSent: If it is another kind of order, or pays somebody.
    """
    kind, in_force = request.get("order_type"), request.get("time_in_force")
    has_extras = any(int(request.get(name) or 0) for name in _EXTRAS)
    if has_extras or kind not in {LIMIT, MARKET} or in_force not in {0, 1, 2}:
        raise NotSent("lighter: ccxt made an order that nobody asked for; it was not signed.")
    order = Order(
        market=int(request["market_index"]),
        client_index=int(request["client_order_index"]),
        amount=int(request["base_amount"]),
        price=int(request["avg_execution_price"]),
        is_ask=bool(request["is_ask"]),
        kind=kind,
        time_in_force=in_force,
        is_reduce_only=bool(request["reduce_only"]),
    )
    if (in_force == IOC) != (int(request.get("order_expiry") or 0) == 0):
        raise NotSent("lighter: ccxt made an order with another end; it was not signed.")
    return order


def _told(answer: object) -> int:
    """The last nonce that was used, by the venue's word on the next one."""
    nonce = answer.get("nonce") if isinstance(answer, dict) else None
    if not isinstance(nonce, int) or isinstance(nonce, bool):
        raise NotSent("lighter told no nonce; nothing was sent.", venue="lighter")
    return nonce - 1


def _refuses(name: str) -> Callable[..., Any]:
    def refuse(self: Any, *_given: Any, **_named: Any) -> Any:
        del self
        raise NotSent(f"lighter: {name} was not asked for; it was not signed.", venue="lighter")

    return refuse
