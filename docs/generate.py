#!/usr/bin/env python3
"""Writes the generated parts of the documentation, and the JSON schemas of configuration files.

    make docs

What is generated comes from the code that acts on it: keys from the models that read files, the
keyboard from the key map, help from the command line. In a page the parts stand between
`<!-- generated: NAME -->` and `<!-- end -->`; a test fails where a page has fallen behind.
"""

from __future__ import annotations

import json
import re
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, cast, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from core.adapters.exchanges.about import RateLimit, VenueAbout
from core.adapters.exchanges.models import plain
from core.engine.config import EngineConfig
from core.infrastructure.config import json_schema
from core.infrastructure.environment import KNOWN
from core.services.bot_config import BotConfig, InstrumentBlock, PaperBlock
from core.services.grid.course_keys import CourseKeys, TrailingKeys
from core.services.grid.keys import (
    ROOT,
    FixedGrid,
    FollowGrid,
    GridConfig,
    GridFile,
    InfinityGrid,
    MartingaleGrid,
    NeutralGrid,
    PositionTolerance,
    PriceRange,
)
from core.services.grid.protection_keys import (
    ProtectionKeys,
    Replenish,
    SpotReserve,
    StartupCheck,
)
from core.services.grid.shape_keys import RangeKeys, SpacingKeys
from core.services.risk.config import RiskConfig
from core.wiring.examination import venue_table
from tui.cli.main import app
from tui.keymap import REGISTRY, Danger, shown
from tui.settings import DisplaySettings
from tui.strings import words

CHECKOUT: Final = Path(__file__).resolve().parent.parent
_PART: Final = re.compile(r"(<!-- generated: ([a-z_]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_LEAST: Final = "at least {}"
_MOST: Final = "at most {}"
_BOUNDS: Final = (
    (annotated_types.Gt, "gt", "above {}"),
    (annotated_types.Ge, "ge", _LEAST),
    (annotated_types.Lt, "lt", "below {}"),
    (annotated_types.Le, "le", _MOST),
)


def wanted(checkout: Path = CHECKOUT) -> dict[Path, str]:
    """Each file with generated content -> the text it should have."""
    pages = sorted((checkout / "docs").glob("*.md"))
    found = {page: filled(page.read_text(encoding="utf-8")) for page in pages}
    schemas = checkout / "config" / "schema"
    found[schemas / "grid.json"] = _pretty(json_schema(GridFile, (ROOT,)))
    found[schemas / "ctos.json"] = _pretty(_ctos_schema())
    return found


def filled(text: str) -> str:
    """A page with its generated parts made anew."""
    return _PART.sub(lambda part: f"{part[1]}\n{PARTS[part[2]]()}\n\n{part[3]}", text)


# -- keys of files -------------------------------------------------------------------------------


def keys(
    model: type[BaseModel], *, prefix: str = "", without: type[BaseModel] | None = None
) -> str:
    """A table of a model's keys.

    Args:
        model: Of the block.
        prefix: Of the block's keys, such as `paper.`.
        without: Keys of this model are left out.
    """
    left_out = set() if without is None else set(without.model_fields)
    rows = [
        (f"`{prefix}{name}`", _type(info), _default(info), info.description or "")
        for name, info in model.model_fields.items()
        if name not in left_out and not _is_block(info)
    ]
    return _table(("key", "type", "default", "meaning"), rows)


def _joined(*tables: str) -> str:
    head, *rest = tables
    return "\n".join([head, *(line for table in rest for line in table.splitlines()[2:])])


def _kind_keys(model: type[BaseModel]) -> str:
    return _joined(keys(model, without=_Ranged), keys(PriceRange, prefix="price_range."))


def _is_block(info: FieldInfo) -> bool:
    return isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel)


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    value = info.default
    if value is None or value == ():
        return "unset"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, Decimal):
        return f"`{plain(value)}`"
    return f"`{value.value if isinstance(value, Enum) else value}`"


def _type(info: FieldInfo) -> str:
    bounds = dict(_bounds([info.annotation, *info.metadata]))
    if {_LEAST, _MOST} <= set(bounds):
        words_ = [f"{bounds[_LEAST]} to {bounds[_MOST]}"]
    else:
        words_ = [text.format(value) for text, value in bounds.items()]
    return " ".join([_word(info.annotation), ", ".join(words_)]).strip()


def _bounds(parts: Sequence[object]) -> Iterator[tuple[str, object]]:
    """Bounds of a number, also of one that may be left out."""
    for part in parts:
        if get_origin(part) in {Union, types.UnionType, Annotated}:
            yield from _bounds(list(get_args(part)))
        elif isinstance(part, FieldInfo):
            yield from _bounds(part.metadata)
        for kind, attribute, text in _BOUNDS:
            if isinstance(part, kind):
                yield text, getattr(part, attribute)


def _word(annotation: Any) -> str:  # noqa: ANN401 - the type system has no word for an annotation
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Union, types.UnionType}:
        return " or ".join(_word(part) for part in arguments if part is not type(None))
    if origin is Annotated:
        return _word(arguments[0])
    if origin is Literal:
        return ", ".join(f"`{word}`" for word in arguments)
    if origin is tuple:
        return f"list of {_word(arguments[0])}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f"`{member.value}`" for member in annotation)
    return {bool: "boolean", int: "whole number", Decimal: "number", str: "text"}[annotation]


