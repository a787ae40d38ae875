"""Training: what the losses ask for, and that an interruption changes nothing."""

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models import train_clip
from models.facts import FACTS
from models.lessons import Lessons, make_lessons
from models.train_clip import (
    RECIPES,
    Batch,
    Material,
    Part,
    Towers,
    batches,
    fact_loss,
    first_loss,
    judge_loss,
    make_tokenizer,
    plain_loss,
    tokenise,
)


@pytest.fixture(scope="module")
def lessons() -> Lessons:
    return make_lessons(64, seed=8, workers=1)


@pytest.fixture(scope="module")
def material(lessons: Lessons) -> Material:
    return Material.of(lessons, [Part(40, 5), Part(24, 3)])


def first_batch(material: Material, pairs: int = 8) -> Batch:
    small = replace(material, parts=[(np.arange(len(material.lessons)), pairs)])
    return next(batches(small, 0))


def test_a_tokenizer_reads_any_text_and_ends_it(lessons: Lessons) -> None:
    tokenizer = make_tokenizer(lessons.captions.reshape(-1).tolist())
    for text in ("A red circle.", "Ein Haus, älter als 100 Jahre 🙂"):
        ids = tokenizer(text)["input_ids"]
        assert (ids[0], ids[-1]) == (1, 2)
        assert tokenizer.decode(ids[1:-1]).strip() == text.lower()
    assert tokenise(tokenizer, np.array([["a " * 100]])).shape == (1, 1, train_clip.CONTEXT)


def test_batches_go_on_where_they_were_left(material: Material) -> None:
    whole = list(islice(batches(material, 0), 9))
    rest = list(islice(batches(material, 5), 2))
    for ours, theirs in zip(whole[5:7], rest, strict=True):
        assert torch.equal(ours.images, theirs.images)
        assert torch.equal(ours.said, theirs.said)
    assert not torch.equal(whole[0].captions, whole[8].captions), "each epoch has an order of its own"
    assert whole[0].shown.shape == (16, len(FACTS))
    assert whole[0].said.shape == (16, 2, len(FACTS))


def test_each_kind_of_lesson_has_its_part_of_a_step(material: Material) -> None:
    for batch in islice(batches(material, 0), 8):
        own = [
            (material.tokens == pair).flatten(1).all(1).nonzero()[0, 0] for pair in batch.captions.unflatten(0, (8, 2))
        ]
        assert [int(at) < 40 for at in own] == [True] * 5 + [False] * 3


def test_captions_in_groups_of_a_length_read_as_all_at_once(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    towers, captions = Towers().eval(), first_batch(material).captions
    in_groups = towers.captions(captions)
    monkeypatch.setattr(train_clip, "_GROUPS", 1)
    for ours, theirs in zip(in_groups, towers.captions(captions), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_a_denial_turns_the_sign_of_a_fact(material: Material) -> None:
    towers, batch = Towers(), first_batch(material)
    shown, spoken = torch.zeros(16, 384), torch.zeros(16, 384)
    with torch.no_grad():
        torch.nn.init.zeros_(towers.facts.weight)
        towers.facts.weight[0, 0] = 1.0
    batch.said[:] = 0
    costs = {}
    for name, sign in (("said", 0), ("denied", 1)):
        batch.said[:, :, 0] = torch.eye(2)[sign]
        for way in (-6.0, 0.0, 6.0):
            spoken[:, 0] = way
            costs[name, way] = fact_loss(towers, batch, shown, spoken).item()
    assert costs["said", 6.0] < costs["said", 0.0] < costs["said", -6.0]
    assert costs["denied", -6.0] < costs["denied", 0.0] < costs["denied", 6.0]
    batch.said[:] = 0
    unsaid = {}
    for way in (-6.0, 0.0, 6.0):
        spoken[:, 0] = way
        unsaid[way] = fact_loss(towers, batch, shown, spoken).item()
    assert unsaid[0.0] == min(unsaid.values()), "what is not spoken of is neither"


@pytest.mark.parametrize("loss", [first_loss, judge_loss, plain_loss])
def test_every_loss_falls_on_a_batch_that_is_learned_by_heart(loss: Any, material: Material) -> None:
    torch.manual_seed(0)
    towers, batch = Towers(), first_batch(material)
    optimizer = torch.optim.AdamW(towers.parameters(), lr=1e-3)
    values = []
    for _ in range(8):
        value = loss(towers, batch)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert np.isfinite(values).all()
    assert values[-1] < 0.8 * values[0]


def test_the_judge_is_not_taught_against_what_is_true(material: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where caption 0 is true of image 1 too, bringing these two together must cost nothing."""
    torch.manual_seed(0)
    batch = replace(first_batch(material, 2), entailed=torch.tensor([True, True]))
    towers = Towers().eval()
    vectors = torch.nn.functional.normalize(torch.randn(4, 8), dim=-1)
    said = torch.randn(4, 8)
    for name in ("first_loss", "looking_loss", "reading_loss", "fact_loss"):
        monkeypatch.setattr(train_clip, name, lambda *_: torch.zeros(()))
    monkeypatch.setattr(towers, "images", lambda _: vectors)
    costs = []
    for mix in (0.0, 0.9):
        moved = said.clone()
        for pair in (0, 2):  # caption 0 moves toward image 1, its own image stays as near as it was
            own, twin = vectors[pair], vectors[pair + 1]
            aside = twin - (twin @ own) * own
            moved[pair] = own + mix * aside / aside.norm()
        monkeypatch.setattr(towers, "captions", lambda _, moved=moved: (moved, moved))
        unit = torch.nn.functional.normalize(moved, dim=-1)
        scaled = towers.clip.logit_scale.exp() * vectors @ unit.T
        costs.append((scaled[1, 0].item(), judge_loss(towers, batch)))
    assert costs[1][0] > costs[0][0]
    wrong = replace(batch, entailed=torch.tensor([False, False]))
    assert judge_loss(towers, wrong) > costs[1][1], "and where it is false, it costs"


@pytest.mark.slow
def test_a_run_that_was_stopped_and_resumed_gives_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {"written": Part(64, 4), "built": Part(6, 3), "edited": Part(4, 1)}
    small = replace(RECIPES["shapes-clip"], steps=4, alone=2, **parts)
    monkeypatch.setitem(train_clip.RECIPES, "shapes-clip", small)
    monkeypatch.setattr(train_clip, "_EXAM", (64, 6))
    monkeypatch.setattr(train_clip, "HERE", tmp_path)
    whole = train_clip.train("shapes-clip", tmp_path / "whole").state_dict()
    train_clip.train("shapes-clip", tmp_path / "parts", steps=3)
    parts = train_clip.train("shapes-clip", tmp_path / "parts").state_dict()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert (tmp_path / "shapes-clip" / "open_clip_model.safetensors").exists()
