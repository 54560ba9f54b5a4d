"""Stories told by hand: the oracle must foretell them, and the whole bot must live them."""

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.testing.oracle.difference import differences
from core.testing.oracle.foresight import Row, foretell
from core.testing.oracle.result import Foresight
from core.testing.oracle.trial import run_bot

Document = dict[str, Any]


def grid(grid_type: str = "long", *, latency_ms: int = 0, **keys: object) -> Document:
    """Three levels, 97 to 100 in steps of 1, one unit each, unless the keys say otherwise."""
    instrument = {
        "tick_size": "0.1",
        "lot_size": "0.001",
        "min_notional": "0",
        "maker_fee": "0",
        "taker_fee": "0",
    }
    known: Document = {
        "exchange": "paper",
        "symbol": "TEST-USDC-PERP",
        "grid_type": grid_type,
        "grid_interval": "1",
        "order_amount": "1",
        "on_exit": "keep",
        "instrument": instrument | dict(keys.pop("instrument", {})),  # type: ignore[call-overload]
        "paper": {"initial_balance": "100000", "latency_ms": latency_ms, "fill": "through"},
    }
    if not grid_type.startswith("follow"):
        known["price_range"] = {"lower_price": "97", "upper_price": "100"}
    if not str(keys.get("symbol")).endswith("SPOT"):
        known |= {"margin_mode": "cross", "leverage": 20}
    return {"grid_system": known | keys}


def tape(*prices: str, every_ms: int = 1000) -> list[Row]:
    """One trade a second from the first moment of 1970."""
    return [
        (number * every_ms, Decimal(price), Decimal(1), "buy")
        for number, price in enumerate(prices)
    ]


def lived(document: Document, rows: list[Row], folder: Path) -> Foresight:
    """The run as foretold, after the bot has lived it without a difference."""
    foresight = foretell(document, rows)
    assert differences(foresight, run_bot(document, rows, folder)) == []
    return foresight


def story(foresight: Foresight) -> list[str]:
    """The fills as `buy 1 @ 99`."""
    return [
        f"{fill.side} {fill.amount.normalize():f} @ {fill.price.normalize():f}"
        for fill in foresight.fills
    ]


def resting(foresight: Foresight) -> list[str]:
    """What rests at the end as `buy 99`, from low to high."""
    return [f"{order.side} {order.price.normalize():f}" for order in foresight.open_orders]


def test_long_grid_of_the_first_vector(tmp_path: Path) -> None:
    """Two levels are bought on the way down and sold one interval higher: two units earned."""
    found = lived(grid(), tape("99.5", "98.9", "97.9", "99.1", "100.2"), tmp_path)

    assert story(found) == ["buy 1 @ 99", "buy 1 @ 98", "sell 1 @ 99", "sell 1 @ 100"]
    assert (found.round_trips, found.realized, found.position) == (2, 2, 0)
    assert resting(found) == ["buy 97", "buy 98", "buy 99"]


def test_distance_of_two_of_the_second_vector(tmp_path: Path) -> None:
    """With a distance of two intervals a round trip earns twice as much."""
    rows = tape("99.5", "98.9", "97.9", "99.1", "100.1", "101.1")
    found = lived(grid(reverse_order_grid_distance=2), rows, tmp_path)

    assert story(found) == ["buy 1 @ 99", "buy 1 @ 98", "sell 1 @ 100", "sell 1 @ 101"]
    assert found.realized == 4


def test_short_grid_of_the_third_vector(tmp_path: Path) -> None:
    """A short grid is the long one in a mirror."""
    found = lived(grid("short"), tape("97.5", "98.1", "99.1", "97.9", "96.9"), tmp_path)

    assert story(found) == ["sell 1 @ 98", "sell 1 @ 99", "buy 1 @ 98", "buy 1 @ 97"]
    assert found.realized == 2
    assert resting(found) == ["sell 98", "sell 99", "sell 100"]


