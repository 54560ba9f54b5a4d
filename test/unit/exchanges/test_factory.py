import pytest

from core.adapters.exchanges.factory import ExchangeFactory
from core.adapters.exchanges.interface import ExchangeInterface
from core.errors import ConfigError
from core.testing.venue import PaperHarness, venue_story


@pytest.fixture
def venue(tmp_path):
    """Not started yet."""
    return PaperHarness(tmp_path / "venue.db")


@venue_story
async def test_a_registered_maker_makes_the_venue(venue):
    """What wiring registered is called with what the caller gives."""
    factory: ExchangeFactory[[str]] = ExchangeFactory()
    asked = []

    def make(account: str) -> ExchangeInterface:
        asked.append(account)
        return venue.exchange

    factory.register("paper", make)

    assert factory.create("paper", "mine") is venue.exchange
    assert asked == ["mine"]
    assert factory.names == ("paper",)


def test_an_unknown_venue_is_refused_with_the_nearest():
    """The error names what is there and what may have been meant."""
    factory: ExchangeFactory[[]] = ExchangeFactory()
    factory.register("lighter", lambda: pytest.fail("not asked for"))

    with pytest.raises(ConfigError, match="Did you mean 'lighter'"):
        factory.create("ligther")


def test_a_name_is_registered_once():
    """A second maker under the same name is a slip in wiring."""
    factory: ExchangeFactory[[]] = ExchangeFactory()
    factory.register("paper", lambda: pytest.fail("not asked for"))

    with pytest.raises(ValueError, match="twice"):
        factory.register("paper", lambda: pytest.fail("not asked for"))
