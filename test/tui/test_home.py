"""The home screen: what keys ask for, where they lead, what it says."""

from dataclasses import replace
from datetime import timedelta

import pytest
from textual.command import CommandPalette

from core.engine.protocol import (
    Act,
    AskBot,
    BotStarted,
    DiaryLine,
    Kill,
    KillStage,
    ListRequests,
    Reconnect,
    RequestRow,
    Requests,
    StartBot,
    StopBot,
)
from core.services.portfolio.snapshot import LogRow, RunOptions
from tui.modals.confirm import ConfirmSheet, TypedSheet
from tui.modals.lists import ListSheet
from tui.palette import SuiteCommands

SIZE = (120, 36)


async def settle(pilot):
    """Until everything that was posted has been handled and painted."""
    for _ in range(8):  # a busy machine needs more turns than a quiet one
        await pilot.pause()


async def test_home_begins_where_no_bot_is_named(make_app, source, text):
    """Without a bot the screen watches home and shows bots, doors and holdings."""
    app = make_app(bot=None)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)

        assert source.watched == [None]
        shown = text(app)
        assert "▶ grid lighter BTC-USDC-PERP" in " ".join(shown.split())
        assert "edgex: closed by venue 1006, 3rd try in 4 s" in shown
        assert "free margin 9,402.10" in shown
        assert "Alerts" not in shown


async def test_empty_home_tells_what_to_do_first(make_app, source, samples, text):
    """No blank tables: three lines of words."""
    source._first[True] = samples.home(**samples.EMPTY_HOME)
    app = make_app(bot=None)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)

        shown = text(app)
        assert "No grids yet." in shown
        assert "ctos grid config/grid/lighter-long-btc.yaml" in shown
        assert "No venue is connected." in shown


async def test_enter_opens_the_grid_under_the_cursor(make_app, source, samples):
    """The second bot's grid is watched after down and enter; escape leads home again."""
    source._first[False] = samples.grid(bot="eth")
    app = make_app(bot=None)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("down", "enter")
        await settle(pilot)
        assert app.screen_name == "grid"
        assert source.watched == [None, "eth"]

        await pilot.press("escape")
        await settle(pilot)
        assert app.screen_name == "home"
        assert source.watched[-1] is None


async def test_digits_switch_screens_that_exist(make_app):
    """2 shows the grid, 1 home, l the log; 3 has no room yet and does nothing."""
    app = make_app(bot=None)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key, wanted in (("2", "grid"), ("3", "grid"), ("l", "log"), ("1", "home")):
            await pilot.press(key)
            await settle(pilot)
            assert app.screen_name == wanted


async def test_pause_and_stop_mean_the_chosen_bot(make_app, source, samples):
    """P and S act on the row under the cursor; a paused bot is resumed."""
    app = make_app(bot=None)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("p", "down", "p", "S")
        await settle(pilot)

        assert source.acts == [
            AskBot(bot=samples.BOT, act=Act.PAUSE, request_id="id1"),
            AskBot(bot="eth", act=Act.RESUME, request_id="id2"),
            StopBot(bot="eth"),
        ]


async def test_a_second_key_means_the_same_bot_after_its_row_has_moved(make_app, source, samples):
    """A bot that was stopped sinks below those that run; the cursor goes along with it."""
    app = make_app(bot=None)
    first, second = samples.BOTS[:2]
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("S")
        await settle(pilot)
        stopped = replace(first, is_running=False, state="stopped")
        source.push(samples.home(bots=(second, stopped)))
        await settle(pilot)

        assert app.acting.acting_on() == first.name
        await pilot.press("S")
        await settle(pilot)
        assert source.acts == [StopBot(bot=first.name)]


async def test_run_starts_a_stopped_bot_from_its_file(make_app, source, samples, tmp_path):
    """R sends the file's text and what was said beside it; the bot ends with this terminal."""
    path = tmp_path / "sol.yaml"
    path.write_text("grid_system: {}\n")
    said = RunOptions(feed="sim:7", speed="60", seed=3, symbol="SOLUSDC", interval="5m")
    bots = (replace(samples.BOTS[2], config_path=str(path), options=said),)
    source._first[True] = samples.home(bots=bots)
    source.replies[StartBot] = BotStarted(name="sol", bot_id="x")
    app = make_app(bot=None)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("R")
        await settle(pilot)

        assert source.acts == [
            StartBot(
                app="grid",
                path=str(path),
                text="grid_system: {}\n",
                feed="sim:7",
                speed="60",
                seed=3,
                symbol="SOLUSDC",
                interval="5m",
            )
        ]
        assert app.leaving.started == {"sol"}