@pytest.mark.parametrize(
    "grid_type, expected",
    [
        ("martingale_long", ["0.018", "0.016", "0.014", "0.012", "0.01"]),
        ("martingale_short", ["0.018", "0.016", "0.014", "0.012", "0.01"]),
    ],
)
def test_martingale_amounts_grow_towards_the_adverse_end(
    grid_type: str, expected: list[str], tmp_path: Path
) -> None:
    """Level 1 is the most adverse in both directions, and has the largest amount."""
    document = grid(
        grid_type,
        grid_interval="2",
        order_amount="0.010",
        martingale_increment="0.002",
        price_range={"lower_price": "90", "upper_price": "100"},
        initial_fill="passive_only",
    )
    outside = "101" if grid_type == "martingale_long" else "89"
    found = lived(document, tape(outside), tmp_path)

    by_level = sorted(found.open_orders, key=lambda order: order.level)
    assert [f"{order.amount.normalize():f}" for order in by_level] == expected


@pytest.mark.parametrize(
    "grid_type, offset, expected",
    [
        ("follow_long", 0, ["buy 90", "buy 92", "buy 94", "buy 96", "buy 98"]),
        ("follow_long", 2, ["buy 94", "buy 96", "buy 98", "sell 102", "sell 104"]),
        ("follow_short", 0, ["sell 102", "sell 104", "sell 106", "sell 108", "sell 110"]),
        ("follow_short", 2, ["buy 96", "buy 98", "sell 102", "sell 104", "sell 106"]),
    ],
)
def test_range_of_a_grid_that_follows(
    grid_type: str, offset: int, expected: list[str], tmp_path: Path
) -> None:
    """Levels on the marketable side of the price are bought or sold at once."""
    document = grid(grid_type, grid_interval="2", follow_grid_count=5, price_offset_grids=offset)
    found = lived(document, tape("100"), tmp_path)

    assert resting(found) == expected


def test_escape_builds_around_the_newest_price(tmp_path: Path) -> None:
    """Strictly beyond the edge for the whole timeout: cancel, close, and the ladder again."""
    document = grid(
        "follow_long",
        grid_interval="2",
        follow_grid_count=5,
        follow_timeout=3,
        latency_ms=50,
        reverse_order_grid_distance=2,
        price_offset_grids=1,
    )
    # Edge 102, escape beyond 106; at 106 itself nothing starts, and 105 would forget it.
    rows = tape("100", "106", "106.1", "105", "106.2", "107", "108", "109.5", "110")
    found = lived(document, rows, tmp_path)

    assert story(found) == ["buy 1 @ 100", "sell 1 @ 104", "buy 1 @ 109.5"]
    assert found.resets == 1
    # The timeout came at 7.000, the cancels 50 ms later, when the newest price was 109.5.
    assert resting(found) == ["buy 101.5", "buy 103.5", "buy 105.5", "buy 107.5", "sell 113.5"]


def test_gap_fills_best_price_first(tmp_path: Path) -> None:
    """One trade through three levels fills each at its own price, and meets no exit of theirs."""
    found = lived(grid(), tape("99.5", "90", "90", "120"), tmp_path)

    assert story(found) == [
        "buy 1 @ 99",
        "buy 1 @ 98",
        "buy 1 @ 97",
        "sell 1 @ 98",
        "sell 1 @ 99",
        "sell 1 @ 100",
    ]


def test_late_exit_executes_at_the_market(tmp_path: Path) -> None:
    """An exit that arrives after the price has passed it takes the last price, as taker."""
    document = grid(latency_ms=50, instrument={"taker_fee": "0.001"})
    rows = [*tape("99.5", "98.9"), (1020, Decimal("101.5"), Decimal(1), "buy")]
    found = lived(document, rows, tmp_path)

    assert story(found) == ["buy 1 @ 99", "sell 1 @ 101.5"]
    assert (found.realized, found.fees) == (Decimal("2.5"), Decimal("0.1015"))


def test_equal_time_after_the_acceptance_counts(tmp_path: Path) -> None:
    """At an equal time an acceptance comes first, so the next row of that time fills the order."""
    found = lived(
        grid(latency_ms=50),
        [(0, Decimal("99.5"), Decimal(1), "buy"), (50, Decimal("98.9"), Decimal(1), "sell")],
        tmp_path,
    )

    assert story(found) == ["buy 1 @ 99"]


def test_initial_order_beyond_its_cap_leaves_slots_for_later(tmp_path: Path) -> None:
    """What the capped order could not buy rests as an ordinary entry once the price is above it."""
    document = grid(latency_ms=50)
    rows = [
        (0, Decimal("97.5"), Decimal(1), "buy"),
        (10, Decimal("98.5"), Decimal(1), "buy"),
        (2000, Decimal("99.5"), Decimal(1), "buy"),
    ]
    found = lived(document, rows, tmp_path)

    assert story(found) == []
    assert resting(found) == ["buy 97", "buy 98", "buy 99"]


