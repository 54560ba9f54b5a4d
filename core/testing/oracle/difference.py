"""Where the real bot and the oracle part: nothing, it is to be hoped."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from core.testing.oracle.result import Foresight, Foretold, Placed
from core.testing.oracle.trial import Trial

Key = tuple[int, str, Decimal, Decimal, int, str]


def differences(foresight: Foresight, trial: Trial) -> list[str]:
    """Say in words what differs, the first fill that does before the figures that follow from it.

    Two freedoms are left to the bot: a close may be told as shares of slots, and orders that
    execute as takers at one time and price may come in any order.
    """
    if not trial.lines or trial.lines[-1][0] != "summary":
        return ["the last line is no summary"]
    return [
        *_fills(list(foresight.fills), _as_one(trial.fills)),
        *_figures(foresight, trial),
        *_orders(foresight, trial),
    ]


def _fills(foretold: list[Foretold], told: list[Foretold]) -> list[str]:
    pairs = zip(_in_order(foretold), _in_order(told), strict=False)
    for number, (expected, found) in enumerate(pairs):
        if expected != found:
            return [f"fill {number}: expected {expected}, told {found}"]
    if len(foretold) != len(told):
        return [f"fills: expected {len(foretold)}, told {len(told)}"]
    return []


def _figures(foresight: Foresight, trial: Trial) -> list[str]:
    expected = {
        "realized_pnl": foresight.realized,
        "unrealized_pnl": foresight.unrealized,
        "fees": foresight.fees,
        "position": foresight.position,
        "equity_change": foresight.equity_change,
        "residual": Decimal(0),
    }
    counts = {
        "fills": (len(trial.fills), trial.summary["fills"]),
        "round_trips": (foresight.round_trips, trial.summary["round_trips"]),
        "open_orders_left": (len(foresight.open_orders), trial.summary["open_orders_left"]),
        "grid.reset lines": (foresight.resets, trial.resets),
    }
    return [
        f"{name}: expected {value}, told {trial.summary[name]}"
        for name, value in expected.items()
        if value != trial.money(name)
    ] + [
        f"{name}: expected {value}, told {told}"
        for name, (value, told) in counts.items()
        if value != told
    ]


def _orders(foresight: Foresight, trial: Trial) -> list[str]:
    resting = [(order.side, order.price, order.amount) for order in foresight.open_orders]
    found = []
    if sorted(resting) != list(trial.resting):
        found.append(f"at the end: expected {sorted(resting)}, told {trial.resting}")
    expected, told = _keys(foresight.placed), _keys(trial.placed)
    if expected != told:
        missing = [key for key in expected if key not in told]
        extra = [key for key in told if key not in expected]
        found.append(f"placed: missing {missing[:3]}, more than expected {extra[:3]}")
    return found


def _keys(orders: Iterable[Placed]) -> list[Key]:
    return sorted(
        (
            order.at_ms,
            order.side,
            order.price or Decimal(0),
            order.amount,
            order.level or 0,
            order.leg,
        )
        for order in orders
    )


def _as_one(fills: Iterable[Foretold]) -> list[Foretold]:
    """The fills with every close told once, whatever slots it was divided over."""
    whole: list[Foretold] = []
    for fill in fills:
        if fill.leg != "flatten":
            whole.append(fill)
        elif whole and whole[-1].trade == fill.trade:
            before = whole[-1]
            whole[-1] = replace(
                before, amount=before.amount + fill.amount, fee=before.fee + fill.fee
            )
        else:
            whole.append(replace(fill, level=None))
    return whole


def _in_order(fills: list[Foretold]) -> list[Foretold]:
    """The fills with takers of one time and price by level, their trades renumbered so."""
    ordered: list[Foretold] = []
    rest = list(fills)
    while rest:
        first = rest[0]
        count = 1
        while count < len(rest) and _is_beside(first, rest[count]):
            count += 1
        group, rest = rest[:count], rest[count:]
        trades = sorted(fill.trade for fill in group)
        group.sort(key=lambda fill: fill.level or 0)
        ordered += [replace(fill, trade=trade) for fill, trade in zip(group, trades, strict=True)]
    return ordered


def _is_beside(first: Foretold, other: Foretold) -> bool:
    return (
        not first.is_maker
        and not other.is_maker
        and ((first.at_ms, first.price) == (other.at_ms, other.price))
    )
