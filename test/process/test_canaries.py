"""Secrets are put in at every door of the whole program; then every byte that came out is searched.

The program runs as a process on a loopback venue that echoes keys, headers, addresses and signed
requests in its errors, with every library's log at DEBUG (`loud.py`). Nothing that it wrote, said,
drew or kept may hold a secret in any form.
"""

from __future__ import annotations

import base64
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from core.testing.venues.faults import ALWAYS, Answer, Kind
from core.testing.venues.stage import BOT, SYMBOL, LoopbackStage

pytestmark = [pytest.mark.process, pytest.mark.slow]

LOUD = Path(__file__).with_name("loud.py")
API_KEY = "kanarienvogelAPI" + "Zk3xQ9" * 8
API_SECRET = "gelber/kanari+vogel=secret&" + "w7Yt2L" * 6
AGENT = "c0ffee" + "5ca1ab1e" * 7 + "d2"
PASSPHRASE = "zwitscher+laut/und=froh"
TRADING = "beef" * 15 + "cafe"
IN_YAML = "vogelfutter-1f7Qz-in-yaml"
TYPED = "0x" + "deadbea7" * 8
CANARIES = {
    "API key": API_KEY,
    "API secret": API_SECRET,
    "agent's key": AGENT,
    "passphrase": PASSPHRASE,
    "trading key": TRADING,
    "value in YAML": IN_YAML,
    "typed key": TYPED.removeprefix("0x"),
}


def forms(secret: str) -> Iterator[tuple[str, bytes]]:
    """How a secret may look in a file: what it is called, and the bytes to look for."""
    raw = secret.encode()
    yield "plain", raw
    yield "in capitals", secret.upper().encode()
    yield "backwards", raw[::-1]
    yield "UTF-16", secret.encode("utf-16-le")
    yield "hex", raw.hex().encode()
    yield "hex in capitals", raw.hex().upper().encode()
    yield "escaped by JSON", json.dumps(secret)[1:-1].encode()
    for quoted in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield "URL-encoded", quoted.encode()
        yield "URL-encoded in small letters", quoted.lower().encode()
    for lead in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * lead + raw).rstrip(b"=")
            yield "base64", text[(lead + 1 if lead else 0) : len(text) - 1]


def leaks(found: bytes) -> list[str]:
    """Which canaries are in it, and how."""
    return [
        f"{name}, {form}"
        for name, secret in CANARIES.items()
        for form, wanted in forms(secret)
        if wanted in found
    ]


def test_every_form_of_a_canary_is_seen():
    """The search finds what it is there to find."""
    basic = base64.b64encode(f"user:{API_SECRET}".encode())

    for found in (
        API_KEY.encode(),
        quote(API_SECRET, safe="").encode(),
        API_SECRET.encode().hex().encode(),
        basic,
    ):
        assert leaks(b"some words before " + found + b" and after")
    assert leaks(b"nothing of the kind") == []


class Sinks:
    """Everything that the program says or leaves behind."""

    def __init__(self, home: Path, scratch: Path) -> None:
        self.home = home
        self.scratch = scratch
        self.said: dict[str, bytes] = {}

    def searched(self, doors: set[Path]) -> tuple[dict[str, list[str]], int]:
        """What holds a canary, and how many bytes were looked at.

        Args:
            doors: Files through which secrets were put in.
        """
        places = dict(self.said)
        for folder in (self.home, self.scratch):
            for path in sorted(folder.rglob("*")):
                if path.is_file() and not path.is_symlink() and path not in doors:
                    places[str(path)] = path.read_bytes()
                    places[f"name of {path.name}"] = str(path).encode()
        found = {name: leaks(content) for name, content in places.items()}
        return {name: what for name, what in found.items() if what}, sum(map(len, places.values()))


@pytest.fixture
def doors(ctos, tmp_path) -> set[Path]:
    """Files that hold canaries: kept keys, and a configuration with a secret in it."""
    keys = ctos.home / "keys"
    keys.mkdir(mode=0o700)
    kept = {
        "edgex": {
            "account": "77",
            "key": API_KEY,
            "secret": API_SECRET,
            "passphrase": PASSPHRASE,
            "trading_key": TRADING,
        },
    }
    written = set()
    for venue, values in kept.items():
        path = keys / f"{venue}.json"
        path.write_text(json.dumps(values))
        path.chmod(0o600)
        written.add(path)
    given = tmp_path / "given"
    given.mkdir()
    leaky = given / "leaky.yaml"
    leaky.write_text(BOT + f"  api_secret: {IN_YAML}\n")
    bare = given / "bare.yaml"
    bare.write_text(BOT.replace("name: bot", f'name: "{TRADING}"'))
    return written | {leaky, bare}


KEYRING = """
import json
from keyring.backends.SecretService import Keyring

def get_keyring():
    return Keyring()

def get_password(service, name):
    return json.dumps({values!r}) if name == "binance" else None
"""


def make_keyring(folder: Path) -> str:
    """A system's store of secrets that holds the keys of one venue; where it is imported from."""
    inside = folder / "keyring" / "backends"
    inside.mkdir(parents=True)
    values = {"key": API_KEY, "secret": API_SECRET}
    (folder / "keyring" / "__init__.py").write_text(KEYRING.format(values=values))
    (inside / "__init__.py").write_text("")
    (inside / "SecretService.py").write_text("class Keyring:\n    pass\n")
    return os.pathsep.join([str(folder), os.environ["PYTHONPATH"]])


