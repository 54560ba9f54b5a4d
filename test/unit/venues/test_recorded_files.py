"""Every file of recorded messages is held to its values by a test; a new one is not forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
WIRE = TESTS.parents[2] / "shared" / "data" / "wire"

VALUES = "venues/test_recorded_values.py"
BY_CCXT = "venues/test_ccxt_recorded_values.py"
IN_PART = "venues/test_ccxt_recorded_rules.py"
STOCKS = "venues/test_ibkr_recorded.py"
TABLES = "feeds/test_dialects.py"

HELD = {
    "backpack/backpack_rest_recorded": VALUES,
    "backpack/hummingbot_backpack_shape_samples": VALUES,
    "binance/basana_binance_exchange_info_btcusdt": VALUES,
    "binance/basana_binance_rest_depth": VALUES,
    "binance/binance_coinm_btcusd_perp_trade+bookTicker+depth_20240808": VALUES,
    "binance/binance_coinm_ethusd_perp_trade+bookTicker+depth_20240808": VALUES,
    "binance/binance_spot_btcusdt_trade+bookTicker+depth_20240808": VALUES,
    "binance/binance_spot_ethusdt_trade+bookTicker+depth_20240808": VALUES,
    "binance/binance_usdm_btcusdt_trade+bookTicker+depth+markPrice_20230404": VALUES,
    "binance/binance_usdm_btcusdt_trade+bookTicker+depth_20240808": VALUES,
    "binance/ccxt_recorded_binance_rest": VALUES,
    "binance/cryptofeed_binance_delivery_public_ws": VALUES,
    "binance/cryptofeed_binance_public_ws": VALUES,
    "binance/gct_binance_http_recorded": VALUES,
    "binance/gct_binance_ws_messages": VALUES,
    "binance/nautilus_binance_fixtures": VALUES,
    "binance/nautilus_binance_py_fixtures": VALUES,
    "bitget/cryptofeed_bitget_spot_public_ws": BY_CCXT,
    "bitmex/cryptofeed_bitmex_public_ws": "venues/test_recorded_bitmex.py",
    "bitmex/nautilus_bitmex_fixtures": "venues/test_recorded_bitmex.py",
    "bybit/bybit_linear_xrpusdt_orderbook500_2024-12-01": VALUES,
    "bybit/ccxt_recorded_bybit_rest": VALUES,
    "bybit/cryptofeed_bybit_linear_public_ws": VALUES,
    "bybit/gct_bybit_ws_messages": VALUES,
    "bybit/nautilus_bybit_fixtures": VALUES,
    "coinbase/cryptofeed_coinbase_public_ws": BY_CCXT,
    "coinbase/nautilus_coinbase_fixtures": BY_CCXT,
    "deribit/nautilus_deribit_fixtures": IN_PART,
    "derive/nautilus_derive_fixtures": "venues/test_recorded_derive.py",
    "dydx/nautilus_dydx_fixtures": BY_CCXT,
    "gateio/cryptofeed_gateio_public_ws": BY_CCXT,
    "huobi/gct_huobi_ws_messages": BY_CCXT,
    "hyperliquid/hl_sdk_info_recorded": VALUES,
    "hyperliquid/hyperliquid_perp_btc_l2Book+trades_20250126a": VALUES,
    "hyperliquid/nautilus_hyperliquid_fixtures": VALUES,
    "ib/ib_account_values": STOCKS,
    "ib/ib_historical_bars": STOCKS,
    "ib/ib_notebook_outputs_a": STOCKS,
    "ib/ib_stream_ticks": STOCKS,
    "kraken/cryptofeed_kraken_public_ws": "venues/test_recorded_kraken_v1.py",
    "kraken/nautilus_kraken_fixtures": BY_CCXT,
    "kucoin/cryptofeed_kucoin_public_ws": BY_CCXT,
    "kucoin/gct_kucoin_ws_messages": IN_PART,
    "lighter/hummingbot_lighter_shape_samples": VALUES,
    "lighter/nautilus_lighter_fixtures": VALUES,
    "okx/ccxt_recorded_okx_rest": VALUES,
    "okx/cryptofeed_okx_v5_public_ws_a": VALUES,
    "okx/nautilus_okx_fixtures": VALUES,
    "polymarket/nautilus_polymarket_fixtures": "venues/test_recorded_polymarket.py",
    "polymarket/nautilus_polymarket_py_fixtures": "venues/test_recorded_polymarket.py",
    "tardis/binance-futures_book_snapshot_25_BTCUSDT": TABLES,
    "tardis/binance-futures_book_snapshot_5_BTCUSDT": TABLES,
    "tardis/bitmex_trades_XBTUSD": TABLES,
    "tardis/deribit_incremental_book_L2_BTC-PERPETUAL": TABLES,
    "tardis/huobi-dm-swap_quotes_BTC-USD": TABLES,
}
"""A recording -> the test that asserts what its messages say, below `test/unit`."""


def test_no_recording_is_without_a_test():
    """The folder of recordings holds what the table lists, no more and no less."""
    if not WIRE.exists():
        pytest.skip(f"no recordings in {WIRE}")
    files = {
        str(path.relative_to(WIRE)).removesuffix(".jsonl.gz").removesuffix(".csv")
        for path in WIRE.rglob("*")
        if path.is_file()
    }

    assert files == set(HELD)


@pytest.mark.parametrize("recording", sorted(HELD))
def test_the_test_names_its_recording(recording):
    """The test that is to hold a recording reads it."""
    name = recording.rpartition("/")[2]

    assert name in (TESTS / HELD[recording]).read_text(encoding="utf-8")
