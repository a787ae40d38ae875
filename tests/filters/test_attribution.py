"""Attributions add up to what the similarity gained, whatever the towers, and point at what the words name."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pyarrow as pa
import pytest
import torch
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer
from safetensors.torch import save_file

from filters.attribution import Attribution, PairMatrix, pair_matrix, token_places
from filters.embeddings import Encoder
from generators.shapes.drawing import draw, mask, png
from generators.shapes.sampling import draw_scene
from generators.shapes.world import Scene
from schemas.config import Clip, Compute
from schemas.errors import InputError
from schemas.stage import ledger_of
from schemas.tables import HEAT_MAPS
from tests.tiny_models import make_tiny_clip

CAPTION = "A red circle and a blue square."
VIT = {"image_size": 32, "layers": 4, "width": 32, "head_width": 16, "patch_size": 8}
TIMM_VIT = {"image_size": 160, "timm_model_name": "test_vit", "timm_pool": "", "timm_proj": "linear"}
TIMM_CONVOLUTIONS = {"image_size": 160, "timm_model_name": "test_convnext", "timm_proj": "linear"}
TEXT = {"context_length": 24, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def encoder_of(model: str, dtype: Any = "float32") -> Encoder:
    return Encoder(Clip(model=model), Compute(device="cpu", dtype=dtype))


@pytest.fixture(scope="module")
def shapes() -> Encoder:
    return encoder_of("package:shapes-clip")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return encoder_of(make_tiny_clip(tmp_path_factory.mktemp("clip") / "tiny"))


def make_clip(folder: Path, vision: dict[str, Any], text: dict[str, Any]) -> Encoder:
    """A model of random weights with a text tower of its own."""
    config = {"embed_dim": 16, "vision_cfg": vision, "text_cfg": text}
    written = {"model_cfg": {**config, "custom_text": True}, "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(written))
    torch.manual_seed(0)
    save_file(open_clip.CustomTextCLIP(**config).state_dict(), folder / "open_clip_model.safetensors")
    return encoder_of(f"local-dir:{folder}")


def two_things(rng: random.Random) -> Scene:
    while True:
        scene = draw_scene(rng)
        colours, shapes = {thing.colour for thing in scene.things}, {thing.shape for thing in scene.things}
        if len(scene.things) == len(colours) == len(shapes) == 2:
            return scene


def span_of(caption: str, words: str) -> list[dict[str, int]]:
    start = caption.lower().index(words)
    return [{"start": start, "end": start + len(words)}]


def table_of(*rows: tuple[bytes, str, list[dict[str, int]]]) -> pa.Table:
    names = ("image", "caption", "spans")
    return pa.Table.from_pylist([{"key": str(n), **dict(zip(names, row, strict=True))} for n, row in enumerate(rows)])


def caption_of(scene: Scene) -> str:
    first, second = (f"{'an' if t.colour == 'orange' else 'a'} {t.colour} {t.shape}" for t in scene.things)
    return f"{first} and {second}.".capitalize()


SCENE = two_things(random.Random(1))
PICTURE = png(draw(SCENE))


def gained(pair: PairMatrix) -> float:
    return float(pair.matrix.sum() + pair.placeless.sum())


def test_attributions_of_the_shipped_model_add_up(shapes: Encoder) -> None:
    coarse, fine = (pair_matrix(shapes, PICTURE, caption_of(SCENE), nodes) for nodes in (4, 24))
    assert fine.grid == (8, 8)
    assert fine.matrix.shape == (8, 64)
    assert not fine.placeless.any()
    assert "".join(fine.tokens) == caption_of(SCENE).replace(" ", "")
    assert fine.left_side > 0.3
    assert gained(fine) == pytest.approx(fine.left_side, rel=0.03)  # its kinks take many points
    assert abs(gained(fine) - fine.left_side) < abs(gained(coarse) - coarse.left_side) / 3


def test_attributions_add_up_the_better_the_more_points(tiny: Encoder) -> None:
    coarse, fine, finest = (pair_matrix(tiny, PICTURE, CAPTION, nodes) for nodes in (2, 12, 24))
    assert finest.grid == (4, 4)
    assert finest.placeless.all()
    assert abs(gained(fine) - fine.left_side) < abs(gained(coarse) - coarse.left_side) / 10
    assert gained(finest) == pytest.approx(finest.left_side, rel=1e-4)


def test_the_left_side_is_made_of_similarities(tiny: Encoder) -> None:
    """With the encoder's own vectors of the four, and the references made as a person would."""
    loaded = tiny.loaded
    ids = loaded.tokenize([CAPTION, CAPTION])
    ids[1, 1:9] = 0  # all between start and end
    picture = loaded.preprocess.batch(torch.from_numpy(np.stack(tiny.decode([PICTURE]))))
    with torch.no_grad():
        text = loaded.model.encode_text(ids, normalize=True)
        image = loaded.model.encode_image(torch.cat([picture, torch.zeros_like(picture)]), normalize=True)
    (whole, without_picture), (without_words, nothing) = (text @ image.T).tolist()
    expected = whole - without_words - without_picture + nothing
    assert pair_matrix(tiny, PICTURE, CAPTION, nodes=2).left_side == pytest.approx(expected, abs=1e-5)


