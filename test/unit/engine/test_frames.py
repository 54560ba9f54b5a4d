import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.engine import frames
from core.engine.protocol import (
    Act,
    AskBot,
    BotEnded,
    Bots,
    DiaryLine,
    Hello,
    ListBots,
    Refused,
    StartBot,
    Welcome,
)
from core.services.grid.view import SlotRows, Surroundings, grid_snapshot
from core.services.portfolio.snapshot import BotRow
from core.testing.grid_story import GridStory
from core.testing.grids import TWENTY

AT = datetime(2026, 11, 21, 10, 0, 0, 123456, tzinfo=UTC)
WORDS = [
    Hello(protocol=1, version="0.1.0"),
    Welcome(protocol=1, version="0.1.0", mode="paper", pid=7, notices=("safe mode",)),
    StartBot(app="grid", path="/a.yaml", text="grid_system: {}", seed=3, duration_s=1.5),
    AskBot(bot="btc", act=Act.PAUSE, request_id="1"),
    ListBots(),
    Refused(message="no", remedy="yes", exit_code=2, code="X"),
    Bots(
        bots=(
            BotRow(
                name="btc",
                app="grid",
                venue="paper",
                symbol="BTC-USDC-PERP",
                state="running",
                is_running=True,
                started_at=AT,
                pnl=Decimal("-1.50"),
                risk_used=None,
            ),
        ),
        risk_state="ACTIVE",
        engine_pid=9,
        mode="paper",
    ),
    DiaryLine(
        bot="btc", at=AT, event="order.filled", fields=(("level", 3), ("fee", "0.1"), ("x", None))
    ),
    BotEnded(bot="btc", exit_code=0, text="done", summary=(("fills", 3), ("residual", "0"))),
]


@pytest.mark.parametrize("word", WORDS, ids=lambda word: type(word).__name__)
def test_what_is_said_is_what_is_heard(word: frames.Word):
    """Every word arrives equal to what was sent, with types and the request's id."""
    frame = frames.encode(word, 5)

    assert frames.decode(frame[4:]) == (5, word)
    assert int.from_bytes(frame[:4], "big") == len(frame) - 4


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x00", b"hello", b"\x93\xa5Never\x00\xc0", b"\x93\xa8ListBots\x00\xc0"],
    ids=["empty", "number", "text", "unknown word", "wrong body"],
)
def test_what_is_no_word_is_refused(raw: bytes):
    """Bytes that are no frame of the protocol raise and nothing else."""
    with pytest.raises(frames.FrameError):
        frames.decode(raw)


async def test_a_frame_too_long_is_refused_before_it_is_read():
    """A length beyond the limit is refused without waiting for the bytes."""
    reader = asyncio.StreamReader()
    reader.feed_data((frames.MAX_FRAME + 1).to_bytes(4, "big"))

    with pytest.raises(frames.FrameError):
        await frames.read(reader)


async def test_the_end_of_the_connection_is_no_word():
    """A connection that ends, even in the middle of a frame, gives None."""
    reader = asyncio.StreamReader()
    reader.feed_data(frames.encode(ListBots())[:6])
    reader.feed_eof()

    assert await frames.read(reader) is None


def test_a_picture_that_reuses_rows_is_the_same_to_whoever_hears_it():
    """It cannot be told whether a row was encoded now or for a picture before."""
    settings = replace(TWENTY, lower_price=Decimal(80), upper_price=Decimal(100))
    story, rows, encoder = GridStory(settings), SlotRows(), frames.PictureEncoder()
    around = Surroundings(bot="b", mode="paper")
    for price in ("99.5", "98.9", "97.9", "97.9", "100.2", "80.5"):
        story.price(price, after_s=0.1)
        for _ in range(2):
            picture = grid_snapshot(story.machine, story.now_ns, around, rows)
            assert frames.decode(encoder.encode(picture)[4:]) == (0, picture)
