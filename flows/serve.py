"""Serve the deployments of prefect.yaml from this process, with no work pool and no worker: `python -m flows.serve`."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import yaml
from prefect import Flow, serve
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.events import DeploymentTriggerTypes
from prefect.types.entrypoint import EntrypointType
from pydantic import BaseModel

from schemas.errors import InputError


class _Schedule(BaseModel):
    cron: str
    timezone: str = "UTC"
    active: bool = True


class _Deployment(BaseModel):
    """What of a deployment in prefect.yaml does not say where it runs."""

    name: str
    description: str | None = None
    tags: list[str] = []
    parameters: dict[str, Any] = {}
    schedules: list[_Schedule] = []
    concurrency_limit: ConcurrencyLimitConfig | None = None
    entrypoint: str
    triggers: list[DeploymentTriggerTypes] = []


class _Project(BaseModel):
    deployments: list[_Deployment]


def deployments(file: Path) -> list[RunnerDeployment]:
    """Read the deployments that a prefect.yaml describes, less their work pools.

    Raises InputError where there is no such file, or it is none, or an entrypoint is no flow.
    """
    try:
        project = _Project.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}; give the path of a prefect.yaml") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{file}: no deployments can be read: {' '.join(str(error).split())[:300]}") from error
    return [_served(each) for each in project.deployments]


def _served(each: _Deployment) -> RunnerDeployment:
    schedules = [
        DeploymentScheduleCreate(
            schedule=CronSchedule(cron=schedule.cron, timezone=schedule.timezone), active=schedule.active
        )
        for schedule in each.schedules
    ]
    made = _flow(each).to_deployment(
        each.name,
        description=each.description,
        tags=each.tags,
        parameters=each.parameters,
        schedules=schedules,
        concurrency_limit=each.concurrency_limit,
        triggers=[*each.triggers],
        entrypoint_type=EntrypointType.MODULE_PATH,  # from wherever the package is installed
    )
    return cast(RunnerDeployment, made)  # a coroutine only where a loop runs


def _flow(each: _Deployment) -> Flow[..., Any]:
    module, _, name = each.entrypoint.rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, ValueError, AttributeError) as error:
        raise InputError(f"deployment {each.name}: entrypoint {each.entrypoint}: {error}") from error
    if not isinstance(found, Flow):
        raise InputError(f"deployment {each.name}: entrypoint {each.entrypoint}: is no flow")
    return found


def main() -> None:
    """Serve until interrupted: `python -m flows.serve [FILE]`, by default ./prefect.yaml."""
    try:
        served = deployments(Path(sys.argv[1] if len(sys.argv) > 1 else "prefect.yaml"))
    except InputError as error:
        print(f"counterfoil: {error}", file=sys.stderr)
        sys.exit(2)
    serve(*served)


if __name__ == "__main__":
    main()