def test_the_matrix_is_that_of_whole_jacobians(tiny: Encoder) -> None:
    """The formula of the paper as it stands there, with the Jacobians that this project does not build."""
    nodes = 3
    pair = pair_matrix(tiny, PICTURE, CAPTION, nodes)
    towers = Attribution(tiny, nodes)._towers
    captions = towers.captions([CAPTION])
    pictures = towers.pictures(torch.from_numpy(np.stack(tiny.decode([PICTURE]))))
    reference, way = towers._embedded(captions)
    [places] = captions.places

    def text(x: torch.Tensor) -> torch.Tensor:
        return towers._text(captions.ids, x)[0]

    def image(x: torch.Tensor) -> torch.Tensor:
        return towers._image(pictures.blank, x)[0]

    across = pictures.features - pictures.reference
    jacobian = torch.autograd.functional.jacobian
    text_jacobian = sum(w * jacobian(text, reference + x * way)[:, 0] for x, w in towers._nodes)
    image_jacobian = sum(w * jacobian(image, pictures.reference + x * across)[:, 0] for x, w in towers._nodes)
    expected = torch.einsum("ti,dti,dpj,pj->tp", way[0], text_jacobian, image_jacobian, across[0])[list(places)]
    np.testing.assert_allclose(pair.placeless, expected[:, 0].numpy(), atol=1e-5)
    np.testing.assert_allclose(pair.matrix, expected[:, 1:].numpy(), atol=1e-5)


@pytest.mark.parametrize(("vision", "grid"), [(VIT, (4, 4)), (TIMM_VIT, (10, 10))])
def test_other_towers_add_up(tmp_path: Path, vision: dict[str, Any], grid: tuple[int, int]) -> None:
    pair = pair_matrix(make_clip(tmp_path, vision, TEXT), PICTURE, CAPTION, nodes=24)
    assert pair.grid == grid
    assert gained(pair) == pytest.approx(pair.left_side, rel=1e-3)


def test_heat_of_words_is_the_sum_of_their_tokens(shapes: Encoder, tiny: Encoder) -> None:
    for encoder, size in (shapes, 8), (tiny, 4):
        made = Attribution(encoder, nodes=4)(table_of((PICTURE, CAPTION, span_of(CAPTION, "red circle"))))
        assert made.schema.equals(HEAT_MAPS)
        assert ledger_of(made, "attribution", "shard").to_pylist()[0]["rows_out"] == 1
        [row] = made.to_pylist()
        assert (row["rows"], row["columns"], len(row["heat"])) == (size, size, size * size)
        pair = pair_matrix(encoder, PICTURE, CAPTION, nodes=4)
        words = [pair.tokens.index("red"), pair.tokens.index("circle")]
        np.testing.assert_allclose(row["heat"], pair.matrix[words].sum(0), atol=1e-5)
        assert row["total"] == pytest.approx(pair.matrix[words].sum() + pair.placeless[words].sum(), abs=1e-5)


def test_a_row_does_not_depend_on_its_company(shapes: Encoder) -> None:
    rng = random.Random(2)
    rows = [(png(draw(two_things(rng))), CAPTION, span_of(CAPTION, words)) for words in ("red", "blue square", "a")]
    rows.append((PICTURE, "Two stars", span_of("two stars", "stars")))
    stage = Attribution(shapes, nodes=2)
    together = stage(table_of(*rows))["heat"].to_pylist()
    alone = [stage(table_of(row))["heat"].to_pylist()[0] for row in rows]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    small = Attribution(Encoder(shapes.clip.model_copy(update={"batch_size": 3}), shapes.compute), nodes=2)
    np.testing.assert_allclose(small(table_of(*rows))["heat"].to_pylist(), together, atol=1e-5)


