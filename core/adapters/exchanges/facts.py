"""The rows of `ctos venues`: what each venue can do, what it limits, and what was verified of it.

Sources: the venues' own documentation, as named in docs/venues.md. Capabilities are those of the
adapters, which a test holds equal. How a thing was verified is said in the words of docs/venues.md.
"""

from __future__ import annotations

from typing import Final

from core.adapters.exchanges.about import RateLimit, VenueAbout, Verified
from core.adapters.exchanges.models import Capabilities, ExchangeType

_BOTH: Final = frozenset({ExchangeType.SPOT, ExchangeType.PERPETUAL})
_OFFLINE: Final = "2026-11"
"""Month in which parsers and signers were held against recordings, examples and vectors."""
_LOOPBACK: Final = "2026-11-21"
"""Day on which the contract suite was last run against the loopback venues for this table."""
_LIVE: Final = "the venue itself was not asked"
_PARSED: Final = "public and private messages are read"
_SIGNED: Final = "requests are signed"
_ORDERS: Final = "orders, cancels, fills, positions and reconnects of the adapter"
_CONTRACT: Final = "contract suite against its loopback server"
_GRID: Final = "a grid with `--live`: fills, kills, cuts, what is foreign, a clean end"
_TRADES: Final = "trades that a socket lost are told, or counted as lost"
_LONG: Final = "the same a dozen times over: random prices, kills, outages, lost answers"
_VALUES: Final = "every recording that is at hand, value by value"
_PLAINLY: Final = "a second, plain reading of the same messages"
_SEEDS: Final = "a real process against its loopback server, two seeds"
_PROCESS: Final = "a real process against its loopback server"


def _row(what: str, how: str, on: str = _OFFLINE) -> Verified:
    return Verified(what=what, how=how, on=on)


