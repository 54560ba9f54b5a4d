"""Signatures, byte for byte as the venues' documents and client libraries make them."""

from __future__ import annotations

import base64
import hmac
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from core.adapters.exchanges import ethereum
from core.adapters.exchanges.backpack import sign as backpack
from core.adapters.exchanges.binance import sign as binance
from core.adapters.exchanges.ed25519 import key_from_pem, key_from_seed
from core.adapters.exchanges.edgex import sign as edgex
from core.adapters.exchanges.edgex.instruments import Contract
from core.adapters.exchanges.hyperliquid import sign as hyperliquid
from core.adapters.exchanges.models import OrderOptions, OrderSide, TimeInForce
from core.errors import AuthError, NotSupported
from core.testing.venues.bybit import sign as bybit
from core.testing.venues.okx import sign as okx

KEY = ethereum.private_key("0x0123456789012345678901234567890123456789012345678901234567890123")
SEED = base64.b64encode(bytes(range(32))).decode()


# -- primitives -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data, digest",
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"x" * 200, "3c3800defb6a25a70a2737e0716eeb5d270559ad3cad8f6abddac58802d7158e"),
    ],
)
def test_keccak(data, digest):
    """Keccak-256 is Ethereum's, with and without a library, over one block and over two."""
    assert ethereum.keccak256_exact(data).hex() == digest
    assert ethereum.keccak256(data).hex() == digest


def test_address():
    """A key's address is the one that eth-account derives."""
    assert ethereum.address_of(KEY) == "0x14791697260e4c9a71f18484c9f997b308e59325"


def test_ed25519_is_rfc_8032():
    """Test 1 of RFC 8032 signs as printed there."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    raw = base64.b64decode(key_from_seed_signature(seed))

    assert raw.hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555f"
        "b8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )


def key_from_seed_signature(seed: bytes) -> str:
    """The signature of nothing, in base64."""
    key = key_from_seed(base64.b64encode(seed).decode())
    return base64.b64encode(key.sign(b"")).decode()


@pytest.mark.parametrize("text", ["", "0x12", "zz" * 32, "0x" + "00" * 32])
def test_a_bad_ethereum_key_is_refused_unseen(text):
    """A string that is no key is refused without repeating it."""
    with pytest.raises(AuthError) as caught:
        ethereum.private_key(text)

    assert not text or text not in str(caught.value)


@pytest.mark.parametrize("text", ["", "%%%", "AAAA"])
def test_a_bad_seed_or_pem_is_refused(text):
    """A secret that is no seed and no PEM is refused."""
    with pytest.raises(AuthError):
        key_from_seed(text)
    with pytest.raises(AuthError):
        key_from_pem(text)


# -- venues -----------------------------------------------------------------------------------


def test_binance_spot_example():
    """The example of "Request Security" signs as printed there."""
    query = binance.signed_query(
        {
            "symbol": "LTCBTC",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "1",
            "price": "0.1",
            "recvWindow": "5000",
            "timestamp": "1499827319559",
        },
        binance.HmacKey("NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"),
    )

    assert query == (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
        "&timestamp=1499827319559"
        "&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    )


def test_binance_futures_example():
    """The example of the USDⓈ-M documentation signs as printed there."""
    payload = (
        "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC"
        "&recvWindow=5000&timestamp=1591702613943"
    )
    secret = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"

    assert binance.hmac_signature(payload, secret) == (
        "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"
    )


def test_binance_ed25519_signs_sorted_parameters():
    """A WebSocket request signs its parameters sorted by name; the public key confirms it."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    signed = binance.signed_params({"timestamp": "1", "apiKey": "k"}, key_from_pem(pem))

    key.public_key().verify(base64.b64decode(signed["signature"]), b"apiKey=k&timestamp=1")
    assert list(signed) == ["timestamp", "apiKey", "signature"]


