"""Keys as values that do not show themselves."""

import copy
import pickle

import pytest

from core.adapters.exchanges.credentials import Credentials, Secret

WORD = "hidden-word-4711"


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        "%s".__mod__,
        lambda s: repr([s]),
        lambda s: f"{s!r}",
    ],
)
def test_a_secret_does_not_show_itself(show):
    """In no way of making text, alone or inside something."""
    secret = Secret(WORD)
    credentials = Credentials(venue="v", account="a", key="k", secret=secret)

    assert WORD not in show(secret)
    assert WORD not in show(credentials)
    assert secret.reveal() == WORD


@pytest.mark.parametrize("carry", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_is_not_carried_away(carry):
    """Neither to a file nor to another process."""
    with pytest.raises(TypeError, match="neither pickled nor copied"):
        carry(Secret(WORD))


def test_secrets_compare_by_their_text():
    """Equal texts are equal, and a hash tells nothing."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert hash(Secret("a")) == hash(Secret("b"))
