"""Plausibility as a stage: its rows, its ledger, its identity."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from filters.plausibility import Plausibility
from schemas.config import Compute
from schemas.config import Plausibility as Settings
from schemas.errors import InputError
from schemas.stage import ledger_of
from schemas.tables import SCORES
from tests.filters.conftest import Hub
from tests.tiny_models import make_tiny_language_model

CPU = Compute(device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_tiny_language_model(tmp_path_factory.mktemp("language") / "tiny")


def rows(*pairs: tuple[str, str, str]) -> pa.Table:
    names = ("text_negative_id", "caption0", "caption1", "operation")
    columns = zip(*((str(n), *pair) for n, pair in enumerate(pairs)), strict=True)
    return pa.table(dict(zip(names, map(list, columns), strict=True)))


def test_each_caption_is_scored_once_whatever_the_batch(model: str) -> None:
    table = rows(("A dog runs .", "A cat runs .", "replace_object"), ("A dog runs .", "A dog sits .", "replace_action"))
    small, large = (Plausibility(Settings(model=model, batch_tokens=n), CPU) for n in (8, 4096))
    one, many = small(table), large(table)
    assert small.scorer.scored == large.scorer.scored == 3
    assert many.schema.remove_metadata().equals(SCORES)
    for name in ("plausibility0", "plausibility1"):
        assert one[name].to_pylist() == pytest.approx(many[name].to_pylist(), rel=1e-4)
    assert set(many["role"].to_pylist()) == {"language"}
    assert large(table).equals(many), "the same table gives the same bits"


def test_the_ledger_counts_tokens_by_operation(model: str) -> None:
    stage = Plausibility(Settings(model=model), CPU)
    made = stage(rows(("A dog", "A cat", "replace_object"), ("A dog", "A dog runs", "replace_action")))
    ledger = {entry["operation"]: entry for entry in ledger_of(made, "plausibility", "shard").to_pylist()}
    assert ledger["replace_object"]["tokens"] == made["tokens1"][0].as_py()
    assert ledger["replace_action"]["rows_out"] == 1


def test_the_ledger_counts_what_is_no_number(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Plausibility(Settings(model=model), CPU)
    totals = stage.scorer._totals
    monkeypatch.setattr(stage.scorer, "_totals", lambda all_: totals(all_) | {all_[-1]: float("nan")})
    made = stage(rows(("A dog", "A cat", "replace_object"), ("A dog", "A dog runs", "replace_action")))
    checks = {entry["check_name"]: entry["rows_out"] for entry in ledger_of(made, "plausibility", "shard").to_pylist()}
    assert checks["no_number"] == 1
    assert made["plausibility0"].null_count + made["plausibility1"].null_count > 0


def test_a_caption_that_is_too_long_has_no_score(tmp_path: Path) -> None:
    config = Path(make_tiny_language_model(tmp_path), "config.json")
    config.write_text(json.dumps({**json.loads(config.read_text()), "max_position_embeddings": 8}))
    stage = Plausibility(Settings(model=str(tmp_path)), CPU)
    [row] = stage(rows(("A dog", "A dog runs " * 20, "add_object"))).to_pylist()
    assert row["plausibility0"] < 0
    assert (row["plausibility1"], row["tokens1"]) == (None, None)


def test_a_hub_model_is_pinned_to_the_commit_in_the_cache(hub: Hub, model: str) -> None:
    commit = hub.add("us/tiny-language", Path(model))
    stage = Plausibility(Settings(model="us/tiny-language"), CPU)
    stage.check()
    assert commit in stage.identity[2]
    pair = rows(("A dog runs .", "A cat runs .", "replace_object"))
    made = Plausibility(Settings(model=model), CPU)(pair)
    assert (
        stage(pair).select(["plausibility0", "plausibility1"]).equals(made.select(["plausibility0", "plausibility1"]))
    )
    with pytest.raises(InputError, match="hub gave no answer"):
        Plausibility(Settings(model="us/no-such-model"), CPU).check()


def test_the_identity_follows_the_weights(model: str, tmp_path: Path) -> None:
    other = make_tiny_language_model(tmp_path)
    ours, theirs = (Plausibility(Settings(model=name), CPU) for name in (model, other))
    assert ours.identity == theirs.identity, "the same weights in another folder"
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\1\2\3\4")
    assert ours.identity != Plausibility(Settings(model=other), CPU).identity
