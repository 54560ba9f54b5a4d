"""`ctos` with a stand-in for Lighter's native signer, which the locked packages do not hold.

    python stand_in_signer.py grid FILE --live …

The stand-in signs what the loopback venue checks: the key and every field of a transaction.
"""

from pathlib import Path

from core.adapters.exchanges.lighter import sign
from core.testing.venues.lighter.keys import Key
from core.testing.venues.lighter.signing import StandIn


class Signer(StandIn):
    """See `sign.NativeSigner`, whose arguments these are."""

    def __init__(
        self, library: Path, *, url: str, chain: int, account: int, key_index: int, secret: str
    ) -> None:
        del library, url, chain
        super().__init__(Key(account_index=account, api_key_index=key_index, secret=secret))


def main() -> None:
    """Puts it in the signer's place before the adapter is imported, and goes on as `ctos`."""
    sign.NativeSigner = Signer  # type: ignore[misc,assignment]
    sign.find_library = lambda _option: Path()
    from tui.cli.main import app

    app(prog_name="ctos")


if __name__ == "__main__":
    main()
