"""Where a key is found that no config may hold."""

import os
from collections.abc import Callable
from typing import Any

from schemas.errors import InputError


def secret_of(key: str | None) -> Callable[[], str | None]:
    """Return what finds the key at `env:NAME` or `prefect:NAME` whenever it is asked; None has none.

    What is returned raises InputError where nothing is there.
    """
    if key is None:
        return lambda: None
    kind, _, name = key.partition(":")
    return {"env": lambda: _from_environment(name), "prefect": lambda: _from_block(name)}[kind]


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise InputError(f"key env:{name}: the environment variable {name} is not set; export it where the build runs")
    return value


def _from_block(name: str) -> str:
    from prefect.blocks.system import Secret

    missing = f"key prefect:{name}: Prefect has no Secret block {name} with a text; make one of that name"
    try:
        block: Any = Secret.load(name, _sync=True)  # type: ignore[call-arg]  # else a coroutine inside a running loop
    except ValueError:
        raise InputError(missing) from None
    except Exception as error:  # of Prefect's own, of its HTTP client, of its settings
        raise InputError(f"key prefect:{name}: Prefect cannot be asked ({type(error).__name__})") from None
    value = block.value.get_secret_value()  # as it was stored: get() makes a number of a key that looks like one
    if not isinstance(value, str) or not value:
        raise InputError(missing)
    return value