async def test_run_live_needs_a_typed_word(make_app, source, samples, tmp_path, seconds):
    """Starting with real money is never one key away."""
    path = tmp_path / "sol.yaml"
    path.write_text("grid_system: {}\n")
    bots = (replace(samples.BOTS[2], config_path=str(path)),)
    source._first[True] = samples.home(mode="live", bots=bots)
    app = make_app(bot=None)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("R")
        await settle(pilot)
        assert type(app.screen) is TypedSheet
        seconds.now += 3
        await pilot.press(*"live", "enter")
        await settle(pilot)

        assert [request.is_live for request in source.acts] == [True]


async def test_run_of_a_running_bot_says_why_not(make_app, source, samples, text):
    """A key that cannot work now answers with its reason."""
    app = make_app(bot=None)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("R")
        await settle(pilot)

        assert source.acts == []
        assert f"{samples.BOT} runs already" in text(app)


async def test_flatten_means_the_bot_that_holds_the_position(make_app, source, samples):
    """F asks about the holder of the chosen position."""
    app = make_app(bot=None)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("F")
        await settle(pilot)
        assert isinstance(app.screen, ConfirmSheet)
        await pilot.press("y")
        await settle(pilot)

        assert source.acts == [AskBot(bot=samples.BOT, act=Act.FLATTEN, request_id="id1")]


async def test_flatten_leaves_alone_what_no_bot_holds(make_app, source, samples, text):
    """A position that ctos did not make is never closed."""
    source._first[True] = samples.home(bots=())
    app = make_app(bot=None)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("F")
        await settle(pilot)

        assert source.acts == []
        assert "no bot of this engine holds it" in text(app)


async def test_reconnect_means_the_chosen_venue(make_app, source):
    """R tries the venue under the cursor of its table."""
    app = make_app(bot=None)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app.suite_screen.panels["venues"].focus()
        await pilot.press("down", "r")
        await settle(pilot)

        assert source.acts == [Reconnect(venue="edgex")]


async def test_halt_from_home_shows_orders_and_positions_that_are_left(make_app, source, text):
    """K works here too, and counts what the venues say."""
    app = make_app(bot=None)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("K")
        await settle(pilot)

        assert source.acts == [Kill(stage=KillStage.HALT)]
        assert "96 open orders" in text(app)
        assert "position +0.0120 BTC-USDC-PERP (lighter)" in text(app)


async def test_palette_opens_and_closes(make_app):
    """: lays it over the screen, escape takes it away."""
    app = make_app(bot=None)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("colon")
        await settle(pilot)
        assert isinstance(app.screen, CommandPalette)
        await pilot.press("escape")
        await settle(pilot)
        assert not isinstance(app.screen, CommandPalette)


async def test_palette_finds_bots_themes_and_acts_by_name(make_app, source):
    """Entries stand under a prefix; a paused bot offers resume and leads to the same act."""
    app = make_app(bot=None)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        entries = {entry.text: entry for entry in SuiteCommands(app.screen).entries()}
        entries["grid: resume lighter ETH-USDC-PERP"].run()
        await settle(pilot)

        assert source.acts == [AskBot(bot="eth", act=Act.RESUME, request_id="id1")]
        assert {text.split(":")[0] for text in entries} == {
            "go",
            "grid",
            "risk",
            "venue",
            "view",
            "theme",
            "help",
        }
        assert "theme: ctos-contrast" in entries
        assert "go: lighter BTC-USDC-PERP" in entries
        assert "risk: halt all  K  (asks first)" in entries


async def test_palette_of_a_reader_has_no_acts(make_app):
    """What a terminal may not do is not offered."""
    app = make_app(bot=None, read_only=True)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        groups = {entry.text.split(":")[0] for entry in SuiteCommands(app.screen).entries()}

    assert not groups & {"grid", "risk", "venue"}


async def test_a_theme_that_does_not_exist_is_named(make_app):
    """The screen opens in the usual one and says so."""
    app = make_app(bot=None, display={"theme": "ctos-drak"})
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)

    assert app.theme == "ctos-dark"
    assert "ctos-drak" in app.said.text


