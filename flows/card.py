"""The card of a dataset: what it is, what is in it, how it was made."""

import duckdb

from storage.dataset import Build


def dataset_card(connection: duckdb.DuckDBPyConnection, build: Build) -> str:
    """Write the README.md of a dataset in Markdown, from the catalog of its build."""
    counts = build.counts
    operations = connection.sql("FROM acceptance_by_operation()").fetchall()
    licenses = connection.sql(
        "SELECT coalesce(license, 'not stated'), count(*) FROM pairs GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20"
    ).fetchall()
    models = [
        f"- {role}: {build.config[role]['model'] if build.config.get(role) else 'none named, those columns are null'}"
        for role in ("judge", "target", "plausibility")
    ]
    rows = "\n".join(f"| {name} | {made:,} | {usable:,} | {kept:,} |" for name, made, usable, kept, _ in operations)
    lines = [
        "# Hard negatives",
        "",
        f"{counts['accepted']:,} captions that are wrong by one thing, for {counts['pairs']:,} captions of "
        f"{counts['images']:,} images. Made by Counterfoil, build `{build.build_id}`.",
        "",
        "| operation | candidates | usable | accepted |",
        "| --- | ---: | ---: | ---: |",
        rows,
        "",
        "Read `minimal_pairs` first. Everything else, dropped candidates and their reasons too, is there for SQL:",
        "`counterfoil sql . 'from help()'`.",
        "",
        "## Models",
        "",
        f"- parser: {build.config['describe']['parser']}",
        *models,
        "",
        "## Licences of the images, as the source states them",
        "",
        *(f"- {name}: {number:,} captions" for name, number in licenses),
        "",
    ]
    return "\n".join(lines)
