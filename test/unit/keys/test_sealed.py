"""Keys under a passphrase: nothing on the disk tells of them, only the words open them."""

import json
from pathlib import Path

import pytest

from core.adapters.keys import places
from core.adapters.keys import sealed as module
from core.adapters.keys.places import FilePlace
from core.adapters.keys.sealed import COST, Cost, is_sealed, seal, unseal
from core.adapters.keys.store import KeyStore
from core.errors import ConfigError

WORDS = "correct horse battery staple"
BINANCE = {"key": "public-name-of-key", "secret": "canary-of-the-secret"}


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A try costs next to nothing here."""
    monkeypatch.setattr(module, "COST", Cost(n=1 << 4))


def sealed(venue: str = "binance", words: str = WORDS) -> dict[str, object]:
    """A sealed document that is quick to open."""
    document: dict[str, object] = json.loads(seal(venue, BINANCE, words))
    return document


def store(folder: Path, words: str | None = WORDS) -> KeyStore:
    """A key store over a folder, where a person answers so."""
    return KeyStore({}, folder / "keys", passphrase=lambda _venue: words)


def test_the_same_words_open_it():
    """What was sealed comes out, letter for letter."""
    assert unseal("binance", sealed(), WORDS, "file") == BINANCE


@pytest.mark.parametrize("words", ["correct horse battery stapl", "", WORDS.upper()])
def test_other_words_do_not(words: str):
    """One error, which repeats neither the words nor a value, and says what to do."""
    with pytest.raises(ConfigError, match="does not open") as caught:
        unseal("binance", sealed(), words, "file")
    assert "canary" not in str(caught.value)
    assert not words or words not in str(caught.value)


def test_a_file_of_another_venue_does_not_open():
    """Keys cannot be put under another name by who can write the folder."""
    with pytest.raises(ConfigError, match="does not open"):
        unseal("bybit", sealed("binance"), WORDS, "file")


@pytest.mark.parametrize("name", ["salt", "nonce", "values"])
def test_a_changed_file_does_not_open(name: str):
    """One changed letter is enough."""
    document = sealed()
    text = str(document[name])
    document[name] = ("B" if text[0] == "A" else "A") + text[1:]
    with pytest.raises(ConfigError, match="does not open"):
        unseal("binance", document, WORDS, "file")


@pytest.mark.parametrize(
    "change",
    [
        {"sealed": 2},
        {"n": 1 << 30},
        {"n": 3},
        {"r": 0},
        {"p": 1_000},
        {"n": "much"},
        {"salt": "?"},
        {"nonce": "AAAA"},
        {"values": 7},
    ],
)
def test_a_file_that_asks_for_nonsense_is_refused(change: dict[str, object]):
    """Before a byte of memory is taken for it."""
    with pytest.raises(ConfigError, match="no sealed file that this ctos can read"):
        unseal("binance", sealed() | change, WORDS, "file")


def test_two_seals_of_the_same_have_nothing_in_common():
    """Salt and nonce are new each time."""
    one, two = sealed(), sealed()
    assert all(one[name] != two[name] for name in ("salt", "nonce", "values"))


def test_a_try_costs_what_was_meant():
    """128 MiB of memory for each passphrase that somebody tries (RFC 7914's own measure)."""
    assert 128 * COST.n * COST.r * COST.p == 128 << 20
    assert COST.is_sound


def test_a_short_passphrase_is_refused(tmp_path: Path):
    """And nothing is kept."""
    with pytest.raises(ConfigError, match="at least 12 characters"):
        store(tmp_path).keep_sealed("binance", BINANCE, "short")
    assert not (tmp_path / "keys").exists()


def test_no_value_reaches_the_disk_in_the_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Neither in the file nor in one that is written on the way to it."""
    written: list[str] = []
    write = places.write_atomic

    def watched(path: Path, content: str) -> None:
        written.append(content)
        write(path, content)

    monkeypatch.setattr(places, "write_atomic", watched)
    store(tmp_path).keep_sealed("binance", BINANCE, WORDS)
    text = (tmp_path / "keys" / "binance.json").read_text("utf-8")
    assert is_sealed(json.loads(text))
    assert written == [text]
    assert "canary" not in text
    assert WORDS not in text


def test_sealed_keys_are_read_when_the_words_are_given(tmp_path: Path):
    """As any other keys."""
    store(tmp_path).keep_sealed("binance", BINANCE, WORDS)
    assert store(tmp_path).credentials("binance").secret.reveal() == BINANCE["secret"]


def test_without_anybody_to_ask_they_stay_sealed(tmp_path: Path):
    """The error names the variable that stands in for a person."""
    store(tmp_path).keep_sealed("binance", BINANCE, WORDS)
    with pytest.raises(ConfigError, match="nobody to ask") as caught:
        store(tmp_path, None).credentials("binance")
    assert "CTOS_KEYS_PASSPHRASE" in (caught.value.remedy or "")


def test_a_list_of_keys_asks_nobody(tmp_path: Path):
    """It says that they are sealed, and nothing of what is inside."""
    asked: list[str] = []
    keys = KeyStore({}, tmp_path / "keys", passphrase=lambda venue: asked.append(venue) or WORDS)
    keys.keep_sealed("binance", BINANCE, WORDS)
    (entry,) = keys.entries()
    assert (entry.venue, entry.is_sealed, entry.fields, entry.fault) == ("binance", True, (), None)
    assert not asked


def test_an_open_file_is_not_taken_for_a_sealed_one(tmp_path: Path):
    """Nobody is asked for a passphrase where none is needed."""
    place = FilePlace(tmp_path)
    place.write("binance", BINANCE)
    assert not place.is_sealed("binance")
    assert place.read("binance") == BINANCE
