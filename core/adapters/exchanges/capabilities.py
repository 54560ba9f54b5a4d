"""Questions about what a venue can do, asked in one place."""

from __future__ import annotations

from core.adapters.exchanges.models import Capabilities, ExchangeType, OrderOptions, TimeInForce


def is_resend_safe(capabilities: Capabilities) -> bool:
    """Whether an id that was sent twice could never become two orders."""
    return capabilities.client_order_id_unique_forever


def can_prove_absence(capabilities: Capabilities) -> bool:
    """Whether a request can be given a moment after which the venue refuses it."""
    return capabilities.has_request_deadline


def trades(capabilities: Capabilities, market_type: ExchangeType) -> bool:
    """Whether the venue has markets of a kind."""
    return market_type in capabilities.market_types


def fits_client_order_id(capabilities: Capabilities, client_order_id: str) -> bool:
    """Whether the venue takes an id of ours."""
    return (
        0 < len(client_order_id) <= capabilities.max_client_order_id_length
        and client_order_id.isascii()
        and client_order_id.isalnum()
    )


def missing_for(capabilities: Capabilities, options: OrderOptions) -> tuple[str, ...]:
    """What an order asks for and the venue does not have, in words; empty when all is well."""
    missing: list[str] = []
    if options.post_only and not capabilities.has_post_only:
        missing.append("post-only")
    if options.reduce_only and not capabilities.has_reduce_only:
        missing.append("reduce-only")
    if options.post_only and options.time_in_force is not TimeInForce.GTC:
        missing.append(f"post-only with {options.time_in_force.value}")
    client_id = options.client_order_id
    if client_id is not None and not fits_client_order_id(capabilities, client_id):
        missing.append(f"the client order id {client_id}")
    return tuple(missing)
