"""What several accounts are worth together, and how that changed today."""

from datetime import timedelta
from decimal import Decimal

from core.adapters.exchanges.models import BalanceData
from core.services.market_data.service import MarketData
from core.services.portfolio.service import Portfolio
from core.testing.clock import ManualClock
from core.testing.execution import instrument
from core.testing.scripted_venue import ScriptedVenue


async def asked(_method, request):
    """Every question goes through at once."""
    return await request()


async def joined(portfolio, clock, name, cash):
    """A venue with some cash whose account has become part of the portfolio."""
    rules = instrument(venue=name)
    venue = ScriptedVenue(clock, rules)
    await portfolio.add(venue, MarketData(venue, clock), asked)
    portfolio.follow(name, rules)
    pay(venue, cash)
    return venue


def pay(venue, cash):
    """The venue tells what its account holds now."""
    asset = venue.instrument.settle
    venue.tell(BalanceData(venue=venue.venue, asset=asset, total=Decimal(cash), free=Decimal(cash)))


async def test_an_account_that_joins_brings_no_profit_along():
    """What a second venue already held is worth, and no change of the day."""
    clock = ManualClock()
    portfolio = Portfolio(clock)
    first = await joined(portfolio, clock, "first", "10000")
    portfolio.day_change()
    pay(first, "10002")
    await joined(portfolio, clock, "second", "5000")

    assert portfolio.total_equity() == 15002
    assert portfolio.day_change() == 2


async def test_a_day_begins_anew_for_every_account():
    """After midnight UTC both accounts are measured from their worth at that moment."""
    clock = ManualClock()
    portfolio = Portfolio(clock)
    first = await joined(portfolio, clock, "first", "100")
    second = await joined(portfolio, clock, "second", "200")
    portfolio.day_change()
    pay(first, "110")
    assert portfolio.day_change() == 10

    clock.advance(timedelta(days=1).total_seconds())
    assert portfolio.day_change() == 0
    pay(second, "195")
    assert portfolio.day_change() == -5


def line(portfolio):
    """The equity line as the home screen gets it."""
    home = portfolio.home(mode="paper", bots=(), venues=(), log_rows=(), risk_state="ACTIVE")
    return [point.equity for point in home.equity_line]


async def test_the_line_does_not_jump_when_an_account_joins():
    """What a second venue brings is under the whole line, and its results show from then on."""
    clock = ManualClock()
    portfolio = Portfolio(clock)
    first = await joined(portfolio, clock, "first", "10000")
    portfolio.mark_line()
    pay(first, "10002")
    portfolio.mark_line()
    second = await joined(portfolio, clock, "second", "5000")
    assert line(portfolio) == [15000, 15002]

    pay(second, "4999")
    portfolio.mark_line()
    assert line(portfolio) == [15000, 15002, 15001]


async def test_without_an_account_nothing_is_known():
    """No account is no change, and not a change of zero."""
    assert Portfolio(ManualClock()).day_change() is None
