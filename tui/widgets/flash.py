"""Changed digits light up for a moment: only from the first difference on, never a whole row."""

from __future__ import annotations

from dataclasses import dataclass

from tui.presentation.cells import Line, Span
from tui.presentation.numbers import changed_from

FLASH_S = 0.4
REST_S = 0.1
"""Dark at least this long, so that nothing flashes faster than twice a second."""


@dataclass(slots=True)
class _Seen:
    text: str
    start: int = 0
    lit_until_s: float = 0.0
    may_light_s: float = 0.0


class Flashes:
    """What was shown last, by the identity of each value."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def light(self, lines: list[Line], now_s: float) -> tuple[list[Line], float | None]:
        """The lines with fresh digits lit, and the seconds until the first goes dark, or None.

        Args:
            now_s: Monotonic time.
        """
        wait: float | None = None
        shown: list[Line] = []
        for line in lines:
            if not any(span.key for span in line):
                shown.append(line)
                continue
            spans: list[Span] = []
            for span in line:
                if not span.key:
                    spans.append(span)
                    continue
                lit, left_s = self._one(span, now_s)
                spans += lit
                if left_s is not None:
                    wait = left_s if wait is None else min(wait, left_s)
            shown.append(tuple(spans))
        return shown, wait

    def _one(self, span: Span, now_s: float) -> tuple[list[Span], float | None]:
        seen = self._seen.get(span.key)
        if seen is None:
            self._seen[span.key] = _Seen(span.text)
            return [span], None
        start = changed_from(seen.text, span.text)
        if start is not None:
            seen.text = span.text
            if now_s >= seen.may_light_s:
                seen.start = start
                seen.lit_until_s = now_s + FLASH_S
                seen.may_light_s = now_s + FLASH_S + REST_S
        if now_s >= seen.lit_until_s or seen.start >= len(span.text):
            return [span], None
        lit = [
            span._replace(text=span.text[: seen.start]),
            span._replace(text=span.text[seen.start :], tone=f"{span.tone} flash".strip()),
        ]
        return lit, seen.lit_until_s - now_s
