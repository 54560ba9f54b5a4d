"""`ctos` with every library at its loudest: `python loud.py ARGUMENTS`, for tests of what leaks.

ctos keeps the loggers of client libraries at warnings. Here that is undone, the worst that a
setting, a library or a person debugging could do: each logger speaks from DEBUG on, into the
same handler.
"""

import logging


def main() -> None:
    """Undoes every level that anybody sets, then runs the command line."""
    set_level = logging.Logger.setLevel
    logging.Logger.setLevel = lambda self, _level: set_level(self, logging.DEBUG)
    for name in ("aiohttp", "asyncio", "ccxt", "hyperliquid", "ib_async", "picows", "websockets"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    from tui.cli.main import app

    app(prog_name="ctos")


if __name__ == "__main__":
    main()