async def test_y_copies_what_the_panel_had_no_room_for(make_app, source, samples):
    """A name that ends in an ellipsis on the screen is whole in the clipboard."""
    row = replace(samples.BOTS[0], symbol="ABCDEFGHIJKL-USDC-PERP")
    source.push(samples.home(bots=(row,)))
    app = make_app(bot=None)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("y")
        await settle(pilot)

    assert "ABCDEFGHIJKL-USDC-PERP" in app.clipboard


async def test_theme_changes_at_once(make_app):
    """A theme from the list paints the panels again."""
    app = make_app(bot=None)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        dark = app.paint.style("up").color
        app.set_theme("ctos-light")
        await settle(pilot)
        assert app.paint.style("up").color != dark


async def test_red_up_swaps_what_rises_and_what_falls(make_app):
    """display.up_is: red is a swap of two meanings, in every theme."""
    western, chinese = make_app(bot=None), make_app(bot=None, display={"up_is": "red"})
    async with western.run_test(size=SIZE):
        up, down = western.paint.style("up").color, western.paint.style("down").color
    async with chinese.run_test(size=SIZE):
        assert chinese.paint.style("up").color == down
        assert chinese.paint.style("down").color == up


async def test_requests_list_opens_over_everything(make_app, source, samples, text):
    """ctrl+r shows the last calls to venues; escape closes."""
    row = RequestRow(
        at=samples.NOW,
        venue="lighter",
        method="create_order",
        detail="buy 0.0020 @ 118380.0",
        weight=1,
        took_ms=42.0,
        answer="accepted",
    )
    source.replies[ListRequests] = Requests(requests=(row,))
    app = make_app(bot=None)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("ctrl+r")
        await settle(pilot)
        await settle(pilot)
        assert isinstance(app.screen, ListSheet)
        assert "create_order" in text(app)
        assert "42ms" in text(app)
        await pilot.press("escape")
        await settle(pilot)
        assert not isinstance(app.screen, ListSheet)


async def test_log_takes_each_line_once_and_filters_errors(make_app, source, samples, text):
    """Lines of snapshot, log and diary join; e leaves warnings and errors."""
    app = make_app(bot=None)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        at = samples.NOW + timedelta(seconds=1)
        source.push(LogRow(at=at, level="error", source="journal", text="journal.full"))
        fields = (("by", "you"), ("maker", True), ("level", None))
        source.push(DiaryLine(bot="eth", at=at, event="grid.paused", fields=fields))
        source.push(samples.home())
        await settle(pilot)
        assert text(app).count("journal.full") == 1
        assert text(app).count("grid.paused by=you maker=yes level=—") == 1
        assert text(app).count("reconciled open=95") == 1

        await pilot.press("e")
        await settle(pilot)
        assert "reconciled" not in text(app)
        assert "journal.full" in text(app)


async def test_log_is_in_order_whichever_stream_was_first(make_app, source, samples):
    """Older lines that come later stand below newer ones."""
    app = make_app(bot=None)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        old = samples.NOW - timedelta(hours=1)
        source.push(LogRow(at=old, level="info", source="x", text="long.ago"))
        await settle(pilot)

        times = [row.at for row in app.diary.rows]
        assert times == sorted(times, reverse=True)
        assert times[-1] == old


async def test_log_screen_can_stand_still(make_app, source, samples, text):
    """Space pauses the picture of the log, and says so; the engine goes on."""
    app = make_app(bot=None)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("l")
        await settle(pilot)
        await pilot.press("space")
        await settle(pilot)
        assert "picture paused" in text(app)
        source.push(LogRow(at=samples.NOW, level="info", source="x", text="came.later"))
        await settle(pilot)
        assert "came.later" not in text(app)
        await pilot.press("space")
        await settle(pilot)
        assert "came.later" in text(app)
        assert source.acts == []


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_frames_close_in_every_language(make_app, text, language):
    """Wide characters take two cells, so every row of a panel ends at its frame."""
    from tui.presentation.cells import width

    app = make_app(bot=None, display={"language": language})
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        rows = text(app).splitlines()

    assert {width(row) for row in rows} == {SIZE[0]}
    assert all(row.endswith(("│", "╮", "╯")) for row in rows[1:34])


async def test_cursor_stays_on_its_row_when_rows_are_sorted_again(make_app, source, samples):
    """The cursor follows the bot, not the place."""
    app = make_app(bot=None)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("down")
        await settle(pilot)
        assert app.acting.chosen_bot.name == "eth"
        source.push(samples.home(bots=tuple(reversed(samples.BOTS))))
        await settle(pilot)
        assert app.acting.chosen_bot.name == "eth"