def _ctos_schema() -> dict[str, Any]:
    blocks = {"risk": RiskConfig, "engine": EngineConfig, "display": DisplaySettings}
    properties: dict[str, Any] = {}
    for name, model in blocks.items():
        properties[name] = json_schema(model)
        del properties[name]["$schema"]
    english = words("en")
    properties["keymap"] = {
        "type": "object",
        "description": "Action to keys, several separated by commas.",
        "properties": {
            action.id: {"type": "string", "description": english(f"key.{action.id}.help")}
            for action in REGISTRY
        },
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


# -- keyboard and command line -------------------------------------------------------------------

ASKS: Final = {
    Danger.LOOK: "",
    Danger.UNDOABLE: "acts",
    Danger.ORDERS: "orders",
    Danger.POSITIONS: "positions",
}


def keyboard() -> str:
    """Every action with its keys, where it works, what it touches and what it does."""
    english = words("en")
    rows = [
        (
            " ".join(f"`{shown(key)}`" for key in action.keys),
            f"`{action.id}`",
            ", ".join(sorted(action.screens)),
            ASKS[action.danger],
            english(f"key.{action.id}.help"),
        )
        for action in REGISTRY
    ]
    return _table(("keys", "action", "screens", "touches", "what it does"), rows)


def commands() -> tuple[str, ...]:
    """The commands that `ctos --help` lists, in its order."""
    group = cast("TyperGroup", get_command(app))
    return tuple(name for name, command in group.commands.items() if not command.hidden)


def environment() -> str:
    """The environment variables that ctos reads."""
    return _table(("variable", "meaning"), [(f"`{item.name}`", item.meaning) for item in KNOWN])


def help_pages() -> str:
    """What `--help` says, of ctos and of each command."""
    pages = []
    for command in ((), *((name,) for name in commands())):
        result = CliRunner().invoke(
            app, [*command, "--help"], prog_name="ctos", terminal_width=100, color=False
        )
        text = "\n".join(line.rstrip() for line in result.stdout.strip().splitlines())
        pages.append(f"### {' '.join(('ctos', *command))}\n\n```text\n{text}\n```")
    return "\n\n".join(pages)


# -- venues --------------------------------------------------------------------------------------


def venues() -> str:
    """What can be done where, as `ctos venues` says it, and what of it was verified."""
    rows = [
        (
            f"`{row.name}`",
            row.title,
            ", ".join(kind.value for kind in row.market_types),
            "yes" if row.is_public else "–",
            "yes" if row.is_private else "–",
            row.client_id,
            "; ".join(map(_limit, row.limits)) or "none published",
        )
        for row in venue_table()
    ]
    head = ("name", "venue", "markets", "prices", "trading", "order ids of ours", "limits")
    return _table(head, rows)


def verified() -> str:
    """One row for each thing that was held against something outside."""
    rows = [line for row in venue_table() for line in _verified(row)]
    return _table(("name", "what", "how", "on"), rows)


def _verified(row: VenueAbout) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = [
        (f"`{row.name}`", one.what, one.how, one.on) for one in row.verified
    ]
    if row.open_points:
        lines.append((f"`{row.name}`", "**not verified**", row.open_points, "–"))
    return lines


def _limit(limit: RateLimit) -> str:
    return f"{limit.weight} in {limit.window_s:g} s ({limit.scope})"


# -- form ----------------------------------------------------------------------------------------

PARTS: Final[dict[str, Callable[[], str]]] = {
    "grid_keys": lambda: keys(GridConfig, without=_Shared),
    "fixed_keys": lambda: _kind_keys(FixedGrid),
    "martingale_keys": lambda: _kind_keys(MartingaleGrid),
    "neutral_keys": lambda: _kind_keys(NeutralGrid),
    "infinity_keys": lambda: keys(InfinityGrid, without=GridConfig),
    "follow_keys": lambda: keys(FollowGrid, without=GridConfig),
    "spacing_keys": lambda: _joined(keys(SpacingKeys), keys(RangeKeys, without=SpacingKeys)),
    "trailing_keys": lambda: keys(TrailingKeys),
    "course_keys": lambda: keys(CourseKeys),
    "bot_keys": lambda: keys(BotConfig),
    "tolerance_keys": lambda: keys(PositionTolerance, prefix="position_tolerance."),
    "instrument_keys": lambda: keys(InstrumentBlock, prefix="instrument."),
    "paper_keys": lambda: keys(PaperBlock, prefix="paper."),
    "risk_keys": lambda: keys(RiskConfig, prefix="risk."),
    "protection_keys": lambda: _joined(
        keys(ProtectionKeys),
        keys(SpotReserve, prefix="spot_reserve."),
        keys(Replenish, prefix="spot_reserve.auto_replenish."),
        keys(StartupCheck, prefix="spot_reserve.startup_check."),
    ),
    "engine_keys": lambda: keys(EngineConfig, prefix="engine."),
    "display_keys": lambda: keys(DisplaySettings, prefix="display."),
    "environment": environment,
    "venues": venues,
    "verified": verified,
    "keyboard": keyboard,
    "help": help_pages,
}
"""Name of a generated part -> what makes it."""


class _Shared(BotConfig, SpacingKeys, CourseKeys, ProtectionKeys):
    """Keys that stand in tables of their own."""


class _Ranged(GridConfig, RangeKeys, TrailingKeys):
    """What every grid between two prices has."""


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def _pretty(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Writes what has fallen behind, and says what that was."""
    for path, text in wanted().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{path.relative_to(CHECKOUT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
