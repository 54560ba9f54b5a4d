"""Keys are kept in three places, come out as values that hide themselves, and are checked."""

import json
import logging
import pickle
import stat
from pathlib import Path

import pytest

from core.adapters.exchanges.ethereum import address_of, private_key
from core.adapters.keys.fields import FIELDS, check_values, fields_of
from core.adapters.keys.places import FilePlace, KeyringPlace, variable, variables
from core.adapters.keys.store import KeyStore
from core.errors import AuthError, ConfigError
from core.infrastructure.environment import check_environment
from core.infrastructure.redaction import MASK, redact

AGENT = "11" * 32
OWNER = "0x" + "ab" * 20
HYPERLIQUID = {"account": OWNER, "secret": AGENT}
BINANCE = {"key": "public-name-of-key", "secret": "canary-of-the-secret"}


class Ring:
    """A store of secrets in memory that says which backend it is."""

    def __init__(self, backend: str = "keyring.backends.SecretService") -> None:
        self.entries: dict[tuple[str, str], str] = {}
        self.kind = type("Keyring", (), {"__module__": backend})

    def get_keyring(self) -> object:
        """The backend."""
        return self.kind()

    def get_password(self, service: str, name: str) -> str | None:
        """An entry."""
        return self.entries.get((service, name))

    def set_password(self, service: str, name: str, text: str) -> None:
        """Keeps an entry."""
        self.entries[service, name] = text

    def delete_password(self, service: str, name: str) -> None:
        """Removes an entry."""
        del self.entries[service, name]


def store(folder: Path, ring: Ring | None = None, **environ: str) -> KeyStore:
    """A key store over a folder."""
    return KeyStore(environ, folder / "keys", KeyringPlace(ring or Ring("keyring.backends.fail")))


def test_what_was_kept_comes_out(tmp_path: Path):
    """The key of an agent is read back with its account."""
    keys = store(tmp_path)
    keys.keep("hyperliquid", HYPERLIQUID, keys.file)
    found = keys.credentials("hyperliquid")

    assert (found.account, found.secret.reveal()) == (OWNER, AGENT)


def test_a_file_of_keys_belongs_to_its_owner_alone(tmp_path: Path):
    """Folder 0700, file 0600; one that others can read is refused, with the way to mend it."""
    keys = store(tmp_path)
    keys.keep("binance", BINANCE, keys.file)
    file = tmp_path / "keys" / "binance.json"

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        keys.credentials("binance")


def test_a_link_in_place_of_the_file_is_refused(tmp_path: Path):
    """Nobody is led to another file."""
    keys = store(tmp_path)
    keys.keep("binance", BINANCE, keys.file)
    real = tmp_path / "keys" / "binance.json"
    real.rename(tmp_path / "elsewhere.json")
    real.symlink_to(tmp_path / "elsewhere.json")

    with pytest.raises(ConfigError, match="link"):
        keys.credentials("binance")


def test_the_environment_comes_first_then_the_keyring_then_the_file(tmp_path: Path):
    """A venue's keys come from one place as a whole."""
    ring = Ring()
    keys = store(tmp_path, ring)
    keys.keep("binance", {**BINANCE, "key": "from-file"}, keys.file)
    assert keys.credentials("binance").key == "from-file"
    keys.keep("binance", {**BINANCE, "key": "from-keyring"}, keys.keyring)
    assert keys.credentials("binance").key == "from-keyring"
    first = store(
        tmp_path, ring, CTOS_BINANCE_KEY="from-environment", CTOS_BINANCE_SECRET="the-other-secret"
    )

    assert first.credentials("binance").key == "from-environment"
    assert [(item.place, item.is_hidden) for item in first.entries()] == [
        ("environment", False),
        ("keyring", True),
        ("file", True),
    ]


def test_half_a_key_in_the_environment_is_not_completed_from_elsewhere(tmp_path: Path):
    """Two accounts are never mixed."""
    keys = store(tmp_path, CTOS_BINANCE_KEY="only-the-name")
    keys.keep("binance", BINANCE, keys.file)

    with pytest.raises(ConfigError, match="secret"):
        keys.credentials("binance")


def test_no_keys_says_how_to_give_them(tmp_path: Path):
    """The error names the command and the variable."""
    with pytest.raises(AuthError, match="ctos keys set okx"):
        store(tmp_path).credentials("okx")


