"""Keys under a passphrase: from the terminal where it is typed to the engine that trades."""

import json
from pathlib import Path

import pytest
from live import LiveRun, LiveSpec
from live_days import FIRST_PRICE, GRID, addresses, shipped

from core.testing.venues.hyperliquid.venue import HyperliquidVenue

pytestmark = [pytest.mark.process, pytest.mark.slow]

WORDS = "correct horse battery staple"
OTHER_WORDS = "purple monkey dishwasher lamp"
LEVELS = 8
"""Of the grid below: 400 in steps of 50."""
SPEC = LiveSpec(
    venue="hyperliquid",
    make=lambda: shipped(HyperliquidVenue, "hyperliquid"),
    urls=addresses,
    keys=lambda _venue: {},
    symbol="BTC-USDC-PERP",
    first_price=FIRST_PRICE,
    grid=GRID,
)


def give_keys(terminal, run, words, *, agent):
    """`ctos keys set hyperliquid --store sealed`, typed."""
    wallets = run.on_venue(lambda venue: venue.wallets)
    fields = {"account": wallets.main.address, "secret": getattr(wallets, agent).secret}
    typed = terminal("keys", "set", "hyperliquid", "--store", "sealed")
    for asks, text in (
        ("address of the account", fields["account"]),
        ("private key of an agent", fields["secret"]),
        ("sub-account", ""),
        ("New passphrase", words),
        ("The same again", words),
    ):
        typed.wait_text(asks)
        typed.press(f"{text}\n".encode())
    assert typed.wait() == 0, typed.output
    assert fields["secret"].encode() not in typed.output
    return fields["secret"]


def start(terminal, run, words):
    """`ctos grid FILE --live --detach`: the passphrase is asked for, then the word."""
    typed = terminal("grid", run.file, "--live", "--detach")
    typed.wait_text("Passphrase of the keys of hyperliquid")
    typed.press(f"{words}\n".encode())
    return typed


def resting(run):
    """Ids of our orders that rest at the venue."""
    return sorted(order.order_id for order in run.venue_facts().open_orders)


def is_whole(run):
    """Whether every level has its order, now that there is a price that is not old."""
    run.move(SPEC.first_price)
    return len(resting(run)) == LEVELS


@pytest.fixture
def run(ctos):
    """A venue, and a home to which no keys were given yet."""
    with LiveRun(ctos.home, SPEC) as found:
        yield found


def test_another_key_takes_over_while_the_orders_rest(ctos, terminal, run):
    """A key is replaced by another: the orders of before rest on, and none is sent again.

    Neither key nor passphrase is in the engine's environment, in a log, or anywhere in its home.
    """
    first = give_keys(terminal, run, WORDS, agent="agent")
    wrong = start(terminal, run, "no such words at all")
    assert wrong.wait() == 2
    assert b"does not open" in wrong.output

    begun = start(terminal, run, WORDS)
    begun.wait_text("Type hyperliquid")
    begun.press(b"hyperliquid\n")
    assert begun.wait() == 0, begun.output
    ctos.wait_running("target")
    ctos.wait_for(lambda: is_whole(run), "every level to have its order")
    (engine,) = [item for item in ctos.engines() if item["mode"] == "live"]
    environ = Path(f"/proc/{engine['pid']}/environ").read_bytes()
    before = resting(run)

    stopped = ctos.run("stop", "target", "--policy", "keep", "--yes")
    assert stopped.returncode == 0, stopped.stderr
    assert resting(run) == before
    run.on_venue(lambda venue: venue.wallets.agents.add(venue.wallets.stranger.address))
    second = give_keys(terminal, run, OTHER_WORDS, agent="stranger")
    run.on_venue(lambda venue: venue.wallets.agents.remove(venue.wallets.agent.address))
    placed = run.on_venue(lambda venue: len(venue.calls_of("create_order")))

    again = start(terminal, run, OTHER_WORDS)
    again.wait_text("Type hyperliquid")
    again.press(b"hyperliquid\n")
    assert again.wait() == 0, again.output
    ctos.wait_running("target")
    assert resting(run) == before
    assert run.on_venue(lambda venue: len(venue.calls_of("create_order"))) == placed
    ended = ctos.run("stop", "target", "--policy", "cancel_orders", "--yes")
    assert ended.returncode == 0, ended.stderr
    assert not resting(run)

    for secret in (first, second, WORDS, OTHER_WORDS):
        assert secret.encode() not in environ
        for path in ctos.home.rglob("*"):
            if path.is_file():
                assert secret.encode() not in path.read_bytes(), path


def test_without_a_terminal_the_environment_stands_in(ctos, run, terminal):
    """Nobody can be asked: one line names the variable; with it the keys open."""
    give_keys(terminal, run, WORDS, agent="agent")
    listed = json.loads(ctos.run("keys", "list", "--json").stdout)
    assert [(item["venue"], item["is_sealed"]) for item in listed] == [("hyperliquid", True)]

    refused = ctos.run("doctor", "hyperliquid", "--json")
    ctos.extra["CTOS_KEYS_PASSPHRASE"] = WORDS
    opened = ctos.run("doctor", "hyperliquid", "--json")

    def accepted(told: str) -> dict:
        return next(c for c in json.loads(told)["checks"] if c["id"] == "keys.accepted")

    assert accepted(refused.stdout)["status"] == "fail"
    assert "CTOS_KEYS_PASSPHRASE" in accepted(refused.stdout)["remedy"]
    assert accepted(opened.stdout)["status"] == "ok", opened.stdout
