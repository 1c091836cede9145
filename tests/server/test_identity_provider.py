"""Tokens of an existing identity provider, whose keys are read from HUBBUB_JWKS_URL."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import jwt
import pytest
from jwt.utils import base64url_encode

from tests.server.identity_provider import IdentityProvider, identity_provider, url_of
from tests.server.talk import connect, data_of, error_of, someone, subscribe
from tests.support.hubbub import Hubbub, Reply
from tests.support.js import ConnectRefused, JsClients
from tests.support.process import free_port
from tests.support.waiting import eventually

SECRET = "a secret that is long enough for HS256"


@pytest.fixture(scope="module")
def port() -> int:
    """The provider's."""
    return free_port()


@pytest.fixture(scope="module")
def hubbub(port: int) -> Iterator[Hubbub]:
    """A Hubbub that believes the provider alone. It is started while that one is away."""
    server = Hubbub(HUBBUB_SECRET=None, HUBBUB_JWKS_URL=url_of(port))
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture
async def provider(port: int) -> AsyncIterator[IdentityProvider]:
    async with identity_provider(port) as started:
        yield started


async def me(hubbub: Hubbub, token: str) -> Reply:
    return await hubbub.rest("GET", "/api/me", token=token)


async def assert_signs_in(js: JsClients, hubbub: Hubbub, user_id: str, token: str) -> None:
    assert data_of(await me(hubbub, token))["user"]["id"] == user_id
    await subscribe(await connect(js, hubbub, {"token": token}), f"user:{user_id}")


async def assert_refused(js: JsClients, hubbub: Hubbub, token: str, code: str = "unauthenticated") -> None:
    error_of(await me(hubbub, token), code)
    with pytest.raises(ConnectRefused) as caught:
        await connect(js, hubbub, {"token": token})
    assert caught.value.data["code"] == code


def signed_part(header: str) -> bytes:
    return b".".join(map(base64url_encode, [header.encode(), b'{"sub":"mallory"}']))


async def test_tokens_of_each_kind_of_key_sign_in(hubbub: Hubbub, provider: IdentityProvider, js: JsClients) -> None:
    keys = [provider.make_key(algorithm) for algorithm in ("RS256", "ES256", "EdDSA")]
    for key in keys:
        ada = someone()
        await assert_signs_in(js, hubbub, ada, provider.token(ada, key))


async def test_a_new_key_is_known_as_soon_as_a_token_names_it(
    hubbub: Hubbub, provider: IdentityProvider, js: JsClients
) -> None:
    old, ada = provider.make_key(), someone()
    await assert_signs_in(js, hubbub, ada, provider.token(ada, old))
    new = provider.make_key("ES256")
    await assert_signs_in(js, hubbub, ada, provider.token(ada, new))
    await assert_signs_in(js, hubbub, ada, provider.token(ada, old))


async def test_an_unknown_key_signs_nobody_in(hubbub: Hubbub, provider: IdentityProvider, js: JsClients) -> None:
    known, unknown = provider.make_key(), provider.make_key(published=False)
    await assert_refused(js, hubbub, provider.token(someone(), unknown))
    await assert_refused(js, hubbub, jwt.encode({"sub": "mallory"}, SECRET, "HS256", headers={"kid": known}))


async def test_a_key_signs_in_its_own_way_alone(hubbub: Hubbub, provider: IdentityProvider, js: JsClients) -> None:
    curve, stranger = provider.make_key("ES256"), provider.make_key(published=False)
    _, _, signature = provider.token(someone(), stranger).split(".")
    signed = signed_part(f'{{"alg":"RS256","typ":"JWT","kid":"{curve}"}}')
    await assert_refused(js, hubbub, f"{signed.decode()}.{signature}")


async def test_the_public_key_is_no_secret_to_sign_with(
    hubbub: Hubbub, provider: IdentityProvider, js: JsClients
) -> None:
    key = provider.make_key()
    signed = signed_part(f'{{"alg":"HS256","typ":"JWT","kid":"{key}"}}')
    signature = base64url_encode(hmac.digest(provider.public_key(key), signed, hashlib.sha256))
    await assert_refused(js, hubbub, f"{signed.decode()}.{signature.decode()}")


async def test_tokens_of_made_up_keys_do_not_become_requests(hubbub: Hubbub, provider: IdentityProvider) -> None:
    provider.make_key()
    token = provider.token(someone(), provider.make_key(published=False))
    error_of(await me(hubbub, token), "unauthenticated")
    asked = provider.asked
    for _ in range(5):
        error_of(await me(hubbub, token), "unauthenticated")
    assert provider.asked == asked


