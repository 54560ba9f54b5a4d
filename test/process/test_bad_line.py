"""A real `ctos` process trades on a loopback venue over a line that breaks in every way."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable

import pytest

from core.testing.fault_proxy import Line
from core.testing.venues.stage import BOT, LoopbackStage

pytestmark = [pytest.mark.process, pytest.mark.slow]

STORY = (
    (Line.GOOD, 0.3),
    (Line.MUTE, 0.0),
    (Line.HALF_OPEN, 0.0),
    (Line.TRUNCATED, 0.0),
    (Line.DEAF, 0.0),
    (Line.RESET, 0.0),
    (Line.REFUSED, 0.0),
)
"""What the line does, and how late the venue's bytes come meanwhile, in seconds."""
PIECES = 25
"""How many trades of the market a bad line lasts; long enough for orders to be sent on it."""


def created(stage: LoopbackStage) -> Counter[str]:
    """Client order ids that arrived at the venue in creates, counted."""
    calls = stage.on_venue(lambda venue: list(venue.calls_of("create_order")))
    return Counter(str(call.params["newClientOrderId"]) for call in calls)


def fills(stage: LoopbackStage) -> int:
    """Executions at the venue."""
    return int(stage.on_venue(lambda venue: len(venue.floor.fills())))


def test_a_line_that_breaks_in_every_way_doubles_nothing(ctos, terminal: Callable[..., object]):
    """Late, mute, half-open, cut short, reset, refused: one create an order, the audit agrees."""
    with LoopbackStage() as stage:
        stage.lead(ctos.home)
        bot = ctos.home / "bot.yaml"
        bot.write_text(BOT)
        key = stage.venue.key
        ctos.extra = {"CTOS_BINANCE_KEY": key.api_key, "CTOS_BINANCE_SECRET": key.secret}
        live = terminal("grid", bot, "--live", "--headless", "--json")
        live.wait_text("Type binance")
        live.press(b"binance\n")
        live.wait_text("order.filled")

        for line, delay_s in STORY:
            began = stage.steps
            stage.set_line(line, delay_s)
            ctos.wait_for(lambda since=began: stage.steps >= since + PIECES, f"{line} to last")
            stage.set_line(Line.GOOD)
            stage.cut()
            live.read(0)
            before = fills(stage)
            ctos.wait_for(lambda since=before: fills(stage) > since + 3, f"trading after {line}")
            live.read(0)

        # Position kept and equity told are valued at one price.
        stage.is_held = True
        began = stage.steps
        ctos.wait_for(lambda: stage.steps >= began + PIECES, "the price to have settled")
        os.kill(live.pid, signal.SIGINT)  # half a minute for an orderly end
        code = live.wait(45)
        asked = ctos.run("audit", "--live", "--json")
        open_orders = stage.on_venue(lambda venue: venue.floor.open_orders())
        creates = created(stage)
        lost = stage.on_loop(lambda: stage.proxy.lost_bytes)

    report = json.loads(asked.stdout)
    verdicts = {row["check"]: row["status"] for row in report["checks"]}
    told = [line for line in live.output.decode().splitlines() if '"event":"summary"' in line]

    assert code == 0, live.output[-2000:]
    summary = json.loads(told[-1])
    assert lost > 1000
    assert len(creates) > 50
    assert set(creates.values()) == {1}
    assert open_orders == []
    assert report["clean"], asked.stdout
    assert verdicts["fills.venue"] == verdicts["orders.once"] == "ok"
    assert verdicts["position.venue"] == "ok"
    assert summary["residual"] == "0"
