"""The keys of one account, as an adapter is given them.

Where they are kept (keyring, environment, a file that only its owner reads) is decided elsewhere;
here they are values that do not show themselves: not in `repr`, not in an error, not in a log line.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn

_MASK: Final = "********"


class Secret:
    """A text that is only shown to who asks for it by name (`reveal`)."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        """Compares in a time that tells nothing of where they differ."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        """The same for all: a hash of the text would tell of it."""
        return hash(Secret)

    def __repr__(self) -> str:
        return f"Secret({_MASK})"

    def __str__(self) -> str:
        return _MASK

    def __format__(self, spec: str) -> str:
        return _MASK

    def __reduce__(self) -> NoReturn:
        """Refuses to be pickled or copied.

        Raises:
            TypeError: Always.
        """
        raise TypeError("a secret is neither pickled nor copied")


NO_SECRET: Final = Secret("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The keys of one account at one venue; what a venue does not use is empty.

    What each venue wants stands at its adapter: Binance an API key with its secret (HMAC) or an
    Ed25519 key in PEM form; Hyperliquid the account's address and an agent's private key.
    """

    venue: str
    account: str = ""
    """The venue's identity of the account: an address, a uid; pinned, so that a key of another
    account is refused. Empty where nothing was pinned yet."""
    key: str = ""
    """The public part: an API key's name. No secret, but never logged either."""
    secret: Secret = NO_SECRET
    """What signs: an API secret, a private key."""
    passphrase: Secret = NO_SECRET
    options: Mapping[str, str] = field(default_factory=dict)
    """What else the venue needs to know, such as an API key's index."""

    def __repr__(self) -> str:
        return f"Credentials(venue={self.venue!r}, account={self.account!r})"
