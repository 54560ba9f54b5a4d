"""The bounds that execution works with; seconds of the engine's clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSettings:
    """How long is waited for what."""

    request_timeout_s: float = 5.0
    """A create, cancel or query without an answer after this long has none."""
    send_slack_s: float = 2.0
    """Longest that an intent may wait before it leaves, or its deadline is written anew."""
    door_slack_s: float = 1.0
    """Part of that which is kept for waits inside the door of a venue that sends one by one."""
    taker_wait_s: float = 5.0
    """Longest that an entry which takes at once may wait: its price is another one then."""
    skew_s: float = 1.0
    """Difference between our clock and the venue's that every wait allows for."""
    max_skew_s: float = 2.0
    """Difference beyond which no order is sent."""
    clock_check_s: float = 300.0
    """How often the venue is asked for its time."""
    clock_retry_s: float = 5.0
    """The same, while the two differ or the venue does not answer."""
    key_check_s: float = 6 * 3600.0
    """How often the key's rights are asked for again."""
    key_retry_s: float = 600.0
    """The same, while the venue does not answer."""
    propagation_s: float = 2.0
    """Longest until every endpoint of the venue tells of an order that it accepted."""
    negative_gap_s: float = 2.0
    """Least time between two answers that together prove an absence."""
    fill_lookback_s: float = 5.0
    """How far before an intent its fills are looked for."""
    page_after_s: float = 60.0
    """An outcome that stays unknown this long calls the operator."""
    settle_s: float = 1.0
    """How long the private stream may take to tell of fills that another answer counted."""
    echo_s: float = 2.0
    """How long the private stream may take to tell of an order that was acknowledged."""
    quarantine_s: float = 5.0
    """Longest that a fill of an order we do not know is held back."""
    cancel_retry_s: float = 0.5
    cancel_retry_max_s: float = 5.0
    resolve_retry_s: float = 0.25
    resolve_retry_max_s: float = 2.0
    ask_each_up_to: int = 8
    """Orders in doubt that are asked for one by one; more of them share lists."""
    max_in_flight: int = 16
    """Requests under way at once, at a venue that limits its rate."""
    reserved_fraction: float = 0.2
    """Part of the rate budget that only cancels and queries may use."""
    refusal_pause_s: float = 1.0
    """Pause before new orders after one could not leave at all; doubles up to `max_pause_s`."""
    max_pause_s: float = 30.0

    @property
    def window_ns(self) -> int:
        """From an intent to its deadline."""
        return round((self.request_timeout_s + self.send_slack_s) * 1e9)

    @property
    def certainty_ns(self) -> int:
        """After the deadline, until an absence means something."""
        return round((self.skew_s + self.propagation_s) * 1e9)
