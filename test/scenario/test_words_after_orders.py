"""An order that is durable leaves before anybody is told why, and its own words come after that."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.adapters.exchanges.models import OrderOptions
from core.adapters.exchanges.paper.adapter import PaperExchange
from core.engine.protocol import BotEnded, StartBot
from core.wiring import engines

CONFIG = {
    "grid_system": {
        "exchange": "paper",
        "name": "early",
        "symbol": "TEST-USDC-PERP",
        "grid_type": "long",
        "grid_interval": "1",
        "order_amount": "1",
        "price_range": {"lower_price": "97", "upper_price": "100"},
        "instrument": {"tick_size": "0.1", "lot_size": "0.001", "min_notional": "0"},
        "paper": {"initial_balance": "10000", "latency_ms": 0},
    }
}
PRICES = ("98.5", "97.4", "96.8", "98.2", "99.3", "100.4", "98.9", "97.9", "99.1", "100.2")


class Heard:
    """What left and what was told, in the order in which it happened."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def event(self, bot: str, at_ns: int, event: str, fields: Any) -> None:
        """A line of the diary."""
        values = dict(fields)
        key = values.get("trade_id") if event == "order.filled" else values.get("client_order_id")
        self.seen.append((event, str(key)))

    def notice(self, text: str) -> None:
        """Something a person should know."""

    def ended(self, ended: BotEnded) -> None:
        """The closing line."""


@pytest.fixture
def heard(ctos_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Heard:
    """A run over sixty trades, with each order noted as it is given to the venue."""
    told = Heard()
    create = PaperExchange.create_order

    async def created(venue: PaperExchange, *arguments: Any) -> Any:
        options = next(item for item in arguments if isinstance(item, OrderOptions))
        told.seen.append(("sent", str(options.client_order_id)))
        return await create(venue, *arguments)

    monkeypatch.setattr(PaperExchange, "create_order", created)
    tape = tmp_path / "tape.csv"
    rows = (f"{number * 1000},{price},1,buy" for number, price in enumerate(PRICES * 6))
    tape.write_text("\n".join(["ts_ms,price,amount,side", *rows]) + "\n")
    request = StartBot(
        app="grid", path="early.yaml", text=json.dumps(CONFIG), feed=str(tape), speed="max"
    )
    assert engines.run_virtual(request, told) == 0
    return told


def test_the_words_of_an_order_follow_those_of_what_made_it(heard: Heard) -> None:
    """However fast the venue answers: the order was sent, the fill is told, the order is told."""
    assert sum(what == "order.filled" for what, _ in heard.seen) > 20
    sent = [key for what, key in heard.seen if what == "sent"]
    placed = [key for what, key in heard.seen if what == "order.placed"]
    assert placed == sent

    first = heard.seen.index(next(row for row in heard.seen if row[0] == "order.filled"))
    for place, (what, key) in enumerate(heard.seen):
        if what == "order.placed" and place > first:
            left = heard.seen.index(("sent", key))
            between = {word for word, _ in heard.seen[left:place]}
            assert "order.filled" in between
