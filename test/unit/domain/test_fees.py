from decimal import Decimal

from core.adapters.exchanges.models import FeeAsset, Liquidity, OrderSide
from core.domain.fees import fee_of
from core.testing.venue import SPOT, instrument

D = Decimal
BUY, SELL = OrderSide.BUY, OrderSide.SELL


def test_maker_and_taker_pay_their_own_rate():
    """The fee is notional times rate, unrounded."""
    rules = instrument()

    assert fee_of(rules, BUY, D("199.3"), D("1.234"), Liquidity.MAKER).amount == D("199.3") * D(
        "1.234"
    ) * D("0.0002")
    assert fee_of(rules, SELL, D("200"), D("1"), Liquidity.TAKER).amount == D("0.1")


def test_a_contract_counts_its_size():
    """Ten units a contract are ten times the fee."""
    rules = instrument(contract_size="10")

    assert fee_of(rules, BUY, D("200"), D("1"), Liquidity.TAKER).amount == D("1")


def test_a_spot_buy_may_pay_in_base():
    """The base fee comes out of what was bought; a sell pays quote."""
    rules = instrument(SPOT, fee_asset=FeeAsset.BASE)
    bought = fee_of(rules, BUY, D("200"), D("2"), Liquidity.TAKER)
    sold = fee_of(rules, SELL, D("200"), D("2"), Liquidity.TAKER)

    assert (bought.amount, bought.asset, bought.is_base) == (D("0.001"), "TEST", True)
    assert (sold.amount, sold.asset, sold.is_base) == (D("0.2"), "USDC", False)


def test_fees_round_up_to_the_step():
    """In the venue's favour: a fee becomes larger, a rebate smaller."""
    paid = instrument(fee_step="0.01")
    rebate = instrument(fee_step="0.01", maker_fee="-0.0002")

    assert fee_of(paid, BUY, D("200"), D("0.123"), Liquidity.MAKER).amount == D("0.01")
    assert fee_of(rebate, BUY, D("200"), D("0.4"), Liquidity.MAKER).amount == D("-0.01")


def test_an_unknown_rate_costs_nothing():
    """Where the venue did not say, nothing is charged."""
    rules = instrument(maker_fee=None)

    assert fee_of(rules, BUY, D("200"), D("1"), Liquidity.MAKER).amount == 0
