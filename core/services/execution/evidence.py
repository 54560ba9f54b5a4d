"""When an order that did not answer may be called absent (reliability P6). Pure.

Absence needs all of: the request's deadline is over, with the clock's error and the time that the
venue's endpoints need to agree; two answers to questions after that moment which say no, from two
kinds of endpoint, the second asked long enough after the first was told; one of them the list of
executions since before the intent. A request that failed is no answer at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.services.execution.settings import ExecutionSettings


class Endpoint(StrEnum):
    """Where was asked."""

    ORDER = "order"
    """One order, by our id or the venue's."""
    OPEN_ORDERS = "open_orders"
    FILLS = "fills"
    """Executions since before the intent, to the end."""


@dataclass(frozen=True, slots=True)
class Negative:
    """An answer that did not know the order."""

    endpoint: Endpoint
    asked_ns: int
    """When the question left (monotonic), which is what the answer is at least as new as."""
    told_ns: int
    """When the answer came; it is no newer than that."""


def certain_from_ns(deadline_ns: int, settings: ExecutionSettings, skew_ns: int = 0) -> int:
    """The first moment at which a question can be answered with a no that counts.

    All moments here are of one monotonic clock.

    Args:
        deadline_ns: After which the request has no effect any more.
        settings: What is allowed for.
        skew_ns: Known difference between our clock and the venue's, either way; one that is larger
            than what is allowed for counts in its place.
    """
    beyond_ns = max(abs(skew_ns) - round(settings.skew_s * 1e9), 0)
    return deadline_ns + settings.certainty_ns + beyond_ns


def is_absent(negatives: list[Negative], certain_from: int, settings: ExecutionSettings) -> bool:
    """Whether the answers so far prove that the venue does not have the order."""
    counted = [item for item in negatives if item.asked_ns > certain_from]
    kinds = {item.endpoint for item in counted}
    if len(kinds) < 2 or Endpoint.FILLS not in kinds:
        return False
    gap_ns = round(settings.negative_gap_s * 1e9)
    newest_ns = max(item.asked_ns for item in counted)
    return newest_ns - min(item.told_ns for item in counted) >= gap_ns


def in_words(negatives: list[Negative], certain_from: int) -> str:
    """The proof, for the journal."""
    counted = [item for item in negatives if item.asked_ns > certain_from]
    answers = " ".join(
        f"{item.endpoint.value}+{(item.asked_ns - certain_from) / 1e9:.3f}s" for item in counted
    )
    return f"absent, asked after the deadline and its margin: {answers}"


def is_explained_by(difference: int, buys: int, sells: int) -> bool:
    """Whether a position that differs could be the work of the orders in doubt.

    Args:
        difference: Lots that the venue holds beyond what was known, signed.
        buys: Lots of the buys in doubt.
        sells: Lots of the sells in doubt.
    """
    return difference != 0 and -sells <= difference <= buys
