# ruff: noqa: RUF001 - signs of the screen are the point
"""The grid screen: what keys ask for, and what it says in each state."""

import csv
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.engine.protocol import (
    Act,
    AskBot,
    BotEnded,
    Detach,
    Kill,
    KillStage,
    ListBots,
    ListOrders,
    OrderRow,
    Orders,
    Reconcile,
    Reconnect,
    Refused,
    StopBot,
)
from core.services.execution.snapshot import HealthResult
from core.services.grid.snapshot import ClosingStep, GridPhase, SlotState
from core.services.market_data.snapshot import FeedLight
from tui.modals.closing import ClosingSheet
from tui.modals.confirm import ConfirmSheet, TypedSheet
from tui.modals.explain import DetailSheet, ErrorSheet, HelpSheet, why_line
from tui.modals.kill import KillSheet
from tui.presentation.cells import plain_text

SIZE = (120, 36)


async def settle(pilot):
    """Until everything that was posted has been handled and painted."""
    for _ in range(8):  # a busy machine needs more turns than a quiet one
        await pilot.pause()


async def test_ladder_shows_the_market_between_its_orders(make_app, text):
    """The mid stands between the lowest sell and the highest buy, beside the newest fill."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)

        rows = text(app).splitlines()
        middle = next(at for at, row in enumerate(rows) if "118,402.4" in row)
        assert "118,440.0  sell  0.0020  ◆ placed" in rows[middle - 1]
        assert "118,380.0  buy   0.0020  ✓ filled" in rows[middle + 1]
        assert "◔ 40%" in rows[middle + 4]


async def test_space_asks_to_pause_and_shows_asked_until_a_snapshot_says_paused(
    make_app, source, samples, text
):
    """The screen never pretends: asked becomes done only by a snapshot."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("space")
        await settle(pilot)

        assert source.acts == [AskBot(bot=samples.BOT, act=Act.PAUSE, request_id="id1")]
        assert "asked: pause" in text(app)

        source.push(samples.grid(phase=GridPhase.PAUSED, phase_since=samples.NOW))
        await settle(pilot)

        assert "asked:" not in text(app)
        assert "done: pause" in text(app)
        assert "space resume" in text(app)


async def test_undo_resumes_what_was_paused(make_app, source, samples, seconds):
    """A pause that was done can be taken back with u."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("space")
        source.push(samples.grid(phase=GridPhase.PAUSED, phase_since=samples.NOW))
        await settle(pilot)
        seconds.now += 5
        await pilot.press("u")
        await settle(pilot)

        assert [request.act for request in source.acts] == [Act.PAUSE, Act.RESUME]


async def test_two_identical_acts_within_a_second_count_once(make_app, source, seconds):
    """A bouncing key cancels once; a second later it may ask again."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("C", "C")
        await settle(pilot)
        assert [request.act for request in source.acts] == [Act.CANCEL_ALL]

        seconds.now += 1.5
        await pilot.press("C")
        await settle(pilot)
        assert len(source.acts) == 2


async def test_flatten_on_paper_asks_and_escape_keeps_everything(make_app, source, text):
    """Focus rests on the safe answer: neither escape nor enter flattens."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key in ("escape", "enter"):
            await pilot.press("F")
            await settle(pilot)
            assert type(app.screen) is ConfirmSheet
            assert "cancel   95 open orders" in text(app)
            assert "sell     0.0120 BTC   ≈ 1,421 USDC" in text(app)
            await pilot.press(key)
            await settle(pilot)

        assert [type(request) for request in source.acts] == [Reconcile, Reconcile]


async def test_flatten_on_paper_goes_on_with_y(make_app, source, samples):
    """`y` sends the act, once."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("F")
        await settle(pilot)
        await pilot.press("y")
        await settle(pilot)

        assert AskBot(bot=samples.BOT, act=Act.FLATTEN, request_id="id1") in source.acts


