"""The one registry of keys."""

import pytest

from core.errors import ConfigError
from tui.keymap import ACTIONS, FIXED, REGISTRY, Danger, Keymap, effective, shown
from tui.strings import words


def test_no_two_actions_of_a_screen_share_a_key():
    """A key means one thing on a screen."""
    taken = {}
    for action in REGISTRY:
        for screen in action.screens:
            for key in action.keys:
                assert taken.setdefault((screen, key), action.id) == action.id


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_action_has_words(language):
    """A label for the footer and a sentence for the help."""
    catalogue = words(language)

    for id_ in ACTIONS:
        assert catalogue(f"key.{id_}")
        assert len(catalogue(f"key.{id_}.help")) > 4


def test_every_capital_has_a_danger_level_and_no_small_letter_acts_gravely():
    """Capitals send, cancel or close; small letters never do."""
    for action in REGISTRY:
        for key in action.keys:
            if len(key) == 1 and key.isupper() and key != "Q":
                assert action.is_act
                assert action.danger > Danger.LOOK
            if len(key) == 1 and key.islower():
                assert action.danger <= Danger.UNDOABLE


def test_paper_is_one_level_milder_and_live_one_graver():
    """The same key asks less where money is not real."""
    flatten, cancel, zoom = (ACTIONS[id_] for id_ in ("grid.flatten", "grid.cancel", "view.zoom"))

    assert effective(flatten, "paper") is Danger.ORDERS
    assert effective(flatten, "live") is Danger.POSITIONS
    assert effective(cancel, "paper") is Danger.UNDOABLE
    assert effective(cancel, "live") is Danger.POSITIONS
    assert effective(zoom, "live") is Danger.LOOK


def test_change_moves_an_action_and_frees_its_old_key():
    """A person's key works instead of the old one."""
    keys = Keymap({"view.zoom": "x, !"})

    assert keys.find("log", "x") is ACTIONS["view.zoom"]
    assert keys.find("log", "z") is None


def test_clash_is_refused_with_both_names():
    """Two meanings for one key are a mistake, not a surprise."""
    with pytest.raises(ConfigError, match=r"z would mean both .* and .*"):
        Keymap({"view.sort": "z"})


def test_grave_act_on_a_small_letter_is_refused():
    """The rule of capitals holds for changes too."""
    with pytest.raises(ConfigError, match="needs a capital"):
        Keymap({"grid.flatten": "x"})


def test_way_out_and_the_halt_cannot_be_lost():
    """ctrl+c and ctrl+k keep their meaning whatever a keymap says."""
    keys = Keymap({"app.quit": "x", "risk.halt": "H"})

    assert keys.find("grid", "ctrl+c") is ACTIONS["app.quit"]
    assert keys.find("grid", "ctrl+k") is ACTIONS["risk.halt"]
    assert {"ctrl+c", "ctrl+k"} == FIXED


def test_keys_are_shown_as_they_are_printed():
    """Names of keys become signs."""
    assert [shown(key) for key in ("slash", "question_mark", "escape", "z")] == [
        "/",
        "?",
        "esc",
        "z",
    ]