def test_what_memory_does_not_hold_is_attributed_in_halves(tiny: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(3)
    scenes = [draw_scene(rng) for _ in range(3)]
    table = table_of(*((png(draw(scene)), CAPTION, span_of(CAPTION, "red circle")) for scene in scenes))
    expected = Attribution(tiny, 2)(table).to_pylist()
    stage = Attribution(tiny, 2)
    whole, tried = stage._towers.pictures, list[int]()

    def small(pictures: torch.Tensor) -> Any:
        tried.append(len(pictures))
        if len(pictures) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(pictures)

    monkeypatch.setattr(stage._towers, "pictures", small)
    for one, other in zip(stage(table).to_pylist(), expected, strict=True):
        np.testing.assert_allclose(one["heat"], other["heat"], rtol=1e-3, atol=1e-6)
    assert tried == [3, 1, 1, 1]


def test_words_that_the_model_does_not_read_have_no_heat(tiny: Encoder) -> None:
    long = "a dog and " * 20 + "a cat"
    rows = [(PICTURE, long, span_of(long, "cat")), (PICTURE, long, span_of(long, "dog")), (PICTURE, long, [])]
    beyond, within, none = Attribution(tiny, nodes=2)(table_of(*rows)).to_pylist()
    for row in beyond, none:
        assert all(row[name] is None for name in ("heat", "rows", "columns", "total"))
    assert within["heat"] is not None
    assert Attribution(tiny)(table_of(rows[0]).slice(1)).num_rows == 0


def test_half_precision_is_computed_in_full(tiny: Encoder) -> None:
    half = encoder_of(tiny.clip.model, "bfloat16")
    row = (PICTURE, CAPTION, span_of(CAPTION, "red circle"))
    [full], [rough] = (Attribution(e, nodes=4)(table_of(row))["heat"].to_pylist() for e in (tiny, half))
    assert np.corrcoef(full, rough)[0, 1] > 0.99
    assert torch.bfloat16 in {parameter.dtype for parameter in half.loaded.model.parameters()}
    assert Attribution(half).identity != Attribution(tiny).identity != Attribution(tiny, nodes=4).identity


def test_model_and_torch_are_left_as_they_were(tiny: Encoder) -> None:
    pair_matrix(tiny, PICTURE, "a", nodes=1)
    assert torch.backends.cuda.flash_sdp_enabled()
    model = tiny.loaded.model
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_heat_points_at_what_the_words_name(shapes: Encoder) -> None:
    rng = random.Random(0)
    rows, covered = [], []
    for _ in range(60):
        scene = two_things(rng)
        caption, thing = caption_of(scene), rng.choice(scene.things)
        rows.append((png(draw(scene)), caption, span_of(caption, f"{thing.colour} {thing.shape}")))
        covered.append(mask((thing,)).reshape(8, 8, 8, 8).any((1, 3)).flatten())
    heat = np.array(Attribution(shapes)(table_of(*rows))["heat"].to_pylist())
    hits = np.mean([where[patches.argmax()] for where, patches in zip(covered, heat, strict=True)])
    chance = np.mean(covered)
    assert chance < 0.2
    assert hits > 0.9


def pieces(tokenize: Any, caption: str) -> list[str]:
    found = token_places(tokenize, [caption])
    assert found is not None
    [places] = found
    ids = tokenize([caption])[0].tolist()
    assert list(places) == list(range(1, len(places) + 1))
    assert len(places) == sum(number not in {0, 1, 2, 49406, 49407} for number in ids)
    return [caption[start:end] for start, end in places.values()]


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        (CAPTION, "A|red|circle|and|a|blue|square|."),
        ("  Two  dogs' bowls,\tit's  5m ", "Two|dogs|'|bowls|,|it|'s|5|m"),
        ("Naïve CAFÉ — “red”", "Na|ï|ve|CAFÉ|—|“|red|”"),
        ("salt &amp; pepper", "salt|&|pepper"),
        ("İs ﬁsh 👍!!", "İ|İ|s|ﬁsh|👍|!!"),
        ("日本 red", "日|本|本|red"),
        ("", ""),
        ("a " * 40, "|".join("a" * 22)),
    ],
)
def test_byte_pairs_are_found_in_the_caption_as_it_came(caption: str, expected: str) -> None:
    assert pieces(SimpleTokenizer(context_length=24), caption) == (expected.split("|") if expected else [])


def test_dropped_punctuation_moves_nothing() -> None:
    tokenize = SimpleTokenizer(context_length=24, clean="canonicalize")
    assert pieces(tokenize, "A red, red  dog's «bowl».") == ["A", "red", "red", "dog's", "«", "bowl", "»"]


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        (CAPTION, "A|red|circle|and|a|blue|square|."),
        ("Two  circles,  a star", "Two|circles|,|a|star"),
        ("a “red” é", "a||“|red|”||é|é"),
        ("a " * 50, "|".join("a" * 38)),
    ],
)
def test_tokens_of_transformers_are_found_too(shapes: Encoder, caption: str, expected: str) -> None:
    assert isinstance(shapes.loaded.tokenize, HFTokenizer)
    assert pieces(shapes.loaded.tokenize, caption) == expected.split("|")


def test_a_model_that_cannot_be_attributed_says_so(tmp_path: Path, tiny: Encoder) -> None:
    from transformers import BertConfig

    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    for name in ("convolutions", "bert", "bert/text"):
        (tmp_path / name).mkdir()
    BertConfig(**sizes).save_pretrained(tmp_path / "bert" / "text")
    bert = {"hf_model_name": str(tmp_path / "bert" / "text"), "hf_model_pretrained": False, "context_length": 24}
    odd = encoder_of(tiny.clip.model)
    random_tokens = SimpleTokenizer(context_length=24, reduction_mask="simple")
    odd.__dict__["loaded"] = replace(odd.loaded, tokenize=random_tokens)
    for encoder, said in (
        (make_clip(tmp_path / "convolutions", TIMM_CONVOLUTIONS, TEXT), "needs a ViT or CLIP's own ResNet"),
        (make_clip(tmp_path / "bert", VIT, bert), "needs a text tower of open_clip's own"),
        (odd, "tokenizer does not tell"),
    ):
        with pytest.raises(InputError, match=said) as caught:
            Attribution(encoder)(table_of((PICTURE, CAPTION, span_of(CAPTION, "red"))))
        assert "\n" not in str(caught.value)
