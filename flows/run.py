"""Run a flow from a command line: with the Prefect server that is set up, or with none at all."""

import os
from importlib import import_module
from typing import Any

from flows.errors import unreachable
from schemas.errors import InputError
from storage.dataset import Build


def run_build(config: str, out: str, source: str | None, settings: list[str]) -> Build:
    """Run the build flow, see `run_flow`."""
    made: Build = run_flow("build", config, out, source, settings)
    return made


def run_flow(name: str, *given: Any) -> Any:
    """Run a flow, `build` or `finetune`, each of the module of its name.

    Where PREFECT_API_URL or the active profile names a server, the run is recorded there. Elsewhere the
    same function runs without one: a temporary server costs twelve seconds and forgets the run.

    Raises InputError where that server does not answer, before any model is imported.
    """
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    from prefect import get_client, tags
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, get_current_settings, temporary_settings

    server = get_current_settings().api.url
    if server is not None:
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}), get_client(sync_client=True) as client:
            failure = client.api_healthcheck()
        if failure is not None:
            raise InputError(unreachable(str(server))) from failure

    flow = getattr(import_module(f"flows.{name}"), name)
    if server is None:
        return flow.fn(*given)
    # What is printed is for the terminal here, where Prefect's own lines would drown it.
    with tags("counterfoil"):
        return flow.with_options(log_prints=False)(*given)
