"""What can be judged only with the instrument at hand: ticks, lots, minimum values, fees.

Every refusal names line and key, what was found, and the nearest value that works.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from core.adapters.exchanges.models import Instrument, Rounding, plain
from core.errors import ConfigError
from core.infrastructure.config import Document
from core.services.grid.keys import MAX_LEVELS, ROOT, AnyGrid, FollowGrid
from core.services.grid.ladder import build_ladder, follow_range, level_amount, loses
from core.services.grid.settings import GridSettings, GridType, HealthSettings


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
            self._check_amounts,
            self._check_exits,
            self._check_fees,
        ):
            check(settings)
        return settings

    def _settings(self) -> GridSettings:
        grid, instrument = self._grid, self._instrument
        follow = grid if isinstance(grid, FollowGrid) else None
        bounds = None if isinstance(grid, FollowGrid) else grid.price_range
        return GridSettings(
            instrument=instrument,
            grid_type=GridType(grid.grid_type),
            grid_interval=grid.grid_interval,
            order_amount=grid.order_amount,
            lower_price=None if bounds is None else bounds.lower_price,
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
            initial_fill=grid.initial_fill,
            initial_fill_cap=grid.initial_fill_cap,
            replace_limit=grid.replace_limit,
            is_loss_accepted="losing_grid" in grid.acknowledge,
            on_start=grid.on_start,
            on_exit=grid.exit_policy(),
            health=HealthSettings(
                is_enabled=grid.order_health_check_enabled,
                interval_s=grid.order_health_check_interval,
                snapshot_count=grid.health_check_snapshot_count,
                position_query_interval_s=grid.rest_position_query_interval,
                position_tolerance=grid.order_amount * grid.position_tolerance.tolerance_multiplier,
            ),
        )

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
        count = settings.level_count
        if count < 1:
            lower, upper = settings.lower_price or Decimal(0), settings.upper_price or Decimal(0)
            raise self._error(
                f"is wider than the whole range of {plain(upper - lower)}, found "
                f"{plain(settings.grid_interval)}.",
                "grid_interval",
                remedy=f"Write {plain(upper - lower)} or less.",
            )
        if count > MAX_LEVELS:
            raise self._error(
                f"makes {count:,} levels, more than {MAX_LEVELS:,}.",
                "grid_interval",
                remedy="Widen the interval or narrow the range.",
            )
        reference = self._instrument.reference_price
        if settings.grid_type.is_follow and reference is not None:
            self._check_follow_range(settings, reference)

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

    def _check_minimum(self, settings: GridSettings, smallest: Decimal) -> None:
        instrument = self._instrument
        if smallest < instrument.min_amount:
            raise self._error(
                f"must be at least {plain(instrument.min_amount)} at {instrument.venue}, found "
                f"{plain(smallest)}.",
                "order_amount",
                remedy=f"Write {plain(instrument.min_amount)} or more.",
            )
        price = settings.lower_price
        if price is None or not instrument.min_notional:
            return
        for level in range(1, settings.level_count + 1):
            self._check_notional(settings, level, price)

    def _check_notional(self, settings: GridSettings, level: int, lower: Decimal) -> None:
        instrument = self._instrument
        steps = level - 1
        if settings.entry_side.sign < 0:
            steps = settings.level_count - level
        price = lower + steps * settings.grid_interval
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
        nearest = settings.upper_price - (settings.level_count - 1) * settings.grid_interval
        lowest = nearest - settings.reverse_order_grid_distance * settings.grid_interval
        if lowest <= 0:
            raise self._error(
                f"puts the exit of the lowest entry at {plain(lowest)}.",
                "reverse_order_grid_distance",
                remedy="A smaller distance, or a higher range.",
            )

    def _check_fees(self, settings: GridSettings) -> None:
        """A round trip must earn more than the fees of both its legs."""
        reference = self._instrument.reference_price
        if settings.is_loss_accepted or (settings.grid_type.is_follow and reference is None):
            return
        ladder = build_ladder(settings, reference)
        if not loses(settings, ladder):
            return
        price = self._instrument.price(ladder.highest_entry)
        gain = settings.reverse_order_grid_distance * settings.grid_interval
        cost = 2 * settings.maker_fee * price
        step = self._price_step
        least = (cost / settings.reverse_order_grid_distance // step + 1) * step
        raise self._error(
            f"every round trip would lose: it earns {plain(gain)} a unit and pays fees of "
            f"{plain(cost)} (2 x {plain(settings.maker_fee)} x {plain(price)}).",
            "grid_interval",
            remedy=f"Write {plain(least)} or more, or `acknowledge: [losing_grid]`.",
        )

    def _error(self, message: str, key: str, *, remedy: str | None = None) -> ConfigError:
        return self._document.error(message, (ROOT, *key.split(".")), remedy=remedy)
