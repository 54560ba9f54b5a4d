"""Which prices are believed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import TickerData
from core.services.market_data.quality import PriceFilter, Verdict

AT = datetime(2026, 1, 1, tzinfo=UTC)


def ticker(last: str | None = None, bid: str | None = None, ask: str | None = None) -> TickerData:
    """A ticker of the test symbol."""
    return TickerData(
        venue="paper",
        symbol="BTC-USDC-PERP",
        last=None if last is None else Decimal(last),
        bid=None if bid is None else Decimal(bid),
        ask=None if ask is None else Decimal(ask),
        at=AT,
    )


@pytest.mark.parametrize("bid, ask", [("101", "100"), ("100", "100")])
def test_a_crossed_or_locked_book_is_refused(bid: str, ask: str) -> None:
    """A book whose bid is not below its ask moves nothing."""
    prices = PriceFilter()

    assert prices.judge(ticker(bid=bid, ask=ask)) is Verdict.CROSSED
    assert prices.refused == 1


def test_a_ticker_without_any_price_is_refused() -> None:
    """No price is not a price."""
    assert PriceFilter().judge(ticker()) is Verdict.EMPTY


def test_a_leap_waits_until_a_second_price_confirms_it() -> None:
    """One print six percent away changes nothing; the next one near it is believed."""
    prices = PriceFilter()

    verdicts = [prices.judge(ticker(last)) for last in ("100", "106", "106.1", "106.2")]

    assert verdicts == [Verdict.ACCEPTED, Verdict.HELD, Verdict.ACCEPTED, Verdict.ACCEPTED]
    assert prices.accepted == Decimal("106.2")


def test_a_single_flash_print_is_forgotten() -> None:
    """After one leap the market goes on where it was."""
    prices = PriceFilter()

    verdicts = [prices.judge(ticker(last)) for last in ("100", "1", "100.1", "1")]

    assert verdicts == [Verdict.ACCEPTED, Verdict.HELD, Verdict.ACCEPTED, Verdict.HELD]
    assert prices.accepted == Decimal("100.1")


def test_without_a_jump_limit_every_positive_price_is_believed() -> None:
    """A recording is what it is."""
    prices = PriceFilter(jump=None)

    verdicts = {prices.judge(ticker(last)) for last in ("100", "1", "5000")}

    assert verdicts == {Verdict.ACCEPTED}
