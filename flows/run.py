"""Run the build from a command line: with the Prefect server that is set up, or with none at all."""

import os

from flows.errors import unreachable
from schemas.errors import InputError
from storage.dataset import Build


def run_build(config: str, out: str, source: str | None, settings: list[str]) -> Build:
    """Run the build flow.

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

    from flows.build import build

    if server is None:
        made: Build = build.fn(config, out, source, settings)
        return made
    # What is printed is for the terminal here, where Prefect's own lines would drown it.
    with tags("counterfoil"):
        recorded: Build = build.with_options(log_prints=False)(config, out, source, settings)
    return recorded
