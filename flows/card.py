"""The card of a dataset in the form of the Hugging Face hub: what it is, what is in it, how good, how it was made."""

from collections.abc import Sequence
from typing import Any

import duckdb

from exports.card import USE, Example, cell, examples, header
from schemas.roles import numbered
from storage.dataset import Build
from storage.packs import folder, has_pictures

# What the hub shows of the tables, the first by default.
_SHOWN = (
    "text_negatives",
    "pairs",
    "verdicts",
    "scores",
    "image_negatives",
    "images",
    "labels",
    "paraphrases",
    "rejects",
)
_MOST_LICENSES = 20  # rows; some sources state one for each picture
RELEVANCE = (
    "SELECT role, method, preferred_to, pictures, share, format('{:.3f}-{:.3f}', low, high) FROM relevance_bias()"
)
ASSOCIATION = (
    "SELECT role, change, captions, error, absent, bias, format('{:+.3f} to {:+.3f}', low, high) "
    "FROM concept_association()"
)
_ONE_EACH = (
    "SELECT operation, original, caption FROM text_negatives "
    "JOIN (SELECT text_negative_id FROM verdicts WHERE accepted) USING (text_negative_id) "
    "QUALIFY row_number() OVER (PARTITION BY operation ORDER BY md5(text_negative_id)) = 1 ORDER BY operation"
)


def dataset_card(connection: duckdb.DuckDBPyConnection, build: Build) -> str:
    """Write the README.md of a dataset in Markdown, from the catalog of its build."""
    licenses = connection.sql("FROM licenses()").fetchall()
    few = too_few(connection)
    return "\n".join(
        [
            *header({row[0]: row[1] for row in licenses}, build.counts["text_negatives"], _configs(build)),
            "# Hard negatives",
            "",
            f"{build.counts['accepted']:,} captions that are wrong by one thing, for {build.counts['pairs']:,} "
            f"captions of {build.counts['images']:,} images. Made by Counterfoil, build `{build.build_id}`.",
            "",
            *_table(
                connection,
                ("operation", "candidates", "usable", "accepted"),
                "SELECT operation, candidates, usable, accepted FROM acceptance_by_operation()",
            ),
            *([few, ""] if few else []),
            "Read `minimal_pairs` first. Everything else, dropped candidates and their reasons too, is there for SQL:",
            "`counterfoil sql . 'from help()'`; `counterfoil gallery .` makes a page to look at it by. To train with",
            "it, or to put it on the hub: `counterfoil export . OUT --to huggingface`.",
            "",
            *examples([Example(*row) for row in connection.sql(_ONE_EACH).fetchall()]),
            *measured(connection, build),
            *_models(build),
            USE,
            "## Licences of the images, as the source states them",
            "",
            *_written(("licence", "captions", "images", "usable", "accepted"), licenses[:_MOST_LICENSES]),
            *(
                [f"And {len(licenses) - _MOST_LICENSES:,} more: `FROM licenses()`.", ""]
                if len(licenses) > _MOST_LICENSES
                else []
            ),
        ]
    )


def measured(connection: duckdb.DuckDBPyConnection, build: Build) -> list[str]:
    """Say how good what a build has accepted is, as far as that was measured."""
    return [*_quality(connection, build), *_blind(connection), *_probed(connection)]


def roles(build: Build) -> dict[str, str]:
    """Name the alignment models of a build by their roles: judge, target, target 2, ..."""
    judge, targets = build.config.get("judge"), build.config.get("target") or ()
    named = {"judge": judge["model"]} if judge else {}
    return named | {numbered("target", place): clip["model"] for place, clip in enumerate(targets)}


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


def _configs(build: Build) -> list[dict[str, Any]]:
    """Say where the rows of each table of this build are: other builds' files lie beside them."""
    configs: list[dict[str, Any]] = []
    for table in (each for each in _SHOWN if build.shards.get(each)):
        packed = table in build.packs and not has_pictures(table)
        files: Any = [f"{table}/{shard}.parquet" for shard in build.shards[table]]
        configs.append({
            "config_name": table,
            "data_files": f"{folder(build.build_id, table)}/*.parquet" if packed else files,
            **({"default": True} if not configs else {}),
        })  # fmt: skip
    return configs


