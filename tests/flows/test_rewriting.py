"""A language model in a build: a real server on loopback writes, a small real model on this machine too."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import InputError
from storage.catalog import connect
from storage.dataset import Dataset
from tests.flows.conftest import Run
from tests.generators.text.llm.chat_server import Response, completion, serving

KEY = "sk-a-key-that-must-not-be-kept"
# What the server puts in a place, whatever is asked: right, wrong and no answers.
_PUTS = {"dog": "pony", "bench": "horse", "horse": "camel", "grass": "meadow", "red": "green", "on": "under"}


def answer(request: dict[str, Any]) -> Response:
    question = request["messages"][-1]["content"]
    caption, _, place = question.partition("\nChange: ")
    if not place:
        text = "Through the grass a dog is running ." if "dog runs" in caption else "Something else"
    else:
        text = caption.replace(f" {place} ", f" {_PUTS.get(place, place)} ", 1)
    return Response(body=completion(json.dumps({"caption": text}), tokens=50))


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with connect(Dataset(str(folder))) as connection:
        return list(connection.sql(sql).fetchall())


def test_a_server_writes_negatives_and_paraphrases_and_is_asked_once(
    run: Run, source: Path, tmp_path: Path, work: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERFOIL_TEST_KEY", KEY)
    data = tmp_path / "dataset"
    with serving(answer) as server:
        asked = {"model": "a-model", "server": server.url, "key": "env:COUNTERFOIL_TEST_KEY"}
        made = run(source, rewrite=asked, paraphrase=asked, images=[])
        assert set(server.keys) == {f"Bearer {KEY}"}
        requests = len(server.requests)
        assert requests > 20
        found = rows(
            data, "SELECT original, caption FROM text_negatives WHERE method = 'rewrite' AND failed_check IS NULL"
        )
        assert ("A woman rides a horse in a field .", "A woman rides a camel in a field .") in found
        assert made.counts["text_negatives"] == made.counts["verdicts"]
        [(scored,)] = rows(data, "SELECT count(*) FROM candidates WHERE method = 'rewrite' AND judge_s00 IS NOT NULL "
                                 "AND plausibility0 IS NOT NULL")  # fmt: skip
        assert scored == len(found)
        assert rows(data, "SELECT count(*) FROM (SELECT caption FROM text_negatives GROUP BY pair_id, caption "
                          "HAVING count(*) > 1)") == [(0,)], "nothing that the rules have said already"  # fmt: skip
        methods = {row[0] for row in rows(data, "FROM acceptance_by_method()")}
        assert methods == {"swap", "replace", "insert", "rewrite"}
        cost = "SELECT sum(tokens), sum(tries) FROM ledger WHERE stage = 'rewriting' AND check_name IS NULL"
        [(tokens, tries)] = rows(data, cost)
        assert tokens == 50 * tries > 0
        spent = rows(data, "SELECT sum(tokens), sum(tries) FROM cost_by_method() WHERE method = 'rewrite'")
        assert spent == [(tokens, tries)]
        same = rows(data, "SELECT DISTINCT caption FROM paraphrases WHERE failed_check IS NULL")
        assert same == [("Through the grass a dog is running .",)]
        assert rows(data, "SELECT failed_check FROM paraphrases WHERE caption = 'Something else' LIMIT 1") == [
            ("not_the_same",)
        ]

        assert run(source, rewrite=asked, paraphrase=asked, images=[]) == made
        # Other rules leave other captions to the model's answers; it is not asked again for what it has said.
        work.clear()
        run(source, rewrite=asked, paraphrase=asked, images=[], text={"per_operation": 2})
        assert work["TextNegatives"] > 0
        assert len(server.requests) == requests
    for file in data.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes()


def test_a_model_on_this_machine_writes_and_pictures_wait_for_it(run: Run, tmp_path: Path, models: Any) -> None:
    asked = {"model": models["plausibility"]["model"], "max_tokens": 3, "tries": 1}
    scenes = "shapes:4?seed=3"
    made = run(scenes, rewrite=asked, images=[{"method": "render"}], text={"rank": {**models["plausibility"]}})
    data = tmp_path / "dataset"
    assert len(made.shards["text_negatives"]) == 2 * len(made.shards["pairs"])
    ledger = "SELECT count(*) FILTER (stage = 'rewriting' AND tries > 0), count(*) FILTER (tokens > 0) FROM ledger"
    assert min(rows(data, ledger)[0]) > 0
    pictured = "SELECT count(*) FROM candidates WHERE image_negative_id IS NOT NULL"
    assert rows(data, pictured)[0][0] > 0


def test_a_missing_key_is_said_before_any_work(run: Run, source: Path, tmp_path: Path) -> None:
    asked = {"model": "m", "server": "http://127.0.0.1:9/v1", "key": "env:COUNTERFOIL_NO_SUCH_KEY"}
    with pytest.raises(InputError, match="COUNTERFOIL_NO_SUCH_KEY is not set"):
        run(source, rewrite=asked)
    assert not list((tmp_path / "dataset").rglob("*.parquet"))
