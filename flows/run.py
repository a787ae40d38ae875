"""Run the build from a command line: with the Prefect server that is set up, or with none at all."""

import os

from schemas.errors import InputError
from storage.dataset import Build
from storage.trouble import in_words


def run_build(config: str, out: str, source: str | None, settings: list[str]) -> Build:
    """Run the build flow.

    Where PREFECT_API_URL or the active profile names a server, the run is recorded there. Elsewhere the
    same function runs without one: a temporary server costs twelve seconds and forgets the run.

    Raises InputError for what a person can mend, trouble of disks, networks and stores included.
    """
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    from prefect.settings import get_current_settings

    from flows.build import build

    recorded = get_current_settings().api.url is not None
    run = build if recorded else build.fn
    try:
        made: Build = run(config, out, source, settings)
    except Exception as error:
        told = in_words(error, out)
        if told is None:
            raise
        raise InputError(told) from error
    return made