HYPERLIQUID = [
    (
        {"type": "dummy", "num": 100000000000},
        0,
        {},
        (
            "053749d5b30552aeb2fca34b530185976545bb22d0b3ce6f62e31be961a59298"
            "755c40ba9bf05223521753995abb2f73ab3229be8ec921f350cb447e384d8ed81b"
        ),
        (
            "542af61ef1f429707e3c76c5293c80d01f74ef853e34b76efffcb57e574f9510"
            "17b8b32f086e8cdede991f1e2c529f5dd5297cbe8128500e00cbaf766204a6131c"
        ),
    ),
    (
        hyperliquid.order_action(
            [hyperliquid.order_wire(1, OrderSide.BUY, Decimal(100), Decimal(100), OrderOptions())]
        ),
        0,
        {},
        (
            "d65369825a9df5d80099e513cce430311d7d26ddf477f5b3a33d2806b100d78e"
            "2b54116ff64054968aa237c20ca9ff68000f977c93289157748a3162b6ea940e1c"
        ),
        (
            "82b2ba28e76b3d761093aaded1b1cdad4960b3af30212b343fb2e6cdfa4e3d54"
            "6b53878fc99d26047f4d7e8c90eb98955a109f44209163f52d8dc4278cbbd9f51b"
        ),
    ),
    (
        hyperliquid.order_action(
            [
                hyperliquid.order_wire(
                    1,
                    OrderSide.BUY,
                    Decimal("100.0"),
                    Decimal("1E+2"),
                    OrderOptions(client_order_id="0x00000000000000000000000000000001"),
                )
            ]
        ),
        0,
        {},
        (
            "041ae18e8239a56cacbc5dad94d45d0b747e5da11ad564077fcac71277a946e3"
            "3c61f667e747404fe7eea8f90ab0e76cc12ce60270438b2058324681a00116da1b"
        ),
        (
            "eba0664bed2676fc4e5a743bf89e5c7501aa6d870bdb9446e122c9466c5cd16d"
            "7f3e74825c9114bc59086f1eebea2928c190fdfbfde144827cb02b85bbe909881c"
        ),
    ),
    (
        {"type": "dummy", "num": 100000000000},
        0,
        {"vault": "0x1719884eb866cb12b2287399b15f7db5e7d775ea"},
        (
            "003c548db75e479f8012acf3000ca3a6b05606bc2ec0c29c50c515066a326239"
            "4d402be7396ce74fbba3795769cda45aec00dc3125a984f2a9f23177b190da2c1c"
        ),
        (
            "e281d2fb5c6e25ca01601f878e4d69c965bb598b88fac58e475dd1f5e56c362b"
            "7ddad27e9a238d045c035bc606349d075d5c5cd00a6cd1da23ab5c39d4ef0f601b"
        ),
    ),
    (
        hyperliquid.cancel_action([(5, 281476929510110)]),
        1700000000000,
        {"expires_after_ms": 1700000005000},
        (
            "341d50b390de34ff015d2101b1972b96d54bd0b14b560584d3d53a35e9648d9f"
            "6fdac1638743fb47a5cf22f2b714eb490b912771e0cced92d2125e9f990deeec1b"
        ),
        (
            "6f7ab020cfbddabbea4c7d6bf7acf62a009407c061592921b329c8d8be6315fd"
            "44bb311807b3c3d411ec8029eff728013e8b3949322db8f421fe2e3d078c63771b"
        ),
    ),
    (
        hyperliquid.order_action(
            [
                hyperliquid.order_wire(
                    0,
                    OrderSide.SELL,
                    Decimal("104320.50"),
                    Decimal("0.00123"),
                    OrderOptions(
                        post_only=True,
                        reduce_only=True,
                        client_order_id="0x1234567890abcdef1234567890abcdef",
                    ),
                )
            ]
        ),
        1737918850346,
        {},
        (
            "a4bdb47638966f359f80503e65a72e7a50241ae3784ab04281e41b2ccd809218"
            "6e45001a9811fef8ba7cdd4e142e7a7eac3f2192cb08b3bc4021890729f4a2491b"
        ),
        (
            "29201c091dc3cb61dddeaae5e16701bb98543e02857f90029c7477e9a6ffb223"
            "12f10bb83fd50dd4dca5f951c99e1c2067833faad6710e94e7e858d57df6e0a41c"
        ),
    ),
]
"""Action, nonce, options, signature on the main and on the test network. The first four stand in
hyperliquid-python-sdk's `tests/signing_test.py`, the last two were made with its 0.24.0."""


