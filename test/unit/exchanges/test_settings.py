"""Where venues are, and what a file may put in its place."""

import pytest

from core.adapters.exchanges.settings import Address, load_settings, settings_of
from core.errors import ConfigError

ADDRESSES = {
    "rest": Address(main="https://venue.example", test="https://test.venue.example"),
    "public": Address(main="wss://venue.example/ws"),
}


def written(folder, text):
    """A folder with a file of a venue."""
    (folder / "exchanges").mkdir()
    (folder / "exchanges" / "venue.yaml").write_text(text, encoding="utf-8")
    return (folder,)


def test_without_a_file_the_venue_is_where_it_is():
    """Its own addresses and no proxy."""
    found = settings_of(ADDRESSES)

    assert dict(found.urls) == {"rest": "https://venue.example", "public": "wss://venue.example/ws"}
    assert found.proxy is None


def test_every_address_can_be_another(tmp_path):
    """What the file leaves out stays; a proxy comes with it."""
    folders = written(
        tmp_path,
        "exchange:\n  urls:\n    rest: http://127.0.0.1:8080/\n  proxy: socks5://127.0.0.1:1080\n",
    )
    found = load_settings("venue", ADDRESSES, folders)

    assert found.urls["rest"] == "http://127.0.0.1:8080"
    assert found.urls["public"] == "wss://venue.example/ws"
    assert str(found.proxy) == "socks5://127.0.0.1:1080"


def test_the_first_folder_with_a_file_counts(tmp_path):
    """The user's own before the shipped one."""
    own, shipped = tmp_path / "own", tmp_path / "shipped"
    for folder, port in ((own, 1), (shipped, 2)):
        folder.mkdir()
        written(folder, f"exchange:\n  urls:\n    rest: http://127.0.0.1:{port}\n")

    assert load_settings("venue", ADDRESSES, (own, shipped)).urls["rest"].endswith(":1")


@pytest.mark.parametrize(
    "text, says",
    [
        ("exchange:\n  urls:\n    rests: http://h\n", "Did you mean 'rest'"),
        ("exchange:\n  urls:\n    rest: venue.example\n", "is no address"),
        ("exchange:\n  proxy: nonsense\n", "a proxy is written as"),
        ("exchange:\n  is_testnet: true\n", "no test network"),
        ("exchange:\n  colour: red\n", "colour"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(tmp_path, text, says):
    """File, key and the way out."""
    with pytest.raises(ConfigError, match=says) as caught:
        load_settings("venue", ADDRESSES, written(tmp_path, text))

    assert "venue.yaml" in str(caught.value)
