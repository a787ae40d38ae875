"""The builds that a dataset keeps: what each holds, what changed against the one before, and which is meant."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.text import Text

from flows.tables import Column, Columns
from schemas.errors import InputError
from storage.dataset import Build, Dataset

_SHORTEST = 8  # characters of the end of an id: its hash
_COUNTED = ("pairs", "images", "negatives", "accepted")


@dataclass(frozen=True)
class Entry:
    """One build as `counterfoil builds` tells it; of a damaged one nothing but its id is known."""

    build_id: str
    current: bool
    damaged: bool
    started: str | None  # ISO 8601, UTC
    images: int | None
    pairs: int | None
    negatives: int | None
    accepted: int | None
    # Sections of the config that differ from the build before; `data` where the pairs do, `code` where only what was
    # made of the same by the same config does.
    changed: list[str]


def entries(dataset: Dataset) -> list[Entry]:
    """List the builds that are there, oldest first; damaged ones are told of in the log too.

    Raises InputError where there is none.
    """
    ids = dataset.builds()
    if not ids:
        dataset.build()  # says so
    current, last = dataset.current(), None
    listed: list[Entry] = []
    for build_id in ids:
        build = dataset.read_build(build_id)
        if build is None:
            listed.append(Entry(build_id, False, True, None, None, None, None, None, []))
            continue
        images, pairs, negatives, accepted = map(build.counts.get, ("images", "pairs", "text_negatives", "accepted"))
        is_current = current is not None and current.build_id == build_id
        changed: list[str] = changes(last, build) if last is not None else []
        listed.append(Entry(build_id, is_current, False, build.started, images, pairs, negatives, accepted, changed))
        last = build
    return listed


def changes(before: Build, after: Build) -> list[str]:
    """Name what differs between two builds: sections of the config, `data`, `code`; see Entry."""
    sections = list(dict.fromkeys([*before.config, *after.config]))
    changed = [name for name in sections if before.config.get(name) != after.config.get(name)]
    if set(before.shards.get("pairs", [])) != set(after.shards.get("pairs", [])):
        changed.append("data")
    return changed or ["code"]


def shown(listed: Sequence[Entry]) -> RenderableType:
    """Lay out builds, a line each; ids as short as they can be told from each other."""
    known = [entry.build_id for entry in listed]
    cells = [
        [("* " if entry.current else "  ") + short(entry.build_id, known) for entry in listed],
        [(entry.started or "-")[:16].replace("T", " ") for entry in listed],
        *([_counted(getattr(entry, name)) for entry in listed] for name in _COUNTED),
        ["damaged" if entry.damaged else ", ".join(entry.changed) or "-" for entry in listed],
    ]
    heads = ("  build", "when (UTC)", *_COUNTED, "changed")
    columns = [Column(head, column, head in _COUNTED) for head, column in zip(heads, cells, strict=True)]
    return Group(Columns(columns, ruled=False), Text("* is current; changed: against the build before", style="dim"))


def chosen_build(dataset: Dataset, name: str | None) -> Build:
    """Read the build that is meant by an id, or by a beginning or end of it or of its hash that no other has; by
    None, the current one.

    Raises InputError where there is none, or several.
    """
    if name is None:
        return dataset.build()
    known = dataset.builds()
    found = [name] if name in known else [each for each in known if _may_be(each, name)]
    if name and len(found) > 1:
        raise InputError(f"{dataset.root}: {name} may be any of {', '.join(found[-5:])}; give more of the id")
    return dataset.build(found[0] if name and found else name)


def _may_be(build_id: str, name: str) -> bool:
    moment_and_hash = build_id.split("-")
    return build_id.endswith(name) or any(part.startswith(name) for part in (build_id, *moment_and_hash))


def two_builds(dataset: Dataset, names: Sequence[str]) -> tuple[Build, Build]:
    """Read the two builds to compare, older or first named first: the last two, or a named one and the current one, or
    two named ones.

    Raises InputError where there are no two.
    """
    if names:
        before, after = chosen_build(dataset, names[0]), chosen_build(dataset, names[1] if len(names) > 1 else None)
    else:
        last = list(_newest(dataset, 2))
        if len(last) < 2:
            dataset.build()  # says so where there is none at all
            raise InputError(f"{dataset.root}: there is one build, and nothing to compare it with")
        after, before = last
    if before.build_id == after.build_id:
        raise InputError(f"{dataset.root}: {before.build_id} is both builds; name another one")
    return before, after


def short(build_id: str, known: Sequence[str]) -> str:
    """Cut an id down to the shortest end that tells it from the others."""
    for length in range(_SHORTEST, len(build_id)):
        if sum(each.endswith(build_id[-length:]) for each in known) == 1:
            return build_id[-length:]
    return build_id


def _newest(dataset: Dataset, number: int) -> Iterator[Build]:
    for build in map(dataset.read_build, reversed(dataset.builds())):
        if build is not None:
            yield build
            number -= 1
            if number == 0:
                return


def _counted(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"