async def test_flatten_live_needs_the_word_and_two_seconds(make_app, samples, seconds):
    """With real money the word alone is not enough: the button wakes after two seconds."""
    app = make_app()
    app.source._first[False] = samples.grid(mode="live", feed="live", feed_notice="")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("F")
        await settle(pilot)
        assert type(app.screen) is TypedSheet

        await pilot.press(*"flatten", "enter")
        await settle(pilot)
        assert type(app.screen) is TypedSheet

        seconds.now += 2.0
        await pilot.press("enter")
        await settle(pilot)
        assert not isinstance(app.screen, TypedSheet)
        assert [request.act for request in app.source.acts if isinstance(request, AskBot)] == [
            Act.FLATTEN
        ]


async def test_wrong_word_does_not_flatten_live(make_app, samples, seconds):
    """Another word keeps everything, however long one waits."""
    app = make_app()
    app.source._first[False] = samples.grid(mode="live", feed="live", feed_notice="")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("F")
        await settle(pilot)
        seconds.now += 10
        await pilot.press(*"flat", "enter")
        await settle(pilot)

        assert type(app.screen) is TypedSheet
        assert not [request for request in app.source.acts if isinstance(request, AskBot)]


async def test_stop_asks_for_the_bots_own_policy(make_app, source, samples):
    """S leaves the policy to the bot's on_exit."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("S")
        await settle(pilot)

        assert source.acts == [StopBot(bot=samples.BOT)]


@pytest.mark.parametrize("key", ["K", "ctrl+k"])
async def test_halt_stops_new_orders_first_then_asks(make_app, source, samples, text, key):
    """The halt is on its way before the question stands on the screen."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press(key)
        await settle(pilot)

        assert source.acts == [Kill(stage=KillStage.HALT)]
        assert isinstance(app.screen, KillSheet)
        assert "95 open orders" in text(app)
        assert "Everything is halted" not in text(app)

        source.push(samples.grid(phase=GridPhase.HALTED))
        await settle(pilot)
        assert "Everything is halted" in text(app)

        await pilot.press("C")
        await settle(pilot)
        assert source.acts[-1] == Kill(stage=KillStage.CANCEL)


async def test_halt_again_shows_what_is_left_and_can_release(make_app, source, samples, text):
    """When halted already, K sends nothing; R leads back after a question."""
    app = make_app()
    source._first[False] = samples.grid(phase=GridPhase.HALTED)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "HALTED" in text(app).splitlines()[0]
        await pilot.press("K")
        await settle(pilot)
        assert source.acts == []

        await pilot.press("R")
        await settle(pilot)
        await pilot.press("y")
        await settle(pilot)
        assert source.acts == [Kill(stage=KillStage.RELEASE)]


async def test_health_check_and_reconnect(make_app, source, samples):
    """H compares the books, r tries the venue."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("h", "r")
        await settle(pilot)

        assert source.acts == [Reconcile(bot=samples.BOT), Reconnect(venue="lighter")]


async def test_read_only_hides_acts_and_answers_why(make_app, source, text):
    """A terminal that only reads has no key that acts."""
    app = make_app(read_only=True)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "READ-ONLY" in text(app).splitlines()[0]
        assert "cancel all" not in text(app).splitlines()[-1]

        await pilot.press("C", "F", "S", "space", "K")
        await settle(pilot)
        assert source.acts == []
        assert "This terminal only reads." in text(app)


async def test_dim_key_answers_with_its_reason(make_app, source, samples, text):
    """A key that does not work now says why."""
    app = make_app()
    source._first[False] = samples.grid(phase=GridPhase.STOPPED)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("C")
        await settle(pilot)

        assert source.acts == []
        assert "the grid is stopped" in text(app)


async def test_refusal_with_a_code_stands_in_the_message_line(make_app, source, text):
    """Risk's no is one line with code, value and limit."""
    source.replies[AskBot] = Refused(
        message="not sent: NOTIONAL_EXCEEDS_CAP, 1,240 > 1,000 USDC", code="NOTIONAL_EXCEEDS_CAP"
    )
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("space")
        await settle(pilot)

        assert "NOTIONAL_EXCEEDS_CAP, 1,240 > 1,000 USDC" in text(app)
        assert "asked:" not in text(app)


