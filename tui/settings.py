"""What a person chose for the screens: the `display:` and `keymap:` blocks of `config/ctos.yaml`.

The file is shared with other parts of ctos; only these two blocks are read here, strictly, and a
missing file or block means the defaults.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from core.errors import ConfigError
from tui.keymap import ACTIONS, Keymap
from tui.presentation.times import zone


class DisplaySettings(BaseModel):
    """How the screens look."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    theme: Annotated[str, Field(description="Name of a theme; the palette lists them.")] = (
        "ctos-dark"
    )
    up_is: Annotated[
        Literal["green", "red"],
        Field(description="Colour of what rises: green in the West, red in China."),
    ] = "green"
    language: Annotated[
        Literal["auto", "en", "zh"],
        Field(description="Language of the screens; auto follows the locale."),
    ] = "auto"
    glyphs: Annotated[
        Literal["auto", "full", "plain", "ascii"],
        Field(description="Signs to draw with; auto asks the terminal."),
    ] = "auto"
    animation: Annotated[
        Literal["none", "basic", "full"],
        Field(description="none also stops changed digits from lighting up."),
    ] = "full"
    timezone: Annotated[
        str, Field(description="utc, local, or a name such as Asia/Shanghai; always labelled.")
    ] = "utc"

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        zone(value)
        return value


class Settings(BaseModel):
    """Everything the screens read from the file."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    display: Annotated[DisplaySettings, Field(description="How the screens look.")] = (
        DisplaySettings()
    )
    keymap: Annotated[
        dict[str, str],
        Field(description="Action id to keys, several separated by commas."),
    ] = {}

    @field_validator("keymap")
    @classmethod
    def _has_no_clash(cls, value: dict[str, str]) -> dict[str, str]:
        unknown = sorted(set(value) - set(ACTIONS))
        if unknown:
            message = f"{unknown[0]} is no action; the help lists them"
            raise ValueError(message)
        Keymap(value)
        return value


def load(path: Path, *, theme: str | None = None) -> Settings:
    """The settings in a file; the defaults when there is none.

    Args:
        path: `config/ctos.yaml`.
        theme: From the environment; wins over the file.

    Raises:
        ConfigError: If the file cannot be read or says something impossible.
    """
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        message = f"cannot be read: {error}"
        raise ConfigError(message, source=str(path)) from error
    found = found or {}
    if not isinstance(found, dict):
        message = "must be a mapping at the top"
        raise ConfigError(message, source=str(path))
    if theme:
        found["display"] = {**(found.get("display") or {}), "theme": theme}
    try:
        return Settings.model_validate(
            {name: found[name] for name in ("display", "keymap") if found.get(name) is not None}
        )
    except ConfigError as error:
        error.source = str(path)
        raise
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(first["msg"], source=str(path), key=key) from error
