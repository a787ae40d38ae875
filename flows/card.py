"""The card of a dataset: what it is, what is in it, how it was made."""

import duckdb

from storage.dataset import Build


def _probed(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Say how well edited pictures can be told from the pair's other picture without a caption."""
    found = connection.sql(
        "SELECT method, original, accuracy, low, high FROM probes WHERE probe = 'visual' ORDER BY ALL"
    ).fetchall()
    lines = [f"- {method}, told from the {original}: {accuracy:.3f} ({low:.3f}-{high:.3f})"
             for method, original, accuracy, low, high in found]  # fmt: skip
    return ["", "## Visual blind accuracy (0.5 is perfect)", "", *lines] if lines else []


def too_few(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Say which accepted negatives no balance was sought for, because there were too few; None where there are none."""
    found = connection.sql(
        "SELECT operation, kept FROM refinement_by_operation() WHERE NOT balanced AND operation != 'all'"
    ).fetchall()
    if not found:
        return None
    listed = ", ".join(f"{operation} {kept:,}" for operation, kept in found)
    return (
        f"{sum(kept for _, kept in found):,} of the accepted negatives are not balanced, too few of their operation "
        f"(select.refine.fewest): {listed}. Models that see no picture may tell these; minimal_pairs.balanced is false."
    )


def _blind(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Say how well models that see no picture tell the wrong caption, before and after selection."""
    found = connection.sql(
        "WITH trained AS (PIVOT (FROM text_probes()) ON probe IN ('words', 'embeddings') "
        'USING first("accuracy before") AS before, first("accuracy after") AS after GROUP BY operation) '
        "SELECT operation, blind.before, blind.after, words_before, words_after, embeddings_before, embeddings_after "
        "FROM (SELECT operation, arg_max(before, told) AS before, arg_max(after, told) AS after "
        "FROM (SELECT *, abs(coalesce(after, before) - 0.5) AS told FROM blind_accuracy()) GROUP BY operation) blind "
        "FULL JOIN trained USING (operation) "
        "ORDER BY operation = 'all', operation"
    ).fetchall()
    if not found:
        return []
    return [
        "",
        "## Blind models",
        "",
        "How often a model that never sees the picture tells the original from the wrong caption; 0.5 is perfect.",
        "Before and after selection. The language model takes the likelier caption (of several, the model that then",
        "tells most); a logistic regression was trained",
        "on other images' captions, on their words and pairs of neighbouring words, and on the judge's vectors.",
        "",
        "| operation | language model before | after | words before | after | vectors before | after |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(f"| {name} | " + " | ".join("-" if share is None else f"{share:.3f}" for share in shares) + " |"
          for name, *shares in found),
    ]  # fmt: skip


def dataset_card(connection: duckdb.DuckDBPyConnection, build: Build) -> str:
    """Write the README.md of a dataset in Markdown, from the catalog of its build."""
    counts = build.counts
    operations = connection.sql("FROM acceptance_by_operation()").fetchall()
    licenses = connection.sql(
        "SELECT coalesce(license, 'not stated'), count(*) FROM pairs GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20"
    ).fetchall()
    models = [
        f"- {role}: {build.config[role]['model'] if build.config.get(role) else 'none named, those columns are null'}"
        for role in ("judge", "target")
    ]
    weighers = [model["model"] for model in build.config["plausibility"]]
    models.append(f"- plausibility: {', '.join(weighers) or 'none named, those columns are null'}")
    few = too_few(connection)
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
        *([few, ""] if few else []),
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
        *_blind(connection),
        *_probed(connection),
        "",
        "## Licences of the images, as the source states them",
        "",
        *(f"- {name}: {number:,} captions" for name, number in licenses),
        "",
    ]
    return "\n".join(lines)