async def test_what_is_known_need_not_wait_for_what_is_not(hubbub: Hubbub, provider: IdentityProvider) -> None:
    """A stranger's token must not hold up those whose key was asked for before."""
    known, unknown, ada = provider.make_key(), provider.make_key(published=False), someone()
    data_of(await me(hubbub, provider.token(ada, known)))
    provider.held.clear()
    asked = provider.asked
    stranger = asyncio.create_task(me(hubbub, provider.token("mallory", unknown)))
    await eventually(lambda: provider.asked > asked, "the question for the unknown key")
    assert data_of(await me(hubbub, provider.token(ada, known)))["user"]["id"] == ada
    assert not stranger.done()
    provider.held.set()
    error_of(await stranger, "unauthenticated")


async def test_while_the_provider_is_away_its_tokens_are_unavailable(
    hubbub: Hubbub, provider: IdentityProvider, js: JsClients
) -> None:
    known, ada = provider.make_key(), someone()
    await assert_signs_in(js, hubbub, ada, provider.token(ada, known))
    await provider.stop()
    new = provider.make_key()
    await assert_refused(js, hubbub, provider.token(ada, new), "unavailable")
    await assert_signs_in(js, hubbub, ada, provider.token(ada, known))
    await provider.start()
    await assert_signs_in(js, hubbub, ada, provider.token(ada, new))


@pytest.mark.parametrize("answer", ["<h1>Maintenance</h1>", "[]", "{}"])
async def test_a_provider_that_answers_something_else_is_away(
    hubbub: Hubbub, provider: IdentityProvider, js: JsClients, answer: str
) -> None:
    key, ada = provider.make_key(), someone()
    provider.answer = answer
    await assert_refused(js, hubbub, provider.token(ada, key), "unavailable")
    provider.answer = None
    await assert_signs_in(js, hubbub, ada, provider.token(ada, key))


async def test_an_expired_token_of_the_provider_is_refused(
    hubbub: Hubbub, provider: IdentityProvider, js: JsClients
) -> None:
    await assert_refused(js, hubbub, provider.token(someone(), provider.make_key(), exp=int(time.time()) - 1))


async def test_a_subscription_token_of_the_provider_signs_nobody_in(
    hubbub: Hubbub, provider: IdentityProvider, js: JsClients
) -> None:
    await assert_refused(js, hubbub, provider.token(someone(), provider.make_key(), channel="app:private.x"))


async def test_an_audience_that_nobody_asked_for_is_no_matter(
    hubbub: Hubbub, provider: IdentityProvider, js: JsClients
) -> None:
    ada = someone()
    await assert_signs_in(js, hubbub, ada, provider.token(ada, provider.make_key(), aud="something", iss="somebody"))


async def test_without_a_secret_of_our_own_only_the_providers_tokens_count(
    hubbub: Hubbub, provider: IdentityProvider, js: JsClients
) -> None:
    await assert_refused(js, hubbub, jwt.encode({"sub": "mallory"}, SECRET, "HS256"))
    await assert_refused(js, hubbub, jwt.encode({"sub": "mallory"}, None, "none"))
    error_of(await hubbub.rest("POST", "/api/session", {"name": "Mallory"}), "not_found")


async def test_issuer_and_audience_must_be_right(start_hubbub: Callable[..., Hubbub], js: JsClients) -> None:
    async with identity_provider(free_port()) as provider:
        hubbub = start_hubbub(
            HUBBUB_JWKS_URL=url_of(provider.port),
            HUBBUB_JWT_ISSUER="https://id.example.com",
            HUBBUB_JWT_AUDIENCE="hubbub",
        )
        key, ada = provider.make_key(), someone()
        right: dict[str, Any] = {"iss": "https://id.example.com", "aud": "hubbub"}
        await assert_signs_in(js, hubbub, ada, provider.token(ada, key, **right))
        await assert_signs_in(js, hubbub, ada, provider.token(ada, key, **right | {"aud": ["other", "hubbub"]}))
        await assert_signs_in(js, hubbub, ada, hubbub.token(ada, **right))
        for wrong in ({"iss": "https://evil.example.com"}, {"iss": None}, {"aud": "other"}, {"aud": None}, {"aud": []}):
            await assert_refused(js, hubbub, provider.token(ada, key, **right | wrong))
            await assert_refused(js, hubbub, hubbub.token(ada, **right | wrong))


async def test_our_secret_and_a_provider_go_together(start_hubbub: Callable[..., Hubbub], js: JsClients) -> None:
    async with identity_provider(free_port()) as provider:
        key = provider.make_key()
        hubbub = start_hubbub(HUBBUB_JWKS_URL=url_of(provider.port))
        ada, bo = someone(), someone("bo")
        await assert_signs_in(js, hubbub, ada, hubbub.token(ada))
        await assert_signs_in(js, hubbub, bo, provider.token(bo, key))
