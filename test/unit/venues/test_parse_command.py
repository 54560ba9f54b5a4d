"""`ctos parse`: one JSON object a line on stdout, narration on stderr, an honest exit code."""

from __future__ import annotations

import gzip
import json

import pytest

from core.errors import ConfigError, ExitCode, FeedError
from tui.cli.parse import parse

TRADE = {
    "coin": "BTC",
    "side": "A",
    "px": "60000.50",
    "sz": "0.0100",
    "time": 1737918846300,
    "tid": 7,
}
FRAME = {"channel": "trades", "data": [TRADE], "extra": 1}


def _write(path, *rows, tail: bytes = b""):
    """A recording with these rows."""
    path.write_bytes(b"\n".join(json.dumps(row).encode() for row in rows) + tail)
    return path


def test_json_lines(tmp_path, capsys):
    """Decimals are plain text, times have milliseconds, unknown is null."""
    file = _write(tmp_path / "a.jsonl", FRAME)

    assert parse("hyperliquid", "trades", file, is_json=True) == ExitCode.OK
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {
            "line": 1,
            "type": "TradeData",
            "message": "trades",
            "venue": "hyperliquid",
            "symbol": "BTC-USDC-PERP",
            "trade_id": "7",
            "price": "60000.5",
            "amount": "0.01",
            "side": "sell",
            "at": "2025-01-26T19:14:06.300Z",
            "received_at": None,
        }
    ]


def test_a_refused_message_is_said_and_counted(tmp_path, capsys):
    """What the border refuses is a line of its own, and the exit code says so."""
    bad = {"channel": "trades", "data": [{**TRADE, "px": "0"}]}
    file = _write(tmp_path / "a.jsonl", bad, FRAME)

    assert parse("hyperliquid", "trades", file, is_json=True) == ExitCode.FAILED
    captured = capsys.readouterr()
    first, second = (json.loads(line) for line in captured.out.splitlines())
    assert (first["type"], first["line"]) == ("error", 1)
    assert first["error"] == "hyperliquid trades: px should be above 0, not 0"
    assert second["type"] == "TradeData"
    assert "refused 1" in captured.err


def test_text_and_gzip(tmp_path, capsys):
    """Without --json a person reads names and values; `.gz` is unpacked."""
    file = tmp_path / "a.jsonl.gz"
    file.write_bytes(gzip.compress(json.dumps(FRAME).encode()))

    assert parse("hyperliquid", "all", file, is_json=False) == ExitCode.OK
    out = capsys.readouterr().out
    assert out.startswith("     1 TradeData message=trades venue=hyperliquid symbol=BTC-USDC-PERP")
    assert "price=60000.5" in out


def test_a_missing_or_damaged_file_is_an_error(tmp_path):
    """No file is a bad argument, a truncated archive a bad recording."""
    with pytest.raises(ConfigError, match="there is no file"):
        parse("okx", "trades", tmp_path / "none.jsonl", is_json=True)
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(b"x" * 10_000)[:-12])
    with pytest.raises(FeedError, match="is damaged"):
        parse("okx", "trades", cut, is_json=True)
    with pytest.raises(ConfigError, match="cannot be read"):
        parse("okx", "trades", tmp_path, is_json=True)
