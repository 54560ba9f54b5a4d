"""What can be judged only with the instrument at hand: ticks, lots, minimum values, fees.

Every refusal names line and key, what was found, and the nearest value that works.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import cast

from core.adapters.exchanges.models import Instrument, Rounding, plain
from core.errors import ConfigError
from core.infrastructure.config import Document
from core.services.grid.course_judge import CourseJudge
from core.services.grid.course_keys import TrailingKeys
from core.services.grid.keys import (
    ROOT,
    AnyGrid,
    FixedGrid,
    FollowGrid,
    InfinityGrid,
    NeutralGrid,
)
from core.services.grid.ladder import (
    Ladder,
    build_ladder,
    follow_range,
    level_amount,
    losing_level,
    pool_lots,
    value_lots,
)
from core.services.grid.protections.misfits import misfit
from core.services.grid.settings import (
    FollowShift,
    GridSettings,
    GridSpacing,
    GridType,
    HealthSettings,
    TargetSettings,
)
from core.services.grid.spacing import MAX_LEVELS, count_of, interval_of, ratio_of


class Judge:
    """Turns a loaded file into settings, or says what the instrument does not allow.

    Args:
        document: For the line of what is refused.
        grid: The loaded block.
        instrument: What it trades, with its fees.
    """

    def __init__(self, document: Document, grid: AnyGrid, instrument: Instrument) -> None:
        self._document = document
        self._grid = grid
        self._instrument = instrument
        self._price_step = self._step(
            "price_decimals", grid.price_decimals, instrument.price_decimals, instrument.tick_size
        )
        self._amount_step = self._step(
            "quantity_precision",
            grid.quantity_precision,
            instrument.amount_decimals,
            instrument.lot_size,
        )

    def settings(self) -> GridSettings:
        """The settings, all judged."""
        settings = self._settings()
        for check in (
            self._check_market,
            self._check_prices,
            self._check_levels,
            self._check_lines,
            self._check_amounts,
            self._check_exits,
            self._check_fees,
            self._check_course,
            self._check_protections,
        ):
            check(settings)
        return settings

    def _settings(self) -> GridSettings:
        grid, instrument = self._grid, self._instrument
        interval, ratio, count = self._spacing()
        follow = grid if isinstance(grid, FollowGrid) else None
        bounds = None if isinstance(grid, FollowGrid | InfinityGrid) else grid.price_range
        infinite = grid if isinstance(grid, InfinityGrid) else None
        trailing = grid if isinstance(grid, FixedGrid | NeutralGrid) else TrailingKeys()
        lower = None if bounds is None else bounds.lower_price
        if infinite is not None:
            lower = infinite.lower_price
        return GridSettings(
            instrument=instrument,
            grid_type=GridType(grid.grid_type),
            grid_interval=interval,
            grid_ratio=ratio,
            grid_count=count,
            order_amount=grid.order_amount,
            lower_price=lower,
            upper_price=None if bounds is None else bounds.upper_price,
            follow_grid_count=None if follow is None else follow.follow_grid_count,
            follow_timeout_s=None if follow is None else follow.follow_timeout or None,
            follow_distance=1 if follow is None else follow.follow_distance,
            price_offset_grids=0 if follow is None else follow.price_offset_grids,
            martingale_increment=grid.martingale_increment or Decimal(0),
            reverse_order_grid_distance=grid.reverse_order_grid_distance,
            price_step=self._price_step,
            amount_step=self._amount_step,
            maker_fee=instrument.maker_fee or Decimal(0),
            taker_fee=instrument.taker_fee or Decimal(0),
            configured_fee_rate=grid.fee_rate,
            leverage=Decimal(1) if instrument.is_spot else Decimal(grid.leverage),
            margin_mode=grid.margin_mode,
            max_position=grid.max_position,
            collateral=grid.paper.initial_balance,
            order_value=None if infinite is None else grid.order_amount * infinite.lower_price,
            trigger_price=grid.trigger_price,
            trailing_up=trailing.trailing_up,
            trailing_up_limit=trailing.trailing_up_limit,
            trailing_down=trailing.trailing_down,
            trailing_down_limit=trailing.trailing_down_limit,
            follow_shift=FollowShift.RESET if follow is None else follow.follow_shift_mode,
            active_window=grid.active_window_grids,
            is_compounding=grid.compounding,
            profit_reserve_percent=grid.profit_reserve_percent,
            bot_take_profit=self._take_profit(),
            bot_stop_loss=self._stop_loss(),
            initial_fill=grid.initial_fill,
            initial_fill_cap=grid.initial_fill_cap,
            replace_limit=grid.replace_limit,
            is_loss_accepted="losing_grid" in grid.acknowledge,
            on_start=grid.on_start,
            on_exit=grid.exit_policy(),
            health=HealthSettings(
                is_enabled=grid.order_health_check_enabled,
                interval_s=grid.order_health_check_interval,
                equal_answers=grid.health_check_snapshot_count,
                position_query_interval_s=grid.rest_position_query_interval,
                position_tolerance=grid.order_amount * grid.position_tolerance.tolerance_multiplier,
            ),
            protections=grid.protections(),
            notifies=grid.enable_notifications,
            flattens_symbol=grid.flatten_scope == "symbol",
            fixes_position=grid.health_check_auto_fix_position,
        )

    def _take_profit(self) -> TargetSettings | None:
        grid, percent = self._grid, self._grid.bot_take_profit_percent
        if not grid.has_target("bot_take_profit"):
            return None
        return TargetSettings(
            price=grid.bot_take_profit_price,
            fraction=None if percent is None else percent.scaleb(-2),
            action=grid.bot_take_profit_action,
            restarts=grid.bot_take_profit_after == "restart",
        )

    def _stop_loss(self) -> TargetSettings | None:
        grid, percent = self._grid, self._grid.bot_stop_loss_percent
        if not grid.has_target("bot_stop_loss"):
            return None
        return TargetSettings(
            price=grid.bot_stop_loss_price,
            price_above=grid.bot_stop_loss_price_above if isinstance(grid, NeutralGrid) else None,
            fraction=None if percent is None else percent.scaleb(-2),
            action=grid.bot_stop_loss_action,
            restarts=grid.bot_stop_loss_after == "restart",
        )

    def _check_course(self, settings: GridSettings) -> None:
        """Prices at which the grid begins and ends must be in an order that can happen."""
        CourseJudge(settings, self._error).check()

    def _spacing(self) -> tuple[Decimal, Decimal | None, int | None]:
        """Interval (0 where lines are not evenly spaced), ratio and number of levels."""
        grid = self._grid
        if isinstance(grid, FollowGrid | InfinityGrid):
            return grid.grid_interval or Decimal(0), grid.grid_ratio, None
        lower, upper = grid.price_range.lower_price, grid.price_range.upper_price
        if grid.grid_spacing is GridSpacing.ARITHMETIC:
            if grid.grid_count is None:
                return grid.grid_interval or Decimal(0), None, None
            interval = interval_of(lower, upper, grid.grid_count, self._price_step)
            if not interval:
                raise self._error(
                    f"{grid.grid_count} levels between {plain(lower)} and {plain(upper)} would be "
                    f"closer than the price step {plain(self._price_step)}.",
                    "grid_count",
                    remedy=f"Write {int((upper - lower) // self._price_step)} or less.",
                )
            return interval, None, grid.grid_count
        if grid.grid_ratio is None:
            count = cast("int", grid.grid_count)
            return Decimal(0), ratio_of(lower, upper, count), count
        return Decimal(0), grid.grid_ratio, count_of(lower, upper, grid.grid_ratio)

    def _step(self, key: str, decimals: int | None, most: int, unit: Decimal) -> Decimal:
        """The step of so many decimals, as a multiple of the venue's own."""
        if decimals is None or decimals == most:
            return unit
        if decimals > most:
            raise self._error(
                f"may only be coarser than {self._instrument.symbol}, whose step is {plain(unit)}: "
                f"found {decimals}.",
                key,
                remedy=f"Write {most}, or leave it out.",
            )
        step = Decimal(1).scaleb(-decimals)
        while step % unit:
            step += Decimal(1).scaleb(-decimals)
        return step

    def _check_market(self, settings: GridSettings) -> None:
        instrument, grid = self._instrument, self._grid
        if not instrument.is_spot:
            if settings.leverage > instrument.max_leverage:
                most = plain(instrument.max_leverage)
                raise self._error(
                    f"{instrument.symbol} gives at most {most}, found {grid.leverage}.",
                    "leverage",
                    remedy=f"Write {most} or less.",
                )
            return
        if settings.grid_type.is_neutral:
            raise self._error(
                f"neutral sells above the price what {instrument.symbol} does not hold: on spot "
                "only what is held can be sold.",
                "grid_type",
                remedy="Use `long` with an upper_price above the market, which buys its inventory "
                "first, or a perpetual.",
            )
        if settings.entry_side.sign < 0:
            raise self._error(
                f"{grid.grid_type} sells first, which {instrument.symbol} cannot: on spot only "
                "what is held can be sold.",
                "grid_type",
                remedy="Use a long type, or a perpetual.",
            )
        if "leverage" in grid.model_fields_set and grid.leverage != 1:
            raise self._error(
                f"cannot act on spot, found {grid.leverage}.", "leverage", remedy="Leave it out."
            )

    def _check_prices(self, settings: GridSettings) -> None:
        if settings.grid_count is None and settings.grid_ratio is None:
            self._check_multiple(settings.grid_interval, "grid_interval")
        if settings.lower_price is not None and settings.upper_price is not None:
            self._check_multiple(settings.lower_price, "price_range.lower_price")
            self._check_multiple(settings.upper_price, "price_range.upper_price")

    def _check_multiple(self, price: Decimal, key: str) -> None:
        step = self._price_step
        if not price % step:
            return
        below = Instrument.round_price(
            replace(self._instrument, tick_size=step), price, Rounding.DOWN
        )
        near = below if price - below <= step / 2 and below > 0 else below + step
        raise self._error(
            f"must be a multiple of the price step {plain(step)}, found {plain(price)}.",
            key,
            remedy=f"The nearest is {plain(near)}.",
        )

    def _check_levels(self, settings: GridSettings) -> None:
        if settings.grid_type.is_infinite:
            self._check_infinite(settings)
            return
        count = settings.level_count
        if count < 1:
            lower, upper = settings.lower_price or Decimal(0), settings.upper_price or Decimal(0)
            if settings.grid_ratio is not None:
                raise self._error(
                    f"is wider than the whole range, found {plain(settings.grid_ratio)}.",
                    "grid_ratio",
                    remedy=f"{plain(upper)} is only {upper / lower:.6g} times {plain(lower)}.",
                )
            raise self._error(
                f"is wider than the whole range of {plain(upper - lower)}, found "
                f"{plain(settings.grid_interval)}.",
                "grid_interval",
                remedy=f"Write {plain(upper - lower)} or less.",
            )
        if count > MAX_LEVELS:
            raise self._error(
                f"makes {count:,} levels, more than {MAX_LEVELS:,}.",
                "grid_interval" if settings.grid_ratio is None else "grid_ratio",
                remedy="Put the lines further apart, or narrow the range.",
            )
        reference = self._instrument.reference_price
        if settings.grid_type.is_follow and reference is not None:
            self._check_follow_range(settings, reference)

    def _check_infinite(self, settings: GridSettings) -> None:
        """Its lines at the lowest price, and how many there are at the price we know of."""
        base = self._instrument.reference_price or settings.lower_price or Decimal(0)
        try:
            build_ladder(settings, base)
        except ValueError as error:
            key = "lower_price" if base < (settings.lower_price or 0) else "grid_ratio"
            raise self._error(
                f"{error}.", key, remedy="A lower lower_price, or a larger grid_ratio."
            ) from error

    def _check_lines(self, settings: GridSettings) -> None:
        """The lines of a geometric grid must not fall together on the price step."""
        reference = self._instrument.reference_price
        if settings.grid_type.is_infinite:
            return
        if settings.grid_ratio is None or (settings.grid_type.is_follow and reference is None):
            return
        try:
            build_ladder(settings, reference)
        except ValueError as error:
            key = "grid_count" if "grid_count" in self._grid.model_fields_set else "grid_ratio"
            raise self._error(
                f"{error}.", key, remedy="Fewer levels, or lines further apart."
            ) from error

    def _check_follow_range(self, settings: GridSettings, price: Decimal) -> None:
        lower, _ = follow_range(settings, price)
        if lower <= 0:
            raise self._error(
                f"a range of {settings.level_count} levels at a price near {plain(price)} would "
                f"begin at {plain(lower)}.",
                "follow_grid_count",
                remedy="Fewer levels, or a smaller grid_interval.",
            )

    def _check_amounts(self, settings: GridSettings) -> None:
        if settings.grid_type.is_infinite:
            self._check_values(settings)
            return
        count = settings.level_count
        smallest = self._instrument.amount(level_amount(settings, count))
        if smallest <= 0:
            raise self._error(
                f"is less than the smallest step of {plain(self._amount_step)}, found "
                f"{plain(settings.order_amount)}.",
                "order_amount",
                remedy=f"Write {plain(self._amount_step)} or more.",
            )
        self._check_minimum(settings, smallest)
        total = sum(level_amount(settings, level) for level in range(1, count + 1))
        most = settings.max_position
        if most is not None and self._instrument.amount(total) > most:
            raise self._error(
                f"all entries together reach {plain(self._instrument.amount(total))}, more than "
                f"{plain(most)}.",
                "max_position",
                remedy="Lower order_amount or the number of levels, or raise max_position.",
            )

    def _check_values(self, settings: GridSettings) -> None:
        """The levels of an infinity grid are worth the same, and the venue must take that."""
        instrument = self._instrument
        value = (settings.order_value or Decimal(0)) * instrument.contract_size
        price = instrument.reference_price or settings.lower_price or Decimal(0)
        lowest = instrument.ticks(settings.lower_price or price)
        most = instrument.amount(value_lots(settings, lowest))
        least = value / (price * instrument.contract_size)
        if most < self._amount_step or least < max(instrument.min_amount, self._amount_step):
            raise self._error(
                f"is {plain(settings.order_amount)} at the lower price, and {least:.3g} at "
                f"{plain(price)}: less than the smallest order.",
                "order_amount",
                remedy="Write more.",
            )
        ladder = build_ladder(settings, max(price, settings.lower_price or price))
        whole = instrument.amount(pool_lots(settings, replace(ladder, amounts=())))
        if settings.max_position is not None and whole > settings.max_position:
            raise self._error(
                f"all levels together reach {plain(whole)}, more than "
                f"{plain(settings.max_position)}.",
                "max_position",
                remedy="Lower order_amount, or raise max_position or grid_ratio.",
            )
        if value < instrument.min_notional:
            raise self._error(
                f"makes every level worth {plain(value)} {instrument.quote}, below the minimum of "
                f"{plain(instrument.min_notional)} at {instrument.venue}.",
                "order_amount",
                remedy="Write more.",
            )

    def _check_minimum(self, settings: GridSettings, smallest: Decimal) -> None:
        instrument = self._instrument
        if smallest < instrument.min_amount:
            raise self._error(
                f"must be at least {plain(instrument.min_amount)} at {instrument.venue}, found "
                f"{plain(smallest)}.",
                "order_amount",
                remedy=f"Write {plain(instrument.min_amount)} or more.",
            )
        if settings.lower_price is None or not instrument.min_notional:
            return
        ladder = build_ladder(settings)
        for level in range(1, settings.level_count + 1):
            self._check_notional(settings, ladder, level)

    def _check_notional(self, settings: GridSettings, ladder: Ladder, level: int) -> None:
        instrument = self._instrument
        price = instrument.price(ladder.entry_price(level))
        amount = instrument.amount(level_amount(settings, level))
        value = instrument.notional(price, amount)
        if value < instrument.min_notional:
            needed = instrument.min_notional / (price * instrument.contract_size)
            steps_needed, rest = divmod(needed, settings.amount_step)
            whole = (steps_needed + (1 if rest else 0)) * settings.amount_step
            raise self._error(
                f"level {level} is worth {plain(value)} {instrument.quote}, below the minimum of "
                f"{plain(instrument.min_notional)} at {instrument.venue}.",
                "order_amount",
                remedy=f"Write {plain(whole)} or more.",
            )

    def _check_exits(self, settings: GridSettings) -> None:
        """A short exit lies below its entry, and must still be a price."""
        if settings.entry_side.sign > 0 or settings.upper_price is None:
            return
        ladder = build_ladder(settings)
        lowest = self._instrument.price(ladder.exit_price(ladder.count))
        if lowest <= 0:
            raise self._error(
                f"puts the exit of the lowest entry at {plain(lowest)}.",
                "reverse_order_grid_distance",
                remedy="A smaller distance, or a higher range.",
            )

    def _check_fees(self, settings: GridSettings) -> None:
        """A round trip must earn more than the fees of both its legs."""
        reference = self._instrument.reference_price
        if settings.grid_type.is_infinite and reference is None:
            reference = settings.lower_price
        if settings.is_loss_accepted or (settings.grid_type.is_follow and reference is None):
            return
        ladder = build_ladder(settings, reference)
        level = None if settings.maker_fee <= 0 else losing_level(settings, ladder)
        if level is None:
            return
        price = self._instrument.price(ladder.entry_price(level))
        gain = abs(self._instrument.price(ladder.exit_price(level)) - price)
        cost = 2 * settings.maker_fee * price
        key, least = self._least_spacing(settings, cost)
        raise self._error(
            f"every round trip would lose: it earns {plain(gain)} a unit and pays fees of "
            f"{plain(cost)} (2 x {plain(settings.maker_fee)} x {plain(price)}).",
            key,
            remedy=f"Write {least}, or `acknowledge: [losing_grid]`.",
        )

    def _check_protections(self, settings: GridSettings) -> None:
        found = misfit(settings)
        if found is not None:
            key, message, remedy = found
            raise self._error(message, key, remedy=remedy)

    def _least_spacing(self, settings: GridSettings, cost: Decimal) -> tuple[str, str]:
        """The key that puts the lines too near one another, and what it would have to say."""
        distance, step = settings.reverse_order_grid_distance, self._price_step
        is_counted = "grid_count" in self._grid.model_fields_set
        if is_counted:
            return "grid_count", f"less than {settings.level_count}"
        if settings.grid_ratio is not None:
            each = (1 + 2 * settings.maker_fee / distance).quantize(Decimal("0.000001"), "ROUND_UP")
            return "grid_ratio", f"more than {plain(each)}"
        least = (cost / distance // step + 1) * step
        return "grid_interval", f"{plain(least)} or more"

    def _error(self, message: str, key: str, *, remedy: str | None = None) -> ConfigError:
        return self._document.error(message, (ROOT, *key.split(".")), remedy=remedy)