async def test_failure_opens_a_sheet_that_can_be_copied(make_app, source, text):
    """What failed and what to do stand in a sheet, never a traceback."""
    source.replies[AskBot] = Refused(message="The bot is gone.", remedy="Start it again.")
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("space")
        await settle(pilot)

        assert isinstance(app.screen, ErrorSheet)
        assert "The bot is gone." in text(app)
        assert "Start it again." in text(app)
        await pilot.press("y")
        await settle(pilot)
        assert app.clipboard == "The bot is gone.\nStart it again."


async def test_price_after_slash_goes_there_and_words_filter(make_app, text):
    """A number moves the cursor, words leave only the rows that hold them, ! the others."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        ladder = app.suite_screen.panels["ladder"]
        await pilot.press("slash", *"116,401", "enter")
        await settle(pilot)
        assert ladder.cursor_row.price == Decimal(116400)

        await pilot.press("c", "slash", *"waiting", "enter")
        await settle(pilot)
        assert len(ladder.rows) == 4

        await pilot.press("escape", "slash", *"!sell", "enter")
        await settle(pilot)
        assert not any(row and row.slot and row.slot.side.value == "sell" for row in ladder.rows)


async def test_enter_on_a_level_shows_its_order_and_why(make_app, source, samples, text):
    """Every order can be asked why."""
    order = OrderRow(
        client_order_id="c7k2m9p41X9",
        order_id="991",
        level=41,
        role="exit",
        side="sell",
        price=Decimal("118440.0"),
        amount=Decimal("0.0020"),
        filled=Decimal(0),
        state="open",
        reason="exit.of_fill entry_price=118380.0 price_age_ms=40",
        created_at=samples.NOW,
        updated_at=samples.NOW,
    )
    source.replies[ListOrders] = Orders(orders=(order,))
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("slash", *"118440", "enter")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)

        assert isinstance(app.screen, DetailSheet)
        assert "exit.of_fill" in text(app)
        assert "c7k2m9p41X9" in text(app)


async def test_write_puts_the_fills_into_a_file(make_app, tmp_path):
    """What is shown is written exactly, and no file is written over."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("f")
        await settle(pilot)
        await pilot.press("w", "w")
        await settle(pilot)

    first, second = sorted(tmp_path.glob("*.csv"))
    assert first.name == "ctos-grid-fills-20260314T140327Z-2.csv"
    assert second.name == "ctos-grid-fills-20260314T140327Z.csv"
    rows = list(csv.DictReader(second.read_text().splitlines()))
    assert len(rows) == 7
    assert rows[1]["round_trip"] == "0.0726"


async def test_help_explains_the_focused_panel(make_app, text):
    """? tells of the panel that has the focus and closes with escape."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("tab", "question_mark")
        await settle(pilot)
        assert isinstance(app.screen, HelpSheet)
        assert "Help: Price" in text(app)
        await pilot.press("escape")
        await settle(pilot)
        assert not isinstance(app.screen, HelpSheet)


async def test_jump_goes_to_the_panel_with_the_letter(make_app, text):
    """ctrl+o labels the panels; the next key goes to one."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("ctrl+o")
        await settle(pilot)
        assert "[g] Fills" in text(app)
        await pilot.press("g")
        await settle(pilot)
        assert app.suite_screen.panel.NAME == "fills"
        assert "[g]" not in text(app)


async def test_tab_walks_the_tabs_when_narrow(make_app, text):
    """At 80 columns one panel is shown at a time."""
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "118,402.4 ── mid" in text(app)
        for wanted in ("Price", "Result", "Health", "Fills"):
            await pilot.press("tab")
            await settle(pilot)
            shown = {"Price": "10:00", "Result": "average entry", "Health": "open orders"}
            assert shown.get(wanted, "round trip") in text(app)


