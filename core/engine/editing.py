"""Editing a bot: read the new file, show what it would change, then change it.

A bot that runs is edited by its own task. One that does not, and left something behind, is edited
where it is on record: the next start goes on with it as if it had always been so.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import yaml

from core.engine.bots import Bot
from core.engine.doors import BotPlan
from core.engine.engine import Engine
from core.engine.protocol import ConfigText, EditBot, EditShown, StartBot
from core.errors import ConfigError
from core.services.grid.edit import changed_keys, plan_edit
from core.services.grid.editing import Edited
from core.services.grid.machine import GridMachine
from core.services.grid.service import SERVICE_KEY
from core.services.grid.snapshot import EditDiff, KeyChange
from core.services.ports import BotRow, StateRow, Transaction

ACCOUNT_KEYS: Final = ("grid_system.paper.", "grid_system.instrument.")
"""What the venue account was opened with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """An edit that was read and belongs to this bot."""

    plan: BotPlan
    changes: tuple[KeyChange, ...]
    named: str
    """What the file itself would call the bot."""

    def told(self, diff: EditDiff) -> EditDiff:
        """A difference with all that a person should know."""
        notices = [*diff.notices, *self.plan.warnings]
        if not self.changes:
            notices.append("The file says what the bot does already.")
        elif self.named != self.plan.name:
            notices.append(
                f"This file would start a bot named {self.named}: write `name: {self.plan.name}` "
                "into it, so that the next start goes on with this one."
            )
        return replace(diff, changes=self.changes, notices=tuple(notices))


async def edit_bot(engine: Engine, request: EditBot) -> EditShown:
    """What a configuration changes of a bot; where asked, it is changed.

    Raises:
        ConfigError: If the file is wrong, or cannot be put under the bot: it goes on as it was.
    """
    try:
        row = engine.left_behind(request.bot)
        if row is None:
            diff = await _edit_running(engine, engine.bot(request.bot), request)
        else:
            diff = await _edit_at_rest(engine, row, request)
    except ConfigError as error:
        if error.source is not None:
            raise
        raise ConfigError(
            error.message, source=request.path, key=error.key, remedy=error.remedy
        ) from error
    return EditShown(bot=request.bot, diff=diff, is_applied=request.is_applied)


async def _edit_running(engine: Engine, bot: Bot, request: EditBot) -> EditDiff:
    start = replace(bot.request, path=request.path, text=request.text)
    wish = _wish(engine.read, start, bot.name, bot.plan.config_json)
    if request.is_applied:
        return wish.told(await engine.edit(bot, wish.plan, start, request.by))
    return wish.told(bot.service.preview(wish.plan.settings))


async def _edit_at_rest(engine: Engine, row: BotRow, request: EditBot) -> EditDiff:
    """Changes the record of a bot that does not run: its machine is made, edited, and put back."""
    old = engine.read(_start_of(row, f"{row.name}.yaml", row.config))
    wish = _wish(engine.read, _start_of(row, request.path, request.text), row.name, row.config)
    machine = GridMachine(old.settings, order_prefix=row.order_prefix)
    state = engine.journal.state(row.bot_id)
    machine.restore({key: text for key, text in state.items() if key != SERVICE_KEY})
    now_ns = engine.clock.now_ns()
    diff = wish.told(plan_edit(machine, wish.plan.settings, at_ns=now_ns))
    if request.is_applied:
        machine.changes()
        machine.on(Edited(at_ns=now_ns, settings=wish.plan.settings, by=request.by))
        fingerprint = json.dumps(wish.plan.settings.fingerprint, sort_keys=True)
        config = wish.plan.config_json
        await engine.journal.commit(
            Transaction(
                bots=[row._replace(fingerprint=fingerprint, config=config, updated_ns=now_ns)],
                states=[StateRow(row.bot_id, key, text) for key, text in machine.changes().items()],
            )
        )
    return diff


def read_config(engine: Engine, name: str) -> ConfigText:
    """The configuration of a bot that runs, or that left something behind.

    Raises:
        ConfigError: If there is none of that name.
    """
    row = engine.left_behind(name)
    if row is not None:
        text = yaml.safe_dump(json.loads(row.config), sort_keys=False, allow_unicode=True)
        return ConfigText(bot=name, path=f"{name}.yaml", text=text)
    bot = engine.bot(name)
    return ConfigText(bot=bot.name, path=bot.request.path, text=bot.request.text)


def _wish(read: Callable[[StartBot], BotPlan], start: StartBot, name: str, config: str) -> _Wish:
    plan = read(start)
    changes = changed_keys(config, plan.config_json)
    refuse_other_account(changes, start.path)
    return _Wish(plan=replace(plan, name=name), changes=changes, named=plan.name)


def refuse_other_account(changes: tuple[KeyChange, ...], path: str) -> None:
    """Says no to what the venue account of a bot was opened with.

    Raises:
        ConfigError: With the key, both values and the way out.
    """
    for change in changes:
        if change.key.startswith(ACCOUNT_KEYS):
            before, after = change.before or "not set", change.after or "not set"
            raise ConfigError(
                f"it is {before}, and cannot become {after} under a bot that has begun.",
                source=path,
                key=change.key,
                remedy="Stop the bot for good, then start it with the new file.",
            )


def _start_of(row: BotRow, path: str, text: str) -> StartBot:
    return StartBot(app=row.app, path=path, text=text, is_live=row.mode == "live")