def test_the_key_of_the_account_itself_is_refused(tmp_path: Path):
    """An agent can trade and not withdraw; the owner's key could do both."""
    keys = store(tmp_path)
    master = {"account": address_of(private_key(AGENT)), "secret": AGENT}

    with pytest.raises(ConfigError, match="agent"):
        keys.keep("hyperliquid", master, keys.file)
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize(
    "venue, values, field",
    [
        ("binance", {"key": "name"}, "secret"),
        ("binance", {**BINANCE, "pin": "1"}, "pin"),
        ("hyperliquid", {"account": "0x12", "secret": AGENT}, "account"),
        ("hyperliquid", {"account": OWNER, "secret": "canary-no-hex"}, "secret"),
        ("backpack", {"key": "AAAA", "secret": "AAAA"}, "key"),
        ("lighter", {"account": "7", "api_key_index": "3", "secret": "x"}, "api_key_index"),
        ("ibkr", {"account": "somebody"}, "account"),
    ],
)
def test_what_cannot_be_right_is_refused_and_not_repeated(venue, values, field):
    """The error names the field, never the value."""
    with pytest.raises(ConfigError) as caught:
        check_values(venue, values, "keys")

    assert field in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "backend", ["keyrings.alt.file", "keyring.backends.fail", "keyring.backends.null"]
)
def test_a_store_that_does_not_encrypt_is_refused(backend: str):
    """A plain file that calls itself a keyring is none."""
    place = KeyringPlace(Ring(backend))

    assert place.why_not is not None
    assert place.read("binance") is None
    with pytest.raises(ConfigError, match="--store file"):
        place.write("binance", BINANCE)


def test_removing_takes_the_keys_from_keyring_and_file(tmp_path: Path):
    """Both places are emptied, and it says which had some."""
    ring = Ring()
    keys = store(tmp_path, ring)
    keys.keep("binance", BINANCE, keys.file)
    keys.keep("binance", BINANCE, keys.keyring)

    assert keys.remove("binance") == ["keyring", "file"]
    assert keys.remove("binance") == []
    assert keys.entries() == []


def test_a_damaged_file_is_listed_with_its_fault(tmp_path: Path):
    """The list does not end at one bad file."""
    keys = store(tmp_path)
    keys.keep("binance", BINANCE, keys.file)
    keys.keep("hyperliquid", HYPERLIQUID, keys.file)
    (tmp_path / "keys" / "binance.json").write_text("[1]")
    entries = {entry.venue: entry for entry in keys.entries()}

    assert entries["binance"].fault is not None
    assert entries["hyperliquid"].fields == ("account", "secret")


def test_credentials_do_not_show_themselves(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Neither repr, format, traceback, log nor pickle gives a secret away, and sinks mask it."""
    keys = store(tmp_path)
    keys.keep("binance", BINANCE, keys.file)
    found = keys.credentials("binance")
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("story").debug("%s %r %s", found, found, f"{found.secret}")

    assert "canary" not in caplog.text + repr(found) + str([found.secret]) + json.dumps(str(found))
    assert redact(f"x={BINANCE['secret']}") == f"x={MASK}"
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(found.secret)


@pytest.mark.parametrize("venue", ["../x", "A", "", "a/b", "x" * 40, "nul\0"])
def test_a_venue_s_name_cannot_lead_elsewhere(tmp_path: Path, venue: str):
    """Names become parts of paths, so only plain ones pass."""
    with pytest.raises(ConfigError):
        FilePlace(tmp_path).read(venue)


def test_variables_of_keys_are_known_and_others_still_refused():
    """A slip in the name of a key's variable is found."""
    check_environment({"CTOS_BINANCE_SECRET": "x"}, also=variables({}))
    with pytest.raises(ConfigError):
        check_environment({"CTOS_BINANCE_SECRT": "x"}, also=variables({}))


def test_every_venue_asks_for_something_and_marks_its_secrets():
    """Whatever is called secret, passphrase or a private key is not shown while typed."""
    for venue in FIELDS:
        names = [field.name for field in fields_of(venue)]
        assert len(set(names)) == len(names)
        for field in fields_of(venue):
            assert field.is_secret == (field.name in {"secret", "passphrase", "trading_key"})
            assert variable(venue, field.name) in variables({})


def test_a_venue_through_ccxt_wants_the_keys_of_the_venue():
    """The door changes nothing of what the venue asks for; others have a key and a secret."""
    assert fields_of("ccxt-hyperliquid") == fields_of("hyperliquid")
    assert fields_of("ccxt-binance-usdm") == fields_of("binance")
    assert [field.name for field in fields_of("ccxt-kraken")][:2] == ["key", "secret"]


def test_keys_of_a_venue_through_ccxt_may_stand_in_the_environment():
    """Any name that ccxt may know, with a field that somebody reads; nothing else."""
    known = {"CTOS_CCXT_KRAKEN_SECRET": "x", "CTOS_CCXT_LIGHTER_API_KEY_INDEX": "5"}
    check_environment(known, also=variables(known))
    wrong = {"CTOS_CCXT_KRAKEN_SECRT": "x"}
    with pytest.raises(ConfigError, match="SECRT"):
        check_environment(wrong, also=variables(wrong))
