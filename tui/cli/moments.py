"""Moments as people write them: `2025-05-26`, `2025-05-26T08:00`, with or without an offset."""

from __future__ import annotations

from datetime import UTC, datetime

from core.adapters.exchanges.models import to_ns
from core.errors import ConfigError


def moment_ns(text: str, option: str) -> int:
    """Nanoseconds since 1970 of a moment; UTC where it has no offset, midnight where no time.

    Args:
        text: What was typed.
        option: Where, for the message.

    Raises:
        ConfigError: If it is none.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigError(
            f"{option} {text[:40]!r} is no moment.",
            source="arguments",
            remedy="Write 2025-05-26 or 2025-05-26T08:00 (UTC unless it carries an offset).",
        ) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return to_ns(found)
