"""The card of a dataset: what it is, what is in it, how it was made."""

import duckdb

from storage.dataset import Build


def _probed(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Say how well edited pictures can be told from the pair's other picture without a caption."""
    found = connection.sql("SELECT method, original, accuracy, low, high FROM probes ORDER BY ALL").fetchall()
    lines = [f"- {method}, told from the {original}: {accuracy:.3f} ({low:.3f}-{high:.3f})"
             for method, original, accuracy, low, high in found]  # fmt: skip
    return ["", "## Visual blind accuracy (0.5 is perfect)", "", *lines] if lines else []


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
        *(
            f"- pictures: {editor['method']}" + (f" by {editor['model']}" if editor["model"] else "")
            for editor in build.config.get("images", ())
        ),
        *_probed(connection),
        "",
        "## Licences of the images, as the source states them",
        "",
        *(f"- {name}: {number:,} captions" for name, number in licenses),
        "",
    ]
    return "\n".join(lines)
