"""Editing a running grid from the screen: the text, what it would change, the question."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from textual.widgets import TextArea

from core.adapters.exchanges.models import OrderSide
from core.engine.protocol import (
    ConfigText,
    EditBot,
    EditShown,
    Explained,
    ExplainOrder,
    ListOrders,
    OrderRow,
    Orders,
    ProfitShown,
    ReadConfig,
    ReadProfit,
    Refused,
)
from core.services.execution.snapshot import ExplainedFill, Explanation
from core.services.grid.snapshot import (
    EditDiff,
    EditLine,
    GridProfit,
    KeptHolding,
    KeyChange,
    SlotProfit,
    TripRow,
)
from tui.modals.confirm import ConfirmSheet, TypedSheet
from tui.modals.edit import EditSheet, edited_outside

TEXT = 'grid_system:\n  order_amount: "0.002"\n'
WANTED = 'grid_system:\n  order_amount: "0.003"\n'
DIFF = EditDiff(
    cancel=(
        EditLine(
            level=3,
            leg="entry",
            side=OrderSide.BUY,
            price=Decimal(116100),
            amount=Decimal("0.002"),
            client_order_id="c1E1",
        ),
    ),
    keep=(),
    place=(
        EditLine(
            level=3,
            leg="entry",
            side=OrderSide.BUY,
            price=Decimal(116100),
            amount=Decimal("0.003"),
        ),
    ),
    kept_holdings=(
        KeptHolding(
            level=100,
            entry_price=Decimal(118000),
            exit_price=Decimal(118060),
            amount=Decimal("0.002"),
        ),
    ),
    capital_before=Decimal(200),
    capital_after=Decimal(300),
    exposure_before=Decimal("0.2"),
    exposure_after=Decimal("0.3"),
    changes=(KeyChange(key="grid_system.order_amount", before="0.002", after="0.003"),),
    notices=("Its lines stay.",),
    quote="USDC",
    base="BTC",
)


async def settle(pilot):
    """Until workers and sheets have come to rest."""
    for _ in range(4):
        await pilot.pause()


@pytest.fixture
def edited(source, samples):
    """An engine that knows the configuration and what the text would change."""
    source.replies[ReadConfig] = ConfigText(bot=samples.BOT, path="/grid.yaml", text=TEXT)
    source.replies[EditBot] = EditShown(bot=samples.BOT, diff=DIFF, is_applied=False)
    return source


async def test_e_opens_the_text_that_the_bot_runs_with(make_app, edited, text):
    """Nothing is asked of the engine but its configuration."""
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)

        assert isinstance(app.screen, EditSheet)
        assert app.screen.query_one(TextArea).text == TEXT
        assert "/grid.yaml" in text(app)
        assert [type(request) for request in edited.acts] == [ReadConfig]


async def test_the_difference_is_shown_before_anything_changes(make_app, edited, text):
    """Keys, orders, capital and exposure stand in the question; escape changes nothing."""
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)
        app.screen.query_one(TextArea).text = WANTED
        await pilot.press("ctrl+s")
        await settle(pilot)

        assert isinstance(app.screen, ConfirmSheet)
        shown = text(app)
        for words in (
            "order_amount: 0.002 → 0.003",
            "1 orders cancelled, 0 kept, 1 placed",
            "cancel  buy 0.002 @ 116100",
            "capital 200 → 300 USDC (+100)",
            "all filled 0.2 → 0.3 BTC (+0.1)",
            "left over: 0.002 BTC are sold at 118060",
            "Its lines stay.",
        ):
            assert words in shown
        await pilot.press("escape")
        await settle(pilot)
        asked = [request for request in edited.acts if isinstance(request, EditBot)]
        assert [request.is_applied for request in asked] == [False]
        assert asked[0].text == WANTED


async def test_yes_applies_the_text(make_app, edited, samples, text):
    """After `y` the same text goes to the engine in earnest, and what it did is said."""
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)
        app.screen.query_one(TextArea).text = WANTED
        await pilot.press("ctrl+s")
        await settle(pilot)
        await pilot.press("y")
        await settle(pilot)

        asked = [request for request in edited.acts if isinstance(request, EditBot)]
        assert [(request.text, request.is_applied) for request in asked] == [
            (WANTED, False),
            (WANTED, True),
        ]
        assert f"{samples.BOT} is edited" in text(app)


async def test_a_refused_text_comes_back_with_the_reason(make_app, edited, text):
    """The running grid is untouched, and what was typed is not lost."""
    edited.replies[EditBot] = Refused(
        message="grid.yaml:2: grid_system.order_amount: must be a plain number.", exit_code=2
    )
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)
        app.screen.query_one(TextArea).text = WANTED
        await pilot.press("ctrl+s")
        await settle(pilot)

        assert isinstance(app.screen, EditSheet)
        assert app.screen.query_one(TextArea).text == WANTED
        assert "must be a plain number" in text(app)


async def test_a_text_that_was_left_is_there_again(make_app, edited):
    """Escape changes nothing and forgets nothing."""
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)
        app.screen.query_one(TextArea).text = WANTED
        await pilot.press("escape")
        await settle(pilot)
        assert not isinstance(app.screen, EditSheet)
        await pilot.press("e")
        await settle(pilot)

        assert app.screen.query_one(TextArea).text == WANTED


async def test_real_money_wants_the_word_typed(make_app, edited, samples):
    """Live, an edit is one level graver."""
    edited._first[False] = samples.grid(mode="live")
    app = make_app(mode="live")
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)
        app.screen.query_one(TextArea).text = WANTED
        await pilot.press("ctrl+s")
        await settle(pilot)

        assert isinstance(app.screen, TypedSheet)


async def test_a_terminal_that_only_reads_edits_nothing(make_app, edited, text):
    """The key answers with its reason."""
    app = make_app(read_only=True)
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)

        assert not isinstance(app.screen, EditSheet)
        assert edited.acts == []


def test_an_editor_of_ones_own_gets_a_copy(tmp_path):
    """What it leaves is the text; the copy is gone afterwards."""

    class Lent:
        """A terminal that can be lent."""

        def suspend(self):
            from contextlib import nullcontext

            return nullcontext()

    assert edited_outside(Lent(), "sed -i s/0.002/0.003/", "bot", TEXT) == WANTED


async def test_enter_says_why_an_order_is(make_app, source, samples, text):
    """The rule, the age of its price, and what came of it stand in the sheet."""
    now = samples.NOW
    source.replies[ListOrders] = Orders(
        orders=tuple(
            OrderRow(
                client_order_id="c1X7",
                order_id="v9",
                level=level,
                role="entry",
                side="buy",
                price=Decimal(118380),
                amount=Decimal("0.002"),
                filled=Decimal("0.002"),
                state="FILLED",
                reason="entry.after_exit",
                created_at=now,
                updated_at=now,
            )
            for level in range(1, 100)
        )
    )
    source.replies[ExplainOrder] = Explained(
        explanation=Explanation(
            bot=samples.BOT,
            venue="lighter",
            symbol="BTC-USDC-PERP",
            client_order_id="c1X7",
            order_id="v9",
            at=now,
            rule="entry.after_exit",
            inputs=(("bid", "118390"), ("price_age_ms", "28")),
            leg="entry",
            side="buy",
            price=Decimal(118380),
            amount=Decimal("0.002"),
            level=41,
            state="FILLED",
            fills=(
                ExplainedFill(
                    at=now,
                    price=Decimal(118380),
                    amount=Decimal("0.002"),
                    fee=Decimal("0.0237"),
                    trade_id="t1",
                    is_maker=True,
                ),
            ),
            outcome="0.002 of 0.002 filled.",
        )
    )
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("down", "enter")
        await settle(pilot)
        await settle(pilot)
        shown = text(app)

        assert [r.order for r in source.asked if isinstance(r, ExplainOrder)] == ["c1X7"]
        assert "entry.after_exit: the round trip is closed" in shown
        assert "age of price" in shown
        assert "0.002 of 0.002 filled." in shown


async def test_m_shows_where_the_result_comes_from(make_app, source, samples, text):
    """Sums, slots and round trips, and how long the rates were measured."""
    profit = GridProfit(
        result=samples.RESULT,
        slots=(
            SlotProfit(
                level=41,
                entry_price=Decimal(118380),
                exit_price=Decimal(118440),
                round_trips=3,
                realized=Decimal("0.36"),
                fees=Decimal("0.14"),
                holds=Decimal("0.002"),
                unrealized=Decimal("0.04"),
            ),
        ),
        trips=(
            TripRow(
                level=41,
                entry_price=Decimal(118380),
                exit_price=Decimal(118440),
                amount=Decimal("0.002"),
                gross=Decimal("0.12"),
                fees=Decimal("0.0474"),
                net=Decimal("0.0726"),
                opened_at=samples.NOW - timedelta(minutes=7),
                closed_at=samples.NOW,
            ),
        ),
        capital=Decimal(23_000),
        quote="USDC",
        base="BTC",
    )
    source.replies[ReadProfit] = ProfitShown(bot=samples.BOT, profit=profit)
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("m")
        await settle(pilot)
        shown = text(app)

        assert "29.4% over 3d04h" in shown
        assert "+0.0726" in shown
        assert "7m" in shown


def test_a_protection_is_as_wide_as_its_room(samples, look):
    """The nearer the edge, the less is said; the state always is."""
    from tui.presentation import grid
    from tui.presentation.cells import line_width, plain_text

    for view in samples.PROTECTIONS:
        for cells in (28, 36, 44, 60, 100):
            line = grid.protection_line(view, samples.grid(), cells, look)
            assert line_width(line) <= cells
            assert look.words(f"guard.stage.{view.state}") in plain_text(line)
    wide = plain_text(grid.protection_line(samples.PROTECTIONS[0], samples.grid(), 100, look))
    assert "−1.8% at 116,250 for 300 s" in wide
    scalping = samples.PROTECTIONS[3]
    assert "at 117,360.0 −0.9% begins at level 24" in plain_text(
        grid.protection_line(scalping, samples.grid(), 100, look)
    )
    fired = replace(samples.PROTECTIONS[0], state="triggered")
    assert "FIRED" in plain_text(grid.protection_line(fired, samples.grid(), 36, look))


def test_protections_that_are_off_share_one_line(samples, look):
    """What may act comes first, what is off comes last."""
    from tui.presentation import grid
    from tui.presentation.cells import plain_text

    lines = [plain_text(line) for line in grid.guard_lines(samples.grid(), 44, look)]

    assert lines[0].startswith(" stop loss")
    assert lines[-1].split() == ["off", "take", "profit,", "capital"]