@pytest.mark.parametrize("size", [(79, 30), (120, 23), (60, 15)])
async def test_too_small_a_terminal_gets_one_honest_line(make_app, text, size):
    """Below 80x24 nothing is squeezed."""
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await settle(pilot)

        said = " ".join(text(app).split())
        assert said.startswith(f"This screen needs 80×24; the terminal has {size[0]}×{size[1]}.")
        assert "Ladder" not in said


async def test_feed_notice_is_always_in_view(make_app, text):
    """Simulated prices say so at every size and on every tab."""
    for size, keys in ((SIZE, ()), ((200, 60), ()), ((80, 24), ()), ((80, 24), ("tab", "tab"))):
        app = make_app()
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            await pilot.press(*keys)
            await settle(pilot)
            assert "prices sim:7" in text(app).splitlines()[0]
            assert "prices are simulated" in text(app)


async def test_stale_prices_never_look_like_new_ones(make_app, source, samples, text):
    """An old book is hatched in the ladder and its age stands in words."""
    stale = FeedLight(name="book", state="stale", age_s=7.4)
    source._first[False] = samples.grid(lights=(samples.LIGHTS[0], stale))
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)

        assert "╱╱╱╱ 118,402.4" in text(app)
        assert "book 7.4s old" in text(app)


async def test_unknown_order_says_that_it_is_not_resent(make_app, source, samples, text):
    """An order without an answer shows its sign and what is being done."""
    slots = list(samples.slots())
    slots[60] = replace(
        slots[60],
        state=SlotState.UNKNOWN,
        unknown_since=samples.NOW - timedelta(seconds=8),
    )
    source._first[False] = samples.grid(
        slots=tuple(slots), health=HealthResult(checked_at=samples.NOW, next_at=None, unknown=1)
    )
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)

        assert "◇ asked" in text(app)
        assert "asked 8s ago, no answer. Checking with the venue; not resending" in text(app)
        assert "venue differs: 0 missing, 1 unknown" in text(app)
        assert "1 being asked for" in text(app)


async def test_quit_ends_what_was_started_here_and_shows_the_steps(make_app, source, samples, text):
    """Q asks for the orderly end, ticks off its steps, and leaves with the closing line."""
    app = make_app(started_here=True)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("q")
        await settle(pilot)
        assert source.acts == [StopBot(bot="")]
        assert isinstance(app.screen, ClosingSheet)

        steps = (
            ClosingStep(text="95 orders cancelled", is_done=True),
            ClosingStep(text="1 position kept", is_done=False),
        )
        source.push(samples.grid(phase=GridPhase.STOPPING, closing=steps))
        await settle(pilot)
        assert "✓ 95 orders cancelled" in text(app)
        assert "○ 1 position kept" in text(app)

        source.push(BotEnded(bot=samples.BOT, exit_code=0, text="95 orders cancelled, 1 kept"))
        await settle(pilot)

    assert app.return_value.reason == "quit"
    assert app.return_value.lines == ("95 orders cancelled, 1 kept",)
    assert app.return_value.exit_code == 0


async def test_quit_live_asks_once_and_a_second_ctrl_c_is_yes(make_app, source, samples):
    """With real money the first ctrl+c asks, the second answers."""
    source._first[False] = samples.grid(mode="live", feed="live", feed_notice="")
    app = make_app(started_here=True)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("ctrl+c")
        await settle(pilot)
        assert source.acts == []

        await pilot.press("ctrl+c")
        await settle(pilot)
        assert source.acts == [StopBot(bot="")]
        source.push(BotEnded(bot=samples.BOT, exit_code=3, text="1 order may still live"))
        await settle(pilot)

    assert app.return_value.exit_code == 3


