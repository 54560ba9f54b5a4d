"""Who may act: the account's wallet, its agents, and the rules of nonces.

An action is signed by a key; whose it was is recovered from the signature, so that a wrong key
appears as an address nobody knows. Each signer's nonces are kept apart: the newest hundred, of
which none may come again, and nothing may be below all of them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from coincurve import PrivateKey, PublicKey

from core.adapters.exchanges.ethereum import (
    address_of,
    domain_separator,
    keccak256,
    private_key,
    typed_digest,
)
from core.adapters.exchanges.hyperliquid.sign import action_hash

KEPT_NONCES: Final = 100
_DAY_MS: Final = 86_400_000
_AGENT_TYPE: Final = keccak256(b"Agent(string source,bytes32 connectionId)")
_SOURCES: Final = {True: keccak256(b"a"), False: keccak256(b"b")}
_DOMAIN: Final = domain_separator("Exchange", "1", 1337, "0x" + "0" * 40)


class Refused(Exception):
    """A whole action is refused, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """A key and its address."""

    secret: str
    """Hexadecimal with `0x`."""
    address: str
    """Lower case."""


class Wallets:
    """The account's keys.

    Args:
        rng: Makes them.
        is_mainnet: Which network's signatures are taken; None takes both.
    """

    def __init__(self, rng: random.Random, *, is_mainnet: bool | None) -> None:
        self.main = _wallet(rng)
        self.agent = _wallet(rng)
        """May trade for the account; owns nothing itself."""
        self.stranger = _wallet(rng)
        """Nobody's."""
        self.agents = {self.agent.address}
        self._networks = (True, False) if is_mainnet is None else (is_mainnet,)
        self._nonces: dict[str, list[int]] = {}
        """Signer -> its newest nonces, from small to large."""

    def signer(self, body: dict[str, object]) -> str:
        """The address that signed an action of the account.

        Raises:
            Refused: If it is neither the account's nor one of its agents'.
        """
        found = [self._recovered(body, is_mainnet=network) for network in self._networks]
        for address in found:
            if address == self.main.address or address in self.agents:
                return address
        raise Refused(f"User or API Wallet {found[0]} does not exist.")

    def take_nonce(self, signer: str, nonce: int, now_ms: int) -> None:
        """Counts a nonce in.

        Raises:
            Refused: If it came before, is too old for the signer, or too far from now.
        """
        kept = self._nonces.setdefault(signer, [])
        if nonce in kept:
            raise Refused(f"Invalid nonce: duplicate nonce {nonce}")
        if not now_ms - 2 * _DAY_MS < nonce < now_ms + _DAY_MS:
            raise Refused(f"Invalid nonce: {nonce} is too far from the time of the block")
        if len(kept) >= KEPT_NONCES and nonce < kept[0]:
            raise Refused(f"Invalid nonce: {nonce} is below the smallest of {KEPT_NONCES}")
        kept.append(nonce)
        kept.sort()
        del kept[:-KEPT_NONCES]

    def _recovered(self, body: dict[str, object], *, is_mainnet: bool) -> str:
        action, nonce, signature = body.get("action"), body.get("nonce"), body.get("signature")
        vault, expires = body.get("vaultAddress"), body.get("expiresAfter")
        if (
            not isinstance(action, dict)
            or not isinstance(nonce, int)
            or not isinstance(signature, dict)
        ):
            raise Refused("Failed to deserialize the JSON body into the target type")
        connection_id = action_hash(
            action,
            nonce,
            vault if isinstance(vault, str) else None,
            expires if isinstance(expires, int) else None,
        )
        struct_hash = keccak256(_AGENT_TYPE + _SOURCES[is_mainnet] + connection_id)
        digest = typed_digest(_DOMAIN, struct_hash)
        try:
            r, s = int(str(signature["r"]), 16), int(str(signature["s"]), 16)
            raw = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([int(signature["v"]) - 27])
            public = PublicKey.from_signature_and_message(raw, digest, hasher=None)
        except (KeyError, ValueError, OverflowError):
            raise Refused("Unable to recover signer") from None
        return "0x" + keccak256(public.format(compressed=False)[1:])[-20:].hex()


def _wallet(rng: random.Random) -> Wallet:
    secret = "0x" + rng.randbytes(32).hex()
    key: PrivateKey = private_key(secret)
    return Wallet(secret=secret, address=address_of(key))