def _quality(connection: duckdb.DuckDBPyConnection, build: Build) -> list[str]:
    """Say what truth and people say of what was accepted, where either was asked, and how the models fare."""
    columns = ("operation", "usable", "really wrong", "accepted", "really wrong of these", "recall")
    truth = _table(connection, columns, "FROM precision_and_recall()")
    people = _table(
        connection,
        ("operation", "negatives", "votes", "good", "95% interval", "kappa"),
        "SELECT operation, negatives, votes, good, format('{:.3f}-{:.3f}', low, high), kappa FROM human_agreement()",
    )
    models = [
        part
        for role in roles(build)
        for part in _table(
            connection,
            (f"{role}: operation", "accepted", "captions", "pairs", "text", "image", "group"),
            f"FROM matching_scores('{role}')",
        )
    ]
    told = [
        *(["Against computed truth: the share that really is wrong.", "", *truth] if truth else []),
        *(["What people say who were not told what was decided.", "", *people] if people else []),
        *(["Share of the accepted pairs that the models match right.", "", *models] if models else []),
        *_biases(connection),
    ]
    return ["## Quality", "", *told] if told else []


def _biases(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Say what the models take for a sign of a match that is none."""
    relevance = _table(
        connection,
        ("model", "editor", "rather than", "pictures", "share", "95% interval"),
        RELEVANCE,
    )
    association = _table(
        connection,
        ("model", "change", "captions", "wrong", "wrong by what is not there", "bias", "95% interval"),
        ASSOCIATION,
    )
    edited = "Relevance bias: how often captions of other pictures fit the edited picture better; 0.5 is none."
    purple = "Concept association bias: captions got wrong where one thing has what another has (a purple lemon)."
    return [*([edited, "", *relevance] if relevance else []), *([purple, "", *association] if association else [])]


def _probed(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Say how well edited pictures can be told from the pair's other picture without a caption."""
    found = connection.sql(
        "SELECT method, original, accuracy, low, high FROM probes WHERE probe = 'visual' ORDER BY ALL"
    ).fetchall()
    lines = [f"- {method}, told from the {original}: {accuracy:.3f} ({low:.3f}-{high:.3f})"
             for method, original, accuracy, low, high in found]  # fmt: skip
    return ["## Visual blind accuracy (0.5 is perfect)", "", *lines, ""] if lines else []


def _blind(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Say how well models that see no picture tell the wrong caption, before and after selection."""
    table = _table(
        connection,
        ("operation", "language model before", "after", "words before", "after", "vectors before", "after"),
        "WITH trained AS (PIVOT (FROM text_probes()) ON probe IN ('words', 'embeddings') "
        'USING first("accuracy before") AS before, first("accuracy after") AS after GROUP BY operation) '
        "SELECT operation, blind.before, blind.after, words_before, words_after, embeddings_before, embeddings_after "
        "FROM (SELECT operation, arg_max(before, told) AS before, arg_max(after, told) AS after "
        "FROM (SELECT *, abs(coalesce(after, before) - 0.5) AS told FROM blind_accuracy()) GROUP BY operation) blind "
        "FULL JOIN trained USING (operation) "
        "ORDER BY operation = 'all', operation",
    )
    if not table:
        return []
    return [
        "## Blind models",
        "",
        "How often a model that never sees the picture tells the original from the wrong caption; 0.5 is perfect.",
        "Before and after selection. The language model takes the likelier caption (of several, the model that then",
        "tells most); a logistic regression was trained",
        "on other images' captions, on their words and pairs of neighbouring words, and on the judge's vectors.",
        "",
        *table,
    ]


def _models(build: Build) -> list[str]:
    known = roles(build)
    named = [f"- {role}: {model}" for role, model in known.items()]
    named += [f"- {role}: none named, those columns are null" for role in ("judge", "target") if role not in known]
    weighers = ", ".join(model["model"] for model in build.config["plausibility"])
    return [
        "## Models",
        "",
        f"- parser: {build.config['describe']['parser']}",
        *named,
        f"- plausibility: {weighers or 'none named, those columns are null'}",
        *(
            f"- pictures: {editor['method']}" + (f" by {editor['model']}" if editor["model"] else "")
            for editor in build.config.get("images", ())
        ),
        "",
    ]


def _table(connection: duckdb.DuckDBPyConnection, columns: tuple[str, ...], sql: str) -> list[str]:
    """Write the answer of a query, as `_written` does."""
    return _written(columns, connection.sql(sql).fetchall())


def _written(columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """Write rows that begin with a name as a table; nothing where there are none."""
    if not rows:
        return []
    return [
        f"| {' | '.join(columns)} |",
        f"| --- |{' ---: |' * (len(columns) - 1)}",
        *(f"| {cell(name)} | {' | '.join(map(_number, rest))} |" for name, *rest in rows),
        "",
    ]


def _number(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}" if isinstance(value, float) else cell(str(value))