FACTS: Final[tuple[VenueAbout, ...]] = (
    VenueAbout(
        name="backpack",
        title="Backpack",
        door="native",
        capabilities=Capabilities(
            market_types=_BOTH,
            has_request_deadline=True,
            max_client_order_id_length=32,
            orders_per_minute=2000,
        ),
        client_id="a number of 32 bits; the adapter keeps which of ours it stands for",
        limits=(RateLimit(scope="account, requests", weight=2000, window_s=60),),
        verified=(
            _row(_PARSED, "recording (REST), example (streams)"),
            _row(_VALUES, _PLAINLY, _LOOPBACK),
            _row(_SIGNED, "vector: bpx-py 2.0.11 run beside"),
            _row(_ORDERS, _CONTRACT, _LOOPBACK),
            _row(_GRID, _PROCESS, _LOOPBACK),
            _row(_LONG, _SEEDS, _LOOPBACK),
        ),
        open_points=f"{_LIVE}; the venue does not tell what a key may do",
    ),
    VenueAbout(
        name="binance",
        title="Binance spot and USDⓈ-M",
        door="native",
        capabilities=Capabilities(
            market_types=_BOTH,
            has_request_deadline=True,
            has_dead_mans_switch=True,
            max_client_order_id_length=36,
            orders_per_minute=1200,
        ),
        client_id="unique among open orders; a closed order's id is taken again",
        position_mode="checked",
        rights_told=True,
        limits=(
            RateLimit(scope="USDⓈ-M address, weight", weight=2400, window_s=60),
            RateLimit(scope="USDⓈ-M account, orders", weight=300, window_s=10),
            RateLimit(scope="USDⓈ-M account, orders", weight=1200, window_s=60),
            RateLimit(scope="spot address, weight", weight=6000, window_s=60),
            RateLimit(scope="spot account, orders", weight=100, window_s=10),
        ),
        verified=(
            _row(_PARSED, "recording, second reader (ccxt)"),
            _row(_VALUES, _PLAINLY, _LOOPBACK),
            _row(_SIGNED, "vector: both examples of the documentation"),
            _row(_ORDERS + " (USDⓈ-M and spot)", _CONTRACT, _LOOPBACK),
            _row(_GRID, _PROCESS, _LOOPBACK),
            _row(_LONG, _SEEDS, _LOOPBACK),
        ),
        open_points=_LIVE,
    ),
    VenueAbout(
        name="bybit",
        title="Bybit",
        door="ccxt",
        capabilities=Capabilities(
            market_types=_BOTH,
            has_request_deadline=True,
            client_order_id_unique_forever=True,
            max_client_order_id_length=36,
        ),
        client_id="unique for ever; a duplicate is refused (110072)",
        position_mode="checked",
        rights_told=True,
        limits=(RateLimit(scope="account, orders", weight=10, window_s=1),),
        verified=(
            _row(_PARSED, "recording, second reader (ccxt)"),
            _row(_VALUES, _PLAINLY, _LOOPBACK),
            _row(_SIGNED, "the MAC equals OpenSSL's"),
            _row(_ORDERS, _CONTRACT, _LOOPBACK),
            _row(_GRID, _PROCESS, _LOOPBACK),
            _row(_LONG, _SEEDS, _LOOPBACK),
            _row(_TRADES, "its loopback server, dropping messages", _LOOPBACK),
        ),
        open_points=f"{_LIVE}; the mode of a symbol that is flat is told by its leverage alone",
    ),
    VenueAbout(
        name="edgex",
        title="edgeX V2",
        door="native",
        capabilities=Capabilities(
            market_types=frozenset({ExchangeType.PERPETUAL}), max_client_order_id_length=32
        ),
        client_id="any text; the nonce of the order's signature is made of it",
        verified=(
            _row(_PARSED, "documentation"),
            _row(_SIGNED, "vector: edgex-python-sdk 2.0.1 run beside"),
            _row(_ORDERS, _CONTRACT, _LOOPBACK),
            _row(_GRID, _PROCESS, _LOOPBACK),
            _row(_LONG, _SEEDS, _LOOPBACK),
            _row(_TRADES, "its loopback server, dropping messages", _LOOPBACK),
            _row(
                "orders and cancels, asked for by another client",
                "edgex-python-sdk 2.0.1 at the loopback server, which checks both signatures",
                _LOOPBACK,
            ),
        ),
        open_points=f"{_LIVE}; no recorded message and no code of a refusal is published",
    ),
    VenueAbout(
        name="hyperliquid",
        title="Hyperliquid",
        door="native",
        capabilities=Capabilities(
            market_types=_BOTH,
            has_request_deadline=True,
            has_dead_mans_switch=True,
            max_client_order_id_length=32,
        ),
        client_id="128 bits in hex, made of ours both ways",
        rights_told=True,
        limits=(RateLimit(scope="address, weight", weight=1200, window_s=60),),
        verified=(
            _row(_PARSED, "recording; documentation (`orderUpdates`, bbo)"),
            _row(_VALUES, _PLAINLY, _LOOPBACK),
            _row(_SIGNED, "vector: hyperliquid-python-sdk 0.24.0, its tests and run beside"),
            _row(_ORDERS, _CONTRACT, _LOOPBACK),
            _row(_GRID, _PROCESS, _LOOPBACK),
            _row(_LONG, _SEEDS, _LOOPBACK),
        ),
        open_points=f"{_LIVE}; refusals are phrases that can change",
    ),
    VenueAbout(
        name="ibkr",
        title="Interactive Brokers (TWS or IB Gateway)",
        door="gateway",
        capabilities=Capabilities(
            market_types=frozenset({ExchangeType.STOCK, ExchangeType.SPOT}),
            has_post_only=False,
            has_reduce_only=False,
            orders_per_minute=2_700,
        ),
        client_id="orderRef, which IBKR takes twice; one of an open order is refused here",
        limits=(RateLimit(scope="client, messages", weight=45, window_s=1),),
        verified=(
            _row(
                _PARSED, "documentation; decoders of ib_async 2.1 and ib_insync 0.9.86", _LOOPBACK
            ),
            _row(
                "quotes, bars, account values and trading hours",
                "recording: what a real TWS told others, compared by value",
                _LOOPBACK,
            ),
            _row(_ORDERS, _CONTRACT, _LOOPBACK),
            _row(_GRID, _PROCESS, _LOOPBACK),
            _row("the same with ib_insync in ib_async's place", _PROCESS, _LOOPBACK),
        ),
        open_points=f"{_LIVE}; no order of a real TWS was recorded",
    ),
    VenueAbout(
        name="lighter",
        title="Lighter",
        door="native",
        capabilities=Capabilities(
            market_types=_BOTH, has_dead_mans_switch=True, changes_in_flight=3
        ),
        client_id="a number of 48 bits; the adapter keeps which of ours it stands for",
        limits=(RateLimit(scope="account, requests (standard)", weight=60, window_s=60),),
        verified=(
            _row(_PARSED, "example"),
            _row(_VALUES, _PLAINLY, _LOOPBACK),
            _row(_SIGNED, "the venue's own signer (lighter-sdk 1.1.8) run", _LOOPBACK),
            _row(_ORDERS, f"{_CONTRACT}, with a stand-in for the signer", _LOOPBACK),
            _row(_GRID, f"{_PROCESS}, with a stand-in for the signer", _LOOPBACK),
            _row(_LONG, f"{_SEEDS}, with a stand-in for the signer", _LOOPBACK),
            _row(_TRADES, "its loopback server, dropping messages", _LOOPBACK),
        ),
        open_points=f"{_LIVE}; nothing here can check what its signer signs",
    ),
    VenueAbout(
        name="okx",
        title="OKX",
        door="ccxt",
        capabilities=Capabilities(market_types=_BOTH, has_request_deadline=True),
        client_id="a duplicate is refused (51016)",
        position_mode="checked",
        rights_told=True,
        limits=(RateLimit(scope="account and instrument, orders", weight=60, window_s=2),),
        verified=(
            _row(_PARSED, "recording, second reader (ccxt)"),
            _row(_VALUES, _PLAINLY, _LOOPBACK),
            _row(_SIGNED, "the MAC equals OpenSSL's"),
            _row(_ORDERS, _CONTRACT, _LOOPBACK),
            _row(_GRID, _PROCESS, _LOOPBACK),
            _row(_LONG, _SEEDS, _LOOPBACK),
            _row(_TRADES, "its loopback server, dropping messages", _LOOPBACK),
        ),
        open_points=f"{_LIVE}; iceberg, TWAP and chase orders of others are not read",
    ),
    VenueAbout(
        name="paper",
        title="Paper",
        door="embedded",
        capabilities=Capabilities(
            market_types=_BOTH, has_request_deadline=True, client_order_id_unique_forever=True
        ),
        client_id="unique forever",
        verified=(
            _row(
                "matching, fees, margin, funding and faults",
                "contract suite, properties and golden runs",
                _LOOPBACK,
            ),
        ),
    ),
)
"""By name; the embedded venue stands among the others."""
