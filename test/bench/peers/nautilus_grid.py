"""The neutral grid of the golden tape in nautilus_trader 1.221; run with a Python that has it.

    python nautilus_grid.py golden.npz [ROWS]

Prints one JSON object: seconds of loading, seconds of the run, fills, position.
"""

from __future__ import annotations

import json
import sys
import time
from decimal import Decimal

began = time.perf_counter()

import numpy as np  # noqa: E402 # imports are part of what is measured
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig  # noqa: E402
from nautilus_trader.config import LoggingConfig, StrategyConfig  # noqa: E402
from nautilus_trader.model.currencies import BTC, USDT  # noqa: E402
from nautilus_trader.model.data import TradeTick  # noqa: E402
from nautilus_trader.model.enums import (  # noqa: E402
    AccountType,
    AggressorSide,
    OmsType,
    OrderSide,
)
from nautilus_trader.model.identifiers import (  # noqa: E402
    InstrumentId,
    Symbol,
    TradeId,
    Venue,
)
from nautilus_trader.model.instruments import CryptoPerpetual  # noqa: E402
from nautilus_trader.model.objects import Money, Price, Quantity  # noqa: E402
from nautilus_trader.trading.strategy import Strategy  # noqa: E402

LINES, FIRST, STEP, START = 41, 490_000, 500, 20
SIM = Venue("SIM")
ID = InstrumentId(Symbol("BTCUSDT-PERP"), SIM)


def instrument() -> CryptoPerpetual:
    """Tick 0.1, lot 0.001, maker 0.02 %."""
    return CryptoPerpetual(
        instrument_id=ID,
        raw_symbol=Symbol("BTCUSDT"),
        base_currency=BTC,
        quote_currency=USDT,
        settlement_currency=USDT,
        is_inverse=False,
        price_precision=1,
        size_precision=3,
        price_increment=Price.from_str("0.1"),
        size_increment=Quantity.from_str("0.001"),
        margin_init=Decimal("0.01"),
        margin_maint=Decimal("0.005"),
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0007"),
        ts_event=0,
        ts_init=0,
    )


class Grid(Strategy):
    """Forty resting orders; a fill puts the opposite order on the line that was empty."""

    def __init__(self) -> None:
        super().__init__(StrategyConfig())
        self.empty = START
        self.fills = 0
        self.lines: dict[object, int] = {}
        self.amount = Quantity.from_str("0.010")

    def on_start(self) -> None:
        """Listens, and waits for the first trade."""
        self.is_begun = False
        self.subscribe_trade_ticks(ID)

    def on_trade_tick(self, tick: TradeTick) -> None:  # woken by each
        """The first trade sets the ladder."""
        if not self.is_begun:
            self.is_begun = True
            for line in range(LINES):
                if line != START:
                    self.place(line, OrderSide.BUY if line < START else OrderSide.SELL)

    def place(self, line: int, side: OrderSide) -> None:
        """One order on a line."""
        price = Price((FIRST + line * STEP) / 10, 1)
        order = self.order_factory.limit(ID, side, self.amount, price)
        self.lines[order.client_order_id] = line
        self.submit_order(order)

    def on_order_filled(self, event: object) -> None:
        """Reverses it."""
        self.fills += 1
        line = self.lines.pop(event.client_order_id)
        is_buy = event.order_side == OrderSide.BUY
        self.place(self.empty, OrderSide.SELL if is_buy else OrderSide.BUY)
        self.empty = line


def ticks(path: str, rows: int) -> list[TradeTick]:
    """The tape without aggressors: with them this version misses fills."""
    tape = np.load(path)
    names = ("ts", "px", "qty")
    columns = zip(*(tape[name][:rows].tolist() for name in names), strict=True)
    return [
        TradeTick(
            ID,
            Price(price / 10, 1),
            Quantity(amount / 1000, 3),
            AggressorSide.NO_AGGRESSOR,
            TradeId(str(number)),
            at,
            at,
        )
        for number, (at, price, amount) in enumerate(columns)
    ]


def main() -> None:
    """Loads, then runs."""
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000_000
    engine = BacktestEngine(
        BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), run_analysis=False)
    )
    engine.add_venue(
        venue=SIM,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=USDT,
        starting_balances=[Money(1_000_000, USDT)],
        trade_execution=True,
    )
    engine.add_instrument(instrument())
    engine.add_data(ticks(sys.argv[1], rows), validate=False)
    grid = Grid()
    engine.add_strategy(grid)
    start = time.perf_counter()
    engine.run()
    end = time.perf_counter()
    print(
        json.dumps(
            {
                "loading": start - began,
                "run": end - start,
                "fills": grid.fills,
                "position": float(engine.portfolio.net_position(ID)),
                "rows": rows,
            }
        )
    )


if __name__ == "__main__":
    main()
