"""The catalogue of words."""

from string import Formatter

import pytest

from tui.language import en, zh
from tui.strings import choose, words


def holes(text):
    """Names of the holes in a sentence."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_languages_say_the_same_things():
    """No sentence exists in one language only."""
    assert set(en.TEXTS) == set(zh.TEXTS)


def test_sentences_have_the_same_holes():
    """A number that is told in one language is told in the other."""
    expected = {id_: holes(text) for id_, text in en.TEXTS.items()}

    assert expected == {id_: holes(text) for id_, text in zh.TEXTS.items()}


@pytest.mark.parametrize(
    "setting, environment, expected",
    [
        ("auto", {"LANG": "zh_CN.UTF-8"}, "zh"),
        ("auto", {"LANG": "de_DE.UTF-8"}, "en"),
        ("auto", {"LC_ALL": "en_US.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
        ("auto", {}, "en"),
        ("zh", {"LANG": "en_US.UTF-8"}, "zh"),
    ],
)
def test_language_follows_the_setting_then_the_locale(setting, environment, expected):
    """A choice wins over the environment."""
    assert choose(setting, environment) == expected


def test_unknown_sentence_is_an_error():
    """A missing sentence is found by the first test that shows it."""
    with pytest.raises(KeyError):
        words("en")("no.such.sentence")