@pytest.mark.parametrize(
    "action, nonce, options, mainnet, testnet",
    HYPERLIQUID,
    ids=["dummy", "order", "cloid", "vault", "deadline", "post-only"],
)
def test_hyperliquid_signatures(action, nonce, options, mainnet, testnet):
    """L1 actions sign as the venue's own library signs them."""
    for is_mainnet, expected in ((True, mainnet), (False, testnet)):
        signature = hyperliquid.sign_action(action, nonce, KEY, is_mainnet=is_mainnet, **options)

        assert signature.hex() == expected


def test_hyperliquid_body_carries_no_builder():
    """The request holds the action, the nonce, the signature and nothing to pay anyone."""
    action = hyperliquid.schedule_cancel_action(None)
    signature = hyperliquid.sign_action(action, 7, KEY, is_mainnet=False)
    body = hyperliquid.request_body(action, 7, signature)

    assert body == {
        "action": {"type": "scheduleCancel"},
        "nonce": 7,
        "signature": {"r": hex(signature.r), "s": hex(signature.s), "v": signature.v},
        "vaultAddress": None,
        "expiresAfter": None,
    }


def test_hyperliquid_refuses_what_its_wire_cannot_say():
    """Fill-or-kill, a ninth decimal and a client id that is no cloid never reach the wire."""
    one = Decimal(1)
    with pytest.raises(NotSupported):
        hyperliquid.order_wire(
            0, OrderSide.BUY, one, one, OrderOptions(time_in_force=TimeInForce.FOK)
        )
    with pytest.raises(ValueError, match="decimals"):
        hyperliquid.wire_number(Decimal("0.123456789"))
    with pytest.raises(ValueError, match="cloid"):
        hyperliquid.order_wire(0, OrderSide.BUY, one, one, OrderOptions(client_order_id="cAbc123"))


def test_backpack_signatures():
    """An order and a request without parameters sign as bpx-py 2.0.11 signs them."""
    key = key_from_seed(SEED)
    order = {
        "symbol": "SOL_USDC_PERP",
        "side": "Bid",
        "orderType": "Limit",
        "price": "20.5",
        "quantity": "3",
        "postOnly": True,
        "clientId": 7,
    }

    def signature(instruction: str, params: dict[str, str | int | bool]) -> str:
        made = backpack.headers(
            instruction, [params], api_key="k", key=key, timestamp_ms=1763000000000
        )
        assert (made["X-API-Key"], made["X-Window"]) == ("k", "5000")
        return made["X-Signature"]

    assert signature("orderExecute", order) == (
        "FnaOQ9ZDTLcrx+QWu9RwZ5Q/zIjeWJYZ2d36fptYrAMPjsUawxqzsbdtl27o3zBrk/kJ28UYIICIHVV4QWNGCA=="
    )
    assert signature("balanceQuery", {}) == (
        "SboHHIlBM8j9KXYmad+iDwOqVWAnBQfzH5grPlNPMsJXbMrB8TCoF26PBKJkgA3MkTDhZfZF8QwbSVRYWvS/CA=="
    )


def test_backpack_batches_repeat_their_instruction():
    """Each order of a batch stands after its own instruction, one time and window at the end."""
    text = backpack.signing_text("orderExecute", [{"b": 1, "a": True}, {"a": "x"}], 5, 6)

    assert text == (
        "instruction=orderExecute&a=true&b=1&instruction=orderExecute&a=x&timestamp=5&window=6"
    )


CONTRACT = Contract(
    contract_id=30000001,
    resolution=Decimal(10) ** 10,
    collateral_id=1000,
    collateral_resolution=Decimal(10) ** 6,
    max_fee_rate=Decimal("0.00038"),
)


