"""Environment variables: the known ones, and slips."""

from __future__ import annotations

import pytest

from core.errors import ConfigError
from core.infrastructure.environment import KNOWN, check_environment, log_level

OTHERS = {"PATH": "/bin", "CTO": "x", "CTOS_TEST_KILLS": "25"}


def test_known_variables_pass():
    """What ctos knows, and what is not its own, is let through."""
    check_environment({variable.name: "info" for variable in KNOWN} | OTHERS)


@pytest.mark.parametrize(
    "name, expected",
    [
        ("CTOS_HOEM", "Did you mean CTOS_HOME?"),
        ("ctos_home", "Did you mean CTOS_HOME?"),
        ("CTOS_XYZZY_ABCDEFG", "Known: CTOS_HOME, CTOS_KEYS_PASSPHRASE"),
    ],
)
def test_a_slip_is_refused_with_the_nearest_name(name, expected):
    """A variable that would be ignored in silence is an error, and its value stays unsaid."""
    with pytest.raises(ConfigError) as caught:
        check_environment({name: "hunter2"})

    assert expected in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_the_log_level_is_one_of_four():
    """An unset or empty level is info."""
    assert log_level({}) == log_level({"CTOS_LOG_LEVEL": ""}) == "info"
    assert log_level({"CTOS_LOG_LEVEL": "DEBUG"}) == "debug"
    with pytest.raises(ConfigError, match="debug, info, warning, error"):
        check_environment({"CTOS_LOG_LEVEL": "loud"})