def test_fee_in_base_leaves_dust_in_the_books(tmp_path: Path) -> None:
    """An exit sells what arrived, in whole lots; the dust is held and valued, nothing is lost."""
    document = grid(
        symbol="TEST-USDC-SPOT",
        market_type="spot",
        instrument={"maker_fee": "0.0015", "fee_asset": "base"},
        acknowledge=["losing_grid"],
        on_exit="cancel_orders",
    )
    found = lived(document, tape("99.5", "98.9", "100.1"), tmp_path)

    assert story(found) == ["buy 1 @ 99", "sell 0.998 @ 100"]
    assert (found.position, found.unrealized) == (Decimal("0.0005"), Decimal("0.00055"))
    assert found.residual == 0


def test_fees_in_base_never_use_up_the_position_limit(tmp_path: Path) -> None:
    """Risk counts what arrived, not what was bought: the tenth round trip is free as the first."""
    document = grid(
        symbol="TEST-USDC-SPOT",
        market_type="spot",
        instrument={"maker_fee": "0.00237", "fee_asset": "base"},
        acknowledge=["losing_grid"],
    )
    found = lived(document, tape("100.5", *["96.5", "100.5"] * 10), tmp_path)

    assert found.round_trips == 30


def test_short_grid_below_the_price_sells_its_whole_start(tmp_path: Path) -> None:
    """Levels far below the price are sold at the price; limits that follow the plan allow it."""
    found = lived(grid("short"), tape("150"), tmp_path)

    assert story(found) == ["sell 1 @ 150"] * 3


def test_keep_waits_for_orders_on_their_way(tmp_path: Path) -> None:
    """At the end of a feed what was sent still arrives, and may still execute."""
    document = grid("short", latency_ms=50, initial_fill="all_limits")
    rows = [*tape("99"), (10, Decimal("98.5"), Decimal(1), "sell")]
    found = lived(document, rows, tmp_path)

    assert story(found) == ["sell 1 @ 98.5"]
    assert resting(found) == ["sell 99", "sell 100"]


@pytest.mark.parametrize("grid_type", ["long", "martingale_short", "follow_long", "follow_short"])
@pytest.mark.parametrize("fill", ["through", "touch"])
def test_long_walk_comes_out_as_foretold(grid_type: str, fill: str, tmp_path: Path) -> None:
    """Ten thousand trades, most of which nobody needs to look at, change nothing."""
    document = grid(
        grid_type,
        latency_ms=50,
        on_exit="flatten",
        instrument={"maker_fee": "0.0001", "taker_fee": "0.0004"},
    )
    keys = document["grid_system"]
    keys["paper"]["fill"] = fill
    if grid_type.startswith("follow"):
        keys |= {"follow_grid_count": 12, "follow_timeout": 20, "price_offset_grids": 3}
    else:
        keys["price_range"] = {"lower_price": "90", "upper_price": "115"}
    if grid_type.startswith("martingale"):
        keys["martingale_increment"] = "0.05"
    found = lived(document, walk(10_000), tmp_path)

    assert len(found.fills) > 100


def walk(length: int) -> list[Row]:
    """A seeded walk in steps of a tick with bursts at one time and rare leaps."""
    chance = random.Random(11)
    at_ms, price = 0, Decimal(100)
    rows = []
    for _ in range(length):
        side = chance.choice(["buy", "sell"])
        rows.append((at_ms, price, Decimal("0.1"), side))
        at_ms += chance.choice([0, 0, 3, 40, 250, 900])
        leap = chance.choice([-15, 15]) if chance.random() < 0.01 else 1
        price += Decimal("0.2") * chance.choice([-1, 0, 1]) * leap
        price = min(max(price, Decimal(88)), Decimal(118))
    return rows


@pytest.mark.parametrize(
    "keys",
    [
        {"grid_type": "short", "symbol": "TEST-USDC-SPOT"},
        {"grid_type": "long", "paper": {"fill": "queue"}},
    ],
)
def test_what_the_oracle_cannot_foretell_is_refused(keys: Document) -> None:
    """A short grid on spot, and fills that depend on a queue, are errors and no guess."""
    document = {"grid_system": grid()["grid_system"] | keys}

    with pytest.raises(ValueError, match=r"spot|need a book"):
        foretell(document, tape("99"))
