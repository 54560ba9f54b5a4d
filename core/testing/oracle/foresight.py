"""Foretell a grid's whole run on paper from its file and a tape of trades.

This is a second opinion, written from the words alone. It shares no line with the machine, the
matching or the venue, so where both agree, both would have to be wrong in the same way.

Where the words leave a choice:

1. Only orders travel. What is sent arrives `latency_ms` later, creates and cancels alike; acks and
   fills are heard at once. ("`sent + latency_ms`" is the only delay that is named.)
2. At an equal time whatever has a timer comes before rows not yet seen: acceptances, cancels, the
   escape's timeout. ("A resting order can meet only rows that come after its acceptance.")
3. Without a book there is no depth: an order executes whole or not at all, whatever a trade's
   amount. ("the last trade as both bid and ask", "a resting buy fills whole".)
4. Marketable on acceptance includes the equal price, as for the ladder: a buy at or above the last.
   ("marketable is long `p_k >= ask`, short `p_k <= bid`".)
5. The initial order's cap is never exceeded: its limit rounds towards the price, but
   not behind it. ("cap 0.002".)
6. An empty slot is placed as soon as it would rest: at the next price, or at the end of the
   initial order if it would rest by then. ("placed as an ordinary entry once passive".)
7. The escape's timeout is a timer of its own: it needs no row to fire. ("the next time at which
   they could act".) It counts from the row that was first outside; a row inside forgets it. It
   comes before anything else that arrives at its moment.
8. A change of range waits for nothing but answers: cancels, then the close, then the new ladder
   around the last price of that moment. Fills that come meanwhile are booked, and not reversed.
9. At the feed's end every order still on its way arrives, and may execute at the last price; the
   policy's cancels are sent at the last row's time, its close when all of them are answered. A
   change of range that has not sent its close by then sends none but by `flatten`. `keep` sends
   nothing, and waits for what is on its way, cancels too. ("open orders counted after the policy".)
10. A close of everything is no round trip. ("A cycle completes on the exit fill.")
11. A buy that pays in base pays in what it buys, a sell pays in quote; a fee in base counts in
    quote at its own execution's price. The exit sells all that its slot holds, older remainders
    too, rounded down to the lot; the rest stays with the slot. ("the slot's amount is conserved",
    "dust carried to the next entry of this slot".)
12. An order still on its way is cancelled once it has arrived: the cancel leaves at its acceptance.
    (An order that the venue has not named cannot be cancelled by name.)
13. `all_limits` sends the marketable levels first, best price first. ("levels on the marketable
    side are sent too and execute at once", "best price first, then oldest".)
14. Both bounds of a grid that follows are rounded from the exact ones, and the levels count from
    the adverse one. ("follow bounds round, down for the lower and up for the upper".)
15. With quotes "the price" is the middle of bid and ask: for the range, the escape and the mark;
    what is marketable asks the side that would be taken. ("on mid price (fallback last)".)
16. A taker gets at most the amount that stands at the quote, and takes nothing away from the next
    one. What a limit order did not get rests; of the initial order, the slot that got a part sells
    that part and then begins anew. ("cancelled by venue, filled = a: EXIT for a".)
17. A close that left something is sent again after 1 s, 2 s, 4 s and so on up to a minute.
    ("retry with back-off".)
"""

import decimal
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from core.testing.oracle.books import Books
from core.testing.oracle.bot import Bot, side_name
from core.testing.oracle.market import Market
from core.testing.oracle.result import Foresight, Resting
from core.testing.oracle.settings import read_settings

Trade = tuple[int, Decimal, Decimal, str]
"""UTC milliseconds, price, amount and the taker's side."""
Quote = tuple[int, Decimal, Decimal, Decimal, Decimal]
"""UTC milliseconds, bid and its amount, ask and its amount."""
Row = Trade | Quote

# Nothing may be lost: a number that does not fit is an error, not a rounding.
_EXACT = decimal.Context(
    prec=120, traps=[decimal.Inexact, decimal.InvalidOperation, decimal.DivisionByZero]
)


def foretell(document: Mapping[str, Any], tape: Iterable[Row]) -> Foresight:
    """Work out what a grid does with a tape, from its first row to its end by `on_exit`.

    Args:
        document: A grid file as YAML or JSON gives it.
        tape: Trades or quotes in their order; equal times keep it.

    Raises:
        ValueError: The configuration is beyond the oracle.
        decimal.Inexact: A number needs more than 120 digits.
    """
    with decimal.localcontext(_EXACT):
        settings = read_settings(document)
        market = Market(settings=settings)
        books = Books(direction=settings.direction)
        bot = Bot(settings=settings, market=market, books=books)
        market.listener = bot
        for row in tape:
            market.run_until(row[0])
            if len(row) == 5:
                market.quote(row[0], (row[1], row[2]), (row[3], row[4]))
            else:
                market.trade(row[0], row[1])
            bot.on_price()
        market.run_until(market.now_ms)
        bot.end()
        market.run_until(None)
        return _result(bot)


def _result(bot: Bot) -> Foresight:
    market, books = bot.market, bot.books
    mark = Decimal(0) if market.bid is None else market.mark()
    resting = [
        Resting(
            side=side_name(order.side),
            price=order.price,
            amount=order.amount,
            level=order.level,
            leg=order.leg,
        )
        for order in market.resting
        if order.price is not None and order.level is not None
    ]
    return Foresight(
        fills=tuple(bot.fills),
        placed=tuple(bot.placed),
        executions=len({fill.trade for fill in bot.fills}),
        round_trips=bot.round_trips,
        resets=bot.resets,
        position=bot.settings.direction * books.total(),
        realized=books.realized,
        unrealized=books.unrealized(mark),
        fees=books.fees,
        equity_change=market.equity(),
        open_orders=tuple(sorted(resting, key=lambda order: order.price)),
    )