def echo(stage: LoopbackStage) -> None:
    """The venue's errors repeat what it was sent, key and all, in every form."""
    words = (
        f"bad request: X-MBX-APIKEY: {API_KEY} secret {API_SECRET} "
        f"https://x/?apiKey={quote(API_KEY)}&secret={quote(API_SECRET, safe='')} "
        f"{base64.b64encode(f'{API_KEY}:{API_SECRET}'.encode()).decode()} "
        f"{API_SECRET.encode().hex()}"
    )
    page = Answer(f"<html>{words}</html>".encode(), 502, {"Content-Type": "text/html"})

    def arm(venue) -> None:
        faults = venue.faults
        faults.answer("create_order", Answer({"code": -2010, "msg": words}, 400), times=2)
        faults.answer("create_order", Answer({"code": -987654, "msg": words}, 400), times=2)
        faults.answer("create_order", page, times=1)
        faults.lose_answer("create_order", times=1)
        faults.answer("get_order", Answer({"code": -1000, "msg": words}, 400), times=3)
        faults.answer("get_fills", page, times=2)
        faults.answer("get_open_orders", Answer({"code": -1003, "msg": words}, 429), times=1)
        faults.answer("cancel_order", Answer({"code": -987654, "msg": words}, 400), times=3)
        faults.alter(Kind.ORDER, lambda told: {**told, "remark": words}, times=ALWAYS)

    stage.on_venue(arm)


def commands(ctos, sinks: Sinks, *rows: tuple[str, ...]) -> None:
    """Runs commands to their ends and keeps what they say."""
    for row in rows:
        done = ctos.run(*row)
        sinks.said[" ".join(row)] = (done.stdout + done.stderr).encode()


def draw(ctos, terminal: Callable[..., object], sinks: Sinks) -> None:
    """Screens: the bot, its log, its exports; every key a person may press to look or to copy."""
    screen = terminal("attach", "bot", rows=50, columns=200)
    screen.wait_text("Fills")

    def is_written() -> bool:
        """Goes from panel to panel and writes each, until files are there."""
        screen.press(b"w\t")
        screen.read(0.2)
        return len(list(ctos.home.glob("*.csv"))) > 1

    ctos.wait_for(is_written, "tables to be written")
    for keys in (b"y", b"?", b"\x1b", b"l", b"w", b"y"):
        screen.press(keys)
        screen.read(0.2)
    os.kill(screen.pid, signal.SIGTERM)
    screen.wait()
    sinks.said["the screen"] = screen.output


def test_no_secret_comes_out_anywhere(ctos, terminal, doors, tmp_path):
    """Environment, keyring, files, YAML, arguments, a venue that echoes: no sink holds a secret."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    sinks = Sinks(ctos.home, scratch)
    with LoopbackStage() as stage:
        stage.use_key(API_KEY, API_SECRET)
        stage.lead(ctos.home)
        bot = ctos.home / "bot.yaml"
        bot.write_text(BOT)
        ctos.extra = {
            "CTOS_HYPERLIQUID_ACCOUNT": "0x" + "1b" * 20,
            "CTOS_HYPERLIQUID_SECRET": AGENT,
            "PYTHONPATH": make_keyring(tmp_path / "doors"),
            "TMPDIR": str(scratch),
            "AIOHTTP_NO_EXTENSIONS": "1",
            "PYTHONASYNCIODEBUG": "1",
        }
        live = terminal("grid", bot, "--live", "--headless", "--json", "--debug", program=str(LOUD))
        live.wait_text("Type binance")
        live.press(b"binance\n")
        live.wait_text("order.filled")
        cmdline = Path(f"/proc/{live.pid}/cmdline").read_bytes()
        limits = Path(f"/proc/{live.pid}/limits").read_text()
        echo(stage)
        ctos.wait_for(
            lambda: stage.on_venue(lambda venue: sum(venue.faults.fired.values())) > 8,
            "the venue to echo",
        )
        stage.cut()
        commands(
            ctos,
            sinks,
            ("status", "--json"),
            ("doctor", "--json"),
            ("doctor", "--security"),
            ("doctor", "binance", "--json"),
            ("keys", "list"),
            ("why", "nothing", "--json"),
            ("check", str(tmp_path / "given" / "leaky.yaml")),
            ("check", str(tmp_path / "given" / "bare.yaml")),
            ("grid", f"--feed={TYPED}", str(bot)),
            ("record", "binance", SYMBOL, "--for", "1s", "--out", str(ctos.home / "tape")),
        )
        draw(ctos, terminal, sinks)
        os.kill(live.pid, signal.SIGTERM)
        live.wait()
        sinks.said["the diary and its terminal"] = live.output
        sinks.said["arguments, as ps shows them"] = cmdline
        commands(ctos, sinks, ("audit", "--live", "--json"))

    found, size = sinks.searched(doors)
    log = ctos.log()

    assert found == {}
    assert size > 100_000
    assert " DEBUG aiofastnet " in log
    assert " DEBUG asyncio " in log
    assert "[redacted]" in log
    assert list(ctos.home.glob("*.csv"))
    assert "Max core file size        0 " in limits
