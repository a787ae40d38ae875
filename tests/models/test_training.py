"""Training: what the losses ask for, and that an interruption changes nothing."""

from dataclasses import replace
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
    Towers,
    batches,
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
def tokens(lessons: Lessons) -> dict[str, torch.Tensor]:
    tokenizer = make_tokenizer(lessons.captions.reshape(-1).tolist())
    return {
        "captions": tokenise(tokenizer, lessons.captions),
        "true": tokenise(tokenizer, lessons.more[:, :, 0]),
        "wrong": tokenise(tokenizer, lessons.more[:, :, 1]),
    }


def first_batch(lessons: Lessons, tokens: dict[str, torch.Tensor], size: int = 8) -> Batch:
    return next(batches(lessons, tokens, size, 0))


def test_a_tokenizer_reads_any_text_and_ends_it(lessons: Lessons) -> None:
    tokenizer = make_tokenizer(lessons.captions.reshape(-1).tolist())
    for text in ("A red circle.", "Ein Haus, älter als 100 Jahre 🙂"):
        ids = tokenizer(text)["input_ids"]
        assert (ids[0], ids[-1]) == (1, 2)
        assert tokenizer.decode(ids[1:-1]).strip() == text.lower()
    assert tokenise(tokenizer, np.array([["a " * 100]])).shape == (1, 1, train_clip.CONTEXT)


def test_batches_go_on_where_they_were_left(lessons: Lessons, tokens: dict[str, torch.Tensor]) -> None:
    from itertools import islice

    whole = list(islice(batches(lessons, tokens, 16, 0), 7))
    rest = list(islice(batches(lessons, tokens, 16, 5), 2))
    for ours, theirs in zip(whole[5:], rest, strict=True):
        assert torch.equal(ours.images, theirs.images)
        assert torch.equal(ours.facts, theirs.facts)
    assert not torch.equal(whole[0].captions, whole[4].captions), "each epoch has an order of its own"
    assert whole[0].facts.shape == (128, len(FACTS))


@pytest.mark.parametrize("loss", [first_loss, judge_loss, plain_loss])
def test_every_loss_falls_on_a_batch_that_is_learned_by_heart(
    loss: Any, lessons: Lessons, tokens: dict[str, torch.Tensor]
) -> None:
    torch.manual_seed(0)
    towers, batch = Towers(), first_batch(lessons, tokens)
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


def test_the_judge_is_not_taught_against_what_is_true(
    lessons: Lessons, tokens: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where caption 0 is true of image 1 too, bringing these two together must cost nothing."""
    torch.manual_seed(0)
    batch = replace(first_batch(lessons, tokens, 2), entailed=torch.tensor([True, True]))
    towers = Towers().eval()
    vectors = torch.nn.functional.normalize(torch.randn(4, 8), dim=-1)
    said = torch.randn(12, 8)
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
    small = replace(RECIPES["shapes-clip"], steps=4, rows=64, batch=8, alone=2)
    monkeypatch.setitem(train_clip.RECIPES, "shapes-clip", small)
    real = train_clip.kept_lessons
    monkeypatch.setattr(train_clip, "kept_lessons", lambda work, rows, seed: real(work, min(rows, 64), seed))
    monkeypatch.setattr(train_clip, "HERE", tmp_path)
    whole = train_clip.train("shapes-clip", tmp_path / "whole").state_dict()
    train_clip.train("shapes-clip", tmp_path / "parts", steps=3)
    parts = train_clip.train("shapes-clip", tmp_path / "parts").state_dict()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert (tmp_path / "shapes-clip" / "open_clip_model.safetensors").exists()
