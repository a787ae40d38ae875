"""Keys are found where the config says, and never told."""

import asyncio

import pytest

from flows.secrets import secret_of
from schemas.errors import InputError


def test_no_key_is_no_key() -> None:
    assert secret_of(None)() is None


def test_a_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    find = secret_of("env:TINY_KEY")
    monkeypatch.setenv("TINY_KEY", "sk-one")
    assert find() == "sk-one"
    monkeypatch.setenv("TINY_KEY", "sk-two")
    assert find() == "sk-two"
    for unset in ("", None):
        if unset is None:
            monkeypatch.delenv("TINY_KEY")
        else:
            monkeypatch.setenv("TINY_KEY", unset)
        with pytest.raises(InputError, match="the environment variable TINY_KEY is not set"):
            find()


@pytest.mark.slow
def test_a_key_in_a_secret_block(
    harness: None,  # noqa: ARG001
) -> None:
    from prefect.blocks.system import Secret

    Secret(value="sk-block").save("tiny-key")
    Secret(value="0123").save("digits")
    Secret(value="123").save("number")
    Secret(value={"not": "text"}).save("table")
    assert secret_of("prefect:tiny-key")() == "sk-block"
    assert secret_of("prefect:digits")() == "0123"
    assert secret_of("prefect:number")() == "123"

    async def inside_a_loop() -> str | None:
        return secret_of("prefect:tiny-key")()

    assert asyncio.run(inside_a_loop()) == "sk-block"
    for name in ("nowhere", "table"):
        with pytest.raises(InputError, match=f"Prefect has no Secret block {name}") as caught:
            secret_of(f"prefect:{name}")()
        assert "\n" not in str(caught.value)
        assert "text" not in repr(caught.value.__cause__)


def test_a_prefect_that_cannot_be_asked() -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}),
        pytest.raises(InputError, match=r"key prefect:tiny-key: Prefect cannot be asked \(\w+\)"),
    ):
        secret_of("prefect:tiny-key")()