async def test_the_closing_line_may_come_after_the_list_without_its_bot(
    make_app, source, samples, monkeypatch
):
    """A list that no longer names the bot takes neither its closing line nor its exit code."""
    monkeypatch.setattr("tui.leaving.LIST_AGAIN_S", 0.01)
    app = make_app(started_here=True)
    tell = source.request

    async def tell_late(request):
        if isinstance(request, ListBots) and app.leaving.is_leaving:
            source.push(BotEnded(bot=samples.BOT, exit_code=3, text="1 order may still live"))
        return await tell(request)

    source.request = tell_late
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("q")
        await settle(pilot)

    assert app.return_value.lines == ("1 order may still live",)
    assert app.return_value.exit_code == 3


async def test_quit_leaves_bots_alone_that_were_started_elsewhere(make_app, source, samples):
    """What this terminal did not start goes on, and is named."""
    app = make_app(started_here=False)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("q")
        await settle(pilot)

    assert source.acts == [Detach()]
    assert app.return_value.reason == "quit"
    assert any(samples.BOT in line and "goes on" in line for line in app.return_value.lines)


async def test_quit_after_the_end_names_no_bot_that_goes_on(make_app, source, samples):
    """A bot that ended is over, though the last picture of it is older."""
    app = make_app(started_here=True)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        source.push(BotEnded(bot=samples.BOT, exit_code=0, text="0 orders cancelled"))
        await settle(pilot)
        await pilot.press("q")
        await settle(pilot)

    assert app.return_value.lines == ("0 orders cancelled",)


async def test_detach_leaves_the_bot_running(make_app, source, samples):
    """D says so to the engine before it leaves."""
    app = make_app(started_here=True)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("d")
        await settle(pilot)

    assert source.acts == [Detach()]
    assert app.return_value.reason == "detached"


async def test_lost_engine_is_tried_again_and_given_up_in_the_end(make_app, source):
    """A screen without an engine says so, tries again, and leaves with reason lost."""
    source.failures = 10
    app = make_app(retry_s=(0.0, 0.0))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)

    assert app.return_value.reason == "lost"
    assert len(source.watched) == 3


async def test_engine_that_comes_back_is_watched_again(make_app, source, samples, text):
    """After the connection ends the screen dims, and lives again with the next snapshot."""
    app = make_app(retry_s=(30.0,))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        source.push(None)
        await settle(pilot)
        assert "the engine does not answer" in text(app)
        assert "╱╱╱╱ 118,402.4" in text(app)

        await pilot.press("r")
        await settle(pilot)
        assert "╱╱╱╱" not in text(app)
        assert source.watched == [samples.BOT, samples.BOT]


async def test_keymap_of_a_person_changes_footer_and_key(make_app, source, text):
    """A changed key works, and the footer shows it."""
    app = make_app(keymap={"grid.cancel": "X"})
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "X cancel all" in text(app)
        await pilot.press("C")
        await settle(pilot)
        assert source.acts == []
        await pilot.press("X")
        await settle(pilot)
        assert len(source.acts) == 1


async def test_only_changed_lines_are_painted_again(make_app, source, samples):
    """A tick that moves the mid paints the lines that show it, not the ladder."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        ladder = app.suite_screen.panels["ladder"]
        before = list(ladder._strips)
        source.push(samples.grid(bid=Decimal("118402.1"), ask=Decimal("118402.9")))
        await settle(pilot)

        kept = [now is was for now, was in zip(ladder._strips, before, strict=True)]
        assert kept.count(False) == 1


def test_an_explanation_that_is_wider_than_the_screen_goes_on_below():
    """Nothing of a rule's meaning is cut off; what is short stays one line, empty ones too."""
    rule = "  exit.of_fill: the entry was filled: this sells or buys back what it brought in"
    lines = [plain_text(line) for line in why_line(rule, 40)]

    assert " ".join(line.strip() for line in lines) == rule.strip()
    assert len(lines) > 1
    assert all(len(line) <= 42 for line in lines)
    assert [plain_text(line) for line in why_line("why", 40)] == ["  why"]
    assert len(why_line("", 40)) == 1