@pytest.mark.parametrize(
    "client_order_id, side, nonce, signature",
    [
        (
            "trade-abc123",
            OrderSide.BUY,
            2296946694,
            (
                "c9fc6853b29a2228d2552d86b9a7c0b1572cac35c3c3cec5558c8c1890a2b8a6"
                "180deac00c84209cf5c0e2a13a448a505ac465dc88dc9788c90dee298ad34d821c"
            ),
        ),
        (
            "cAbc1230x1",
            OrderSide.SELL,
            1415801633,
            (
                "a8c8ec3c3952bfce2e32d235704ed74ed4c451347068e5e836523f426fafd9dd"
                "6f7b3c2173386ae1b2fca2db167aac42d47cfd5110030c7e053ea4d8809598981c"
            ),
        ),
    ],
)
def test_edgex_order_signatures(client_order_id, side, nonce, signature):
    """Nonce and EIP-712 signature of an order are those of edgex-python-sdk 2.0.1."""
    terms = edgex.OrderTerms(
        account_id=561000000000001,
        client_order_id=client_order_id,
        side=side,
        amount=Decimal("0.015"),
        price=Decimal("98765.4"),
        expires_at_ms=1765000000000,
    )
    made = edgex.sign_order(
        terms,
        CONTRACT,
        KEY,
        chain_id=3343,
        verifying="0xF7A4F1BD1E8F3Ba1F1e7Df8F3E0a0B2E3A1C5d6e",
    )

    assert terms.nonce == nonce
    assert terms.limit_fee(CONTRACT) == 1
    assert made.hex() == signature


def test_edgex_request_signature():
    """The HMAC over sorted, joined and lower-cased parameters is that of the SDK."""
    made = edgex.headers(
        api_key="k",
        passphrase="p",
        secret="s3cr3t",
        timestamp_ms=1763000000000,
        method="GET",
        path="/api/v2/private/order/getActiveOrderPage",
        params={
            "size": "100",
            "accountId": "561",
            "filterContractIdList": ["30000001", "30000002"],
            "flag": True,
            "none": None,
        },
    )

    assert made["X-edgeX-Signature"] == (
        "95cb42a401fce1bfd9466b9670f02fa2553da5cb95b9c2d3cedffa78c7339ff4"
    )


def test_okx_headers():
    """Time, method, path and body are signed in base64, as `openssl dgst -hmac` does."""
    at = datetime(2020, 12, 8, 9, 8, 57, 715000, tzinfo=UTC)
    made = okx.headers(
        api_key="k", passphrase="p", secret="s", at=at, method="GET", path="/api/v5/x?a=1", body=""
    )
    login = okx.login(api_key="k", passphrase="p", secret="s", at=at)

    assert made["OK-ACCESS-TIMESTAMP"] == "2020-12-08T09:08:57.715Z"
    assert made["OK-ACCESS-SIGN"] == "//v07DEA56CbAGPLPPKuabymS4l59bUlvyi10bYnWkk="
    assert login["timestamp"] == "1607418537"
    assert login["sign"] == "O7+k3mO88Zt8oTFagJGvjr05wdD1WGRP0b1j1wZkEKQ="


def test_bybit_headers():
    """Time, key, window and payload are signed in hexadecimal, as `openssl dgst -hmac` does."""
    made = bybit.headers(
        api_key="k",
        secret="s",
        timestamp_ms=1658384314791,
        payload="category=linear&symbol=BTCUSDT",
    )

    assert made["X-BAPI-SIGN"] == "d2a07c299a3379f4d4fe3b6047b94302c44f40f63e071e1691adecbf13abb619"
    assert (
        bybit.socket_auth(api_key="k", secret="s", expires_ms=1662350400000)[2]
        == "4f8d9f320d00dac86e5105c00ff568018bcfaf4b3933fab10f3652ac8be0b796"
    )


def test_a_key_of_binance_signs_again_and_again():
    """What was signed before leaves nothing behind."""
    key = binance.HmacKey("secret")
    expected = [hmac.digest(b"secret", word, "sha256").hex() for word in (b"a=1", b"", b"a=1")]

    assert [key.sign(word) for word in ("a=1", "", "a=1")] == expected


def test_keccak_of_several_threads_is_each_its_own():
    """A hash under way in one thread is not disturbed by those of another."""
    words = [bytes([index]) * (index * 7 % 300) for index in range(24)]
    exact = [ethereum.keccak256_exact(word) for word in words]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ethereum.keccak256, words * 200))

    assert found == exact * 200
