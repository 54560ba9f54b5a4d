"""What a person chose for the screens."""

import pytest

from core.errors import ConfigError
from tui.settings import Settings, load


def test_missing_file_means_the_defaults(tmp_path):
    """Nothing needs to be written to begin."""
    assert load(tmp_path / "ctos.yaml") == Settings()


def test_blocks_of_others_are_left_alone(tmp_path):
    """The file is shared; only two blocks are read here."""
    path = tmp_path / "ctos.yaml"
    path.write_text(
        "risk: {max_position: 1}\ndisplay: {theme: nord, up_is: red}\nkeymap: {view.zoom: x}\n"
    )

    settings = load(path)

    assert settings.display.theme == "nord"
    assert settings.display.up_is == "red"
    assert settings.keymap == {"view.zoom": "x"}


@pytest.mark.parametrize(
    "text, said",
    [
        ("display: {up_is: blue}", "display.up_is"),
        ("display: {thema: nord}", "display.thema"),
        ("display: {timezone: Mars/Olympus}", "Mars/Olympus is not known"),
        ("keymap: {grid.fly: x}", "grid.fly is no action"),
        ("keymap: {view.sort: z}", "would mean both"),
        ("[1, 2]", "must be a mapping"),
        ("display: {", "cannot be read"),
    ],
)
def test_mistake_is_refused_with_file_and_key(tmp_path, text, said):
    """A bad file is refused whole, and says where."""
    path = tmp_path / "ctos.yaml"
    path.write_text(text)

    with pytest.raises(ConfigError) as caught:
        load(path)

    assert said in str(caught.value)
    assert "ctos.yaml" in str(caught.value)
