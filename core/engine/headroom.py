"""Before a bot with real money starts: can its account carry it beside everything else there?

A bot that goes on after a stop is not asked: what it holds is there already, and its exits have to
be placed whatever the account is worth. Collateral in other assets than the one that it settles in
is not counted, since nobody here knows what a venue gives for it; `acknowledge: [margin_short]`
starts it nevertheless.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.interface import ExchangeInterface
from core.adapters.exchanges.models import PositionData, plain
from core.engine.doors import BotPlan
from core.errors import MarginShort, NotSupported
from core.services.grid.plan import make_plan
from core.services.risk.margin import Headroom, PlanNeed, headroom

log = logging.getLogger(__name__)

_ONE: Final = Decimal(1)


async def require_headroom(
    plan: BotPlan, running: Sequence[BotPlan], exchange: ExchangeInterface
) -> None:
    """Asks the venue what the account holds and refuses a plan that it could not carry.

    Args:
        plan: Of the bot that is to start.
        running: Plans of bots that trade on the same account.
        exchange: Connected and authenticated.

    Raises:
        MarginShort: Naming the amounts, and what would fit.
        VenueError: If the account cannot be asked.
    """
    new = await _need(plan, exchange)
    others = [await _need(item, exchange) for item in running]
    found = headroom(
        plan.settings.instrument,
        new,
        others,
        await exchange.get_balances(),
        await _positions(exchange),
        await exchange.get_open_orders(),
    )
    log.info(
        "margin.checked bot=%s needed=%s worth=%s", plan.name, plain(found.needed), found.worth
    )
    if not found.is_enough and not plan.is_margin_accepted:
        raise MarginShort(f"{plan.name} was not started: {found.words}.", remedy=_fits(plan, found))


async def _need(plan: BotPlan, exchange: ExchangeInterface) -> PlanNeed:
    settings = plan.settings
    wants_price = settings.grid_type.is_follow or settings.grid_type.is_infinite
    price = None
    if wants_price:
        ticker = await exchange.get_ticker(plan.symbol)
        price = ticker.mid or ticker.last
    return PlanNeed(
        bot=plan.name,
        symbol=plan.symbol,
        margin=make_plan(settings, price).margin,
        leverage=_ONE if settings.instrument.is_spot else settings.leverage,
    )


async def _positions(exchange: ExchangeInterface) -> Sequence[PositionData]:
    try:
        return await exchange.get_positions()
    except NotSupported:
        return ()


def _fits(plan: BotPlan, found: Headroom) -> str:
    """The order amount that would fit, else what else can be done."""
    settings = plan.settings
    share = found.left_for_plan / found.needs[-1].amount
    fits = settings.order_amount * share // settings.amount_step * settings.amount_step
    others = (
        "Pay more in, or stop another bot; with other collateral than "
        f"{found.asset} write `acknowledge: [margin_short]`."
    )
    if fits <= 0 or settings.martingale_increment:
        return others
    return f"An order_amount of {plain(fits)} would fit. {others}"
