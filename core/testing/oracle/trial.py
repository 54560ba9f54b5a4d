"""The real bot on the same file and tape: engine, execution, journal, risk, venue, virtual time.

What it tells is put into the oracle's own words, so that the two can be laid side by side.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from core.engine.protocol import BotEnded, StartBot
from core.engine.runs import run_virtual
from core.infrastructure.home import Home
from core.testing.oracle.foresight import Row
from core.testing.oracle.result import Foretold, Placed
from core.wiring.doors import Doors

Fields = tuple[tuple[str, str | int | bool | None], ...]
Line = dict[str, str | int | bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a run told."""

    exit_code: int
    lines: tuple[tuple[str, Line], ...]
    """Event and fields of every diary line."""
    fills: tuple[Foretold, ...]
    placed: tuple[Placed, ...]
    resets: int
    resting: tuple[tuple[str, Decimal, Decimal], ...]
    """Side, price and amount of what rests by the diary: placed and neither filled nor ended."""
    summary: Mapping[str, str | int | bool | None]

    def money(self, name: str) -> Decimal:
        """One figure of the summary."""
        return Decimal(str(self.summary[name]))


@dataclass(slots=True)
class _Listener:
    """Keeps every line; its time becomes a field."""

    lines: list[tuple[str, Line]] = field(default_factory=list)

    def event(self, bot: str, at_ns: int, event: str, fields: Fields) -> None:
        self.lines.append((event, {"at_ns": at_ns, **dict(fields)}))

    def notice(self, text: str) -> None:
        self.lines.append(("notice", {"text": text}))

    def ended(self, ended: BotEnded) -> None:
        """The closing line is in the diary already."""


def run_bot(document: Mapping[str, Any], tape: Sequence[Row], folder: Path) -> Trial:
    """Run the whole bot in this process on virtual time.

    Args:
        document: A grid file's mapping; written as JSON, which is YAML.
        tape: Trades or quotes in order.
        folder: Where file, tape and home are put; an earlier run in it is replaced.

    Raises:
        CtosError: The file or the tape is refused.
    """
    file, feed = folder / "trial.yaml", folder / "tape.csv"
    text = json.dumps(document)
    file.write_text(text)
    is_quotes = any(len(row) == 5 for row in tape)
    header = "ts_ms,bid,bid_amount,ask,ask_amount" if is_quotes else "ts,price,amount,side"
    rows = [",".join(map(str, row)) for row in tape]
    feed.write_text("\n".join([header, *rows]) + "\n")
    listener = _Listener()
    request = StartBot(app="grid", path=str(file), text=text, feed=str(feed), speed="max", seed=1)
    exit_code = run_virtual(Home(folder / "home"), Doors(), request, listener)
    return _read(exit_code, listener.lines)


def _read(exit_code: int, lines: list[tuple[str, Line]]) -> Trial:
    trades: dict[str, int] = {}
    resting: dict[str, Line] = {}
    fills, placed = [], []
    for event, line in lines:
        identity = str(line.get("client_order_id"))
        if event == "order.placed":
            resting[identity] = line
            placed.append(_placed(line))
        elif event == "order.filled":
            trade = trades.setdefault(str(line["trade_id"]), len(trades) + 1)
            fills.append(_fill(line, trade))
            _take(resting, identity, fills[-1].amount)
        elif event in {"order.canceled", "order.rejected", "risk.denied"}:
            resting.pop(identity, None)
    return Trial(
        exit_code=exit_code,
        lines=tuple(lines),
        fills=tuple(fills),
        placed=tuple(placed),
        resets=sum(event == "grid.reset" for event, _ in lines),
        resting=tuple(
            sorted(
                (str(line["side"]), Decimal(str(line["price"])), Decimal(str(line["amount"])))
                for line in resting.values()
            )
        ),
        summary=dict(lines[-1][1]) if lines and lines[-1][0] == "summary" else {},
    )


def _take(resting: dict[str, Line], identity: str, amount: Decimal) -> None:
    """Take an execution off what rests."""
    line = resting.get(identity)
    if line is None:
        return
    left = Decimal(str(line["amount"])) - amount
    if left:
        resting[identity] = line | {"amount": str(left)}
    else:
        del resting[identity]


def _placed(line: Line) -> Placed:
    price = line["price"]
    return Placed(
        at_ms=_at_ms(line),
        side=str(line["side"]),
        price=None if price is None else Decimal(str(price)),
        amount=Decimal(str(line["amount"])),
        level=_level(line),
        leg=str(line["leg"]),
    )


def _fill(line: Line, trade: int) -> Foretold:
    return Foretold(
        at_ms=_at_ms(line),
        side=str(line["side"]),
        price=Decimal(str(line["price"])),
        amount=Decimal(str(line["amount"])),
        level=_level(line),
        leg=str(line["leg"]),
        fee=Decimal(str(line["fee"])),
        is_maker=bool(line["maker"]),
        trade=trade,
    )


def _level(line: Line) -> int | None:
    level = line["level"]
    return None if level is None else int(level)


def _at_ms(line: Line) -> int:
    return int(line["at_ns"] or 0) // 1_000_000
