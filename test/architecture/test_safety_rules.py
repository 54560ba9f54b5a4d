"""The rules that keep money and keys safe hold for every file, and each of them bites."""

import ast
from functools import cache
from pathlib import Path

import pytest

from core.testing.rules import RULES, Rule

ROOT = Path(__file__).resolve().parents[2]
BY_NAME = {rule.name: rule for rule in RULES}

BREAKS = {
    "orders-leave-through-execution": ["await venue.create_order('s', side, kind, amount)"],
    "text-is-never-code": ["eval(text)", "import pickle", "from marshal import loads"],
    "no-shell": ["import os\nos.system('ls')", "subprocess.run(words, shell=True)"],
    "certificates-are-checked": [
        "session.get(url, verify=False)",
        "context.verify_mode = ssl.CERT_NONE",
        "context.check_hostname = False",
        "connector = TCPConnector(ssl=False)",
    ],
    "doors-open-inwards": ["server.listen('0.0.0.0', 80)", "host = '::'"],
    "yaml-is-plain": ["yaml.load(text)", "yaml.unsafe_load(text)"],
    "no-secret-in-a-log": [
        "log.info('key %s', api_key)",
        "log.debug(f'{self._private_key}')",
        "log.error('x', extra={'token': settings.token})",
    ],
    "statements-are-constant": [
        "import sqlite3\nconnection.execute(f'SELECT * FROM {table}')",
        "import sqlite3\nconnection.execute(f'DELETE FROM bots WHERE name = {name!r}')",
    ],
    "text-is-never-markup": [
        "Text.from_markup(venue_text)",
        "Static(venue_text, markup=True)",
        "typer.Typer(rich_markup_mode='rich')",
    ],
    "money-is-decimal": ["price = Decimal(0.1)", "price = decimal.Decimal(float(text))"],
    "no-silence-on-an-orders-way": ["try:\n    send()\nexcept Exception:\n    pass"],
}
KEEPS = {
    "orders-leave-through-execution": ["gateway.step(Step(commands=(place,)))"],
    "text-is-never-code": ["re.compile(text)", "import json", "ast.literal_eval(text)"],
    "no-shell": ["subprocess.run(['ls'], check=True)", "run(words, shell=False)"],
    "certificates-are-checked": ["session.get(url, verify=True)", "TCPConnector(ssl=context)"],
    "doors-open-inwards": ["server.listen('127.0.0.1', 80)"],
    "yaml-is-plain": ["yaml.load(text, Loader=StrictLoader)"],
    "no-secret-in-a-log": ["log.info('keys.found venue=%s', venue)", "show(api_key)"],
    "statements-are-constant": [
        "import sqlite3\nCOLUMNS = 'a, b'\nconnection.execute(f'SELECT {COLUMNS} FROM bots')",
        "import sqlite3\nconnection.execute('SELECT * FROM bots WHERE name = ?', (name,))",
    ],
    "text-is-never-markup": ["Text(venue_text)", "typer.Typer(rich_markup_mode=None)"],
    "money-is-decimal": ["price = Decimal('0.1')", "price = Decimal(3)", "Decimal(str(value))"],
    "no-silence-on-an-orders-way": [
        "try:\n    send()\nexcept Exception:\n    log.exception('x')",
        "try:\n    send()\nexcept ValueError:\n    pass",
    ],
}


@cache
def trees() -> list[tuple[str, ast.Module]]:
    """Path and syntax tree of every file of the product."""
    return [
        (file.relative_to(ROOT).as_posix(), ast.parse(file.read_text(encoding="utf-8")))
        for folder in ("core", "tui")
        for file in sorted((ROOT / folder).rglob("*.py"))
    ]


def places(rule: Rule, tree: ast.Module, path: str) -> list[str]:
    """What a rule finds, as an editor opens it."""
    return [f"{path}:{getattr(node, 'lineno', 1)}: {text}" for node, text in rule.find(tree, path)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_file_keeps_the_rule(rule: Rule):
    """Nothing in core and tui breaks it."""
    found = [line for path, tree in trees() for line in places(rule, tree, path)]

    assert found == [], rule.why


@pytest.mark.parametrize("name, text", [(name, text) for name in BREAKS for text in BREAKS[name]])
def test_a_rule_finds_what_breaks_it(name: str, text: str):
    """Each way of breaking a rule is found where it stands."""
    assert places(BY_NAME[name], ast.parse(text), "core/services/grid/story.py")


@pytest.mark.parametrize("name, text", [(name, text) for name in KEEPS for text in KEEPS[name]])
def test_a_rule_lets_pass_what_keeps_it(name: str, text: str):
    """The right way of doing the same is not called wrong."""
    assert places(BY_NAME[name], ast.parse(text), "core/services/grid/story.py") == []


def test_every_rule_has_examples_of_both_kinds():
    """A rule that nobody saw biting is not trusted."""
    assert set(BY_NAME) == set(BREAKS) == set(KEEPS)
