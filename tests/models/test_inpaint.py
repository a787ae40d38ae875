"""The inpainting model: what it is taught, what it reads captions with, and training that goes on where it stopped."""

import random
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch

from generators.shapes.claims import is_true
from generators.shapes.drawing import mask
from generators.shapes.reading import read
from generators.shapes.sampling import draw_scene
from models import train_inpaint
from models.edits import Edits, _edit_of_pair, blurred_mask, make_edits
from models.train_inpaint import (
    READER,
    make_scheduler,
    make_text_encoder,
    make_tokenizer,
    prepare,
    set_scale,
    train_unet,
    train_vae,
)


@pytest.fixture(scope="module")
def edits() -> Edits:
    return make_edits(96, 5)


def test_edits_are_pictures_a_mask_and_a_caption(edits: Edits) -> None:
    assert edits.pictures.shape == (96, 64, 64, 3)
    assert edits.masks.any((1, 2)).all()
    assert edits.patches.shape == (96, 64, 4)
    for caption in edits.captions.tolist():
        read(caption)
    again = make_edits(96, 5, chunk=32)
    assert (again.captions == edits.captions).all(), "the rows follow from the seed, not from the chunks"
    assert (again.masks == edits.masks).all()


def test_a_mask_hides_its_things_whole() -> None:
    for seed in range(50):
        rng = random.Random(seed)
        things = draw_scene(rng).things[:2]
        assert (blurred_mask(things, rng)[mask(things) > 0]).mean() > 0.97
    assert blurred_mask((), random.Random(0)).all()


def test_the_text_encoder_is_the_lower_half_of_the_judges() -> None:
    judge = open_clip.create_model_and_transforms(f"local-dir:{READER}")[0].eval()
    tokenizer = make_tokenizer()
    captions = ["A red circle is left of a blue square.", "Two stars", ""]
    ids = torch.tensor(tokenizer(captions, padding="max_length", max_length=40)["input_ids"])
    with torch.no_grad():
        x = judge.token_embedding(ids) + judge.positional_embedding
        for block in judge.transformer.resblocks[:3]:
            x = block(x, attn_mask=judge.attn_mask)
        theirs = torch.nn.functional.layer_norm(x, x.shape[-1:])
        ours = make_text_encoder()(ids)[0]
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_the_schedule_ends_in_noise_alone_and_clips_nothing() -> None:
    scheduler = make_scheduler()
    assert scheduler.alphas_cumprod[-1] == 0
    assert not scheduler.config.clip_sample


@pytest.mark.slow
def test_training_that_was_stopped_goes_on_to_the_same_weights(
    edits: Edits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"VAE_STEPS": 3, "VAE_BATCH": 8, "UNET_STEPS": 3, "UNET_BATCH": 8}.items():
        monkeypatch.setattr(train_inpaint, name, value)
    found: list[dict[str, Any]] = []
    for stop in (None, 2):
        work = tmp_path / str(stop)
        work.mkdir()
        if stop is not None:
            train_vae(edits, work, stop)
        vae = train_vae(edits, work)
        set_scale(vae, edits)
        lessons = prepare(edits, vae, make_text_encoder(), make_tokenizer())
        if stop is not None:
            train_unet(lessons, work, stop)
        found.append({"vae": vae.state_dict(), "unet": train_unet(lessons, work).state_dict()})
    first, second = found
    for part in ("vae", "unet"):
        assert all(torch.equal(value, second[part][name]) for name, value in first[part].items())
    assert lessons["latents"].float().std() == pytest.approx(1, abs=0.2)


def test_captions_of_minimal_pairs_are_true_of_what_is_to_be_filled_in() -> None:
    for seed in range(100):
        scene, hidden, caption = _edit_of_pair(random.Random(seed))
        assert is_true(read(caption), scene), caption
        assert hidden.any()
