from pathlib import Path

import pytest

from core.errors import ConfigError, ExitCode
from tui.cli.durations import seconds_of
from tui.cli.grid import GridOptions, start_request


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Any text; what stands in it is not looked at here."""
    path = tmp_path / "bot.yaml"
    path.write_text("grid_system: {}\n")
    return path


@pytest.mark.parametrize(
    "text, seconds",
    [("30s", 30.0), ("5m", 300.0), ("2h", 7200.0), ("1d", 86400.0), ("1h30m", 5400.0), ("7", 7.0)],
)
def test_durations_are_written_as_people_write_them(text: str, seconds: float):
    """A number with a unit, several of them, or bare seconds."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-5m", "5 minutes", "1e3", "nan", "m5", "5x"])
def test_what_is_no_duration_is_refused(text: str):
    """Anything else is a bad argument with an example of a good one."""
    with pytest.raises(ConfigError, match="30s") as caught:
        seconds_of(text)

    assert caught.value.exit_code is ExitCode.CONFIG


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf", "fast", "1e9"])
def test_a_speed_is_a_number_or_max(file: Path, speed: str):
    """What is no speed is refused before anything starts."""
    with pytest.raises(ConfigError, match="--speed"):
        start_request(GridOptions(file=file, speed=speed))


@pytest.mark.parametrize(
    "options",
    [
        {"is_detached": True, "is_json": True},
        {"is_detached": True, "is_headless": True},
        {"speed": "max", "is_live": True},
        {"speed": "max", "is_detached": True},
        {"is_resumed": True},
    ],
    ids="+".join,
)
def test_options_that_exclude_each_other_are_refused(file: Path, options: dict[str, object]):
    """Combinations without a meaning are said to have none."""
    with pytest.raises(ConfigError):
        start_request(GridOptions(file=file, **options))  # type: ignore[arg-type]


def test_a_missing_file_names_its_neighbour(file: Path):
    """A misspelt file name is answered with the nearest that exists."""
    with pytest.raises(ConfigError, match=r"Did you mean .*bot\.yaml"):
        start_request(GridOptions(file=file.with_name("bto.yaml")))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", None], ids=["not utf-8", "folder"])
def test_what_is_no_text_file_is_refused(tmp_path: Path, content: bytes | None):
    """Folders and bytes that are no text give a sentence."""
    path = tmp_path / "thing.yaml"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)

    with pytest.raises(ConfigError):
        start_request(GridOptions(file=path))


def test_paths_are_absolute_for_the_engine(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The engine runs elsewhere, so the file and a recording are named from the root."""
    (tmp_path / "tape.csv").write_text("")
    monkeypatch.chdir(tmp_path)

    request = start_request(GridOptions(file=Path("bot.yaml"), feed="tape.csv", speed="2.50"))

    assert request.path == str(file)
    assert request.feed == str(tmp_path / "tape.csv")
    assert request.speed == "2.5"
