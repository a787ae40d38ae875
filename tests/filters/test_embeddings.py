"""The encoder: any company gives the same bits, and a model without weights is refused."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pyarrow as pa
import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from torchvision.transforms import Compose, ToTensor

from filters.embeddings import Encoder, Preprocess
from schemas.config import Clip, Compute
from schemas.errors import InputError
from schemas.stage import ledger_of
from schemas.tables import EMBEDDINGS
from tests.filters.conftest import Hub
from tests.tiny_models import make_tiny_clip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_tiny_clip(tmp_path_factory.mktemp("clip") / "tiny")


def picture(mode: str = "RGB", form: str = "PNG", seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (40, 48, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, form)
    return file.getvalue()


def rows(pictures: list[bytes], captions: list[str]) -> pa.Table:
    count = len(pictures) + len(captions)
    return pa.table(
        {
            "key": pa.array([bytes([n]) * 16 for n in range(count)], pa.binary(16)),
            "image": pa.array([*pictures, *[None] * len(captions)], pa.binary()),
            "caption": pa.array([*[None] * len(pictures), *captions], pa.string()),
        }
    )


def vectors(table: pa.Table) -> np.ndarray:
    return np.array(table["embedding"].to_pylist(), np.float32)


def test_rows_become_unit_vectors_in_order(model: str) -> None:
    encoder = Encoder(Clip(model=model, batch_size=4), Compute(device="cpu"))
    made = encoder(rows([picture(seed=n) for n in range(6)], ["a dog", "a cat"]))
    assert made.schema.equals(EMBEDDINGS)
    assert vectors(made).shape == (8, 16)
    np.testing.assert_allclose(np.linalg.norm(vectors(made), axis=1), 1, atol=1e-5)
    assert encoder.encoded == 8
    assert ledger_of(made, "embed", "shard").to_pylist()[0]["rows_out"] == 8


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_row_does_not_depend_on_its_company(model: str, dtype: str) -> None:
    encoder = Encoder(Clip(model=model, batch_size=4), Compute(device="cpu", dtype=dtype))
    pictures = [picture(seed=n) for n in range(7)]
    captions = ["a dog", "a red cat on a mat", "two men", "a", "a horse in a field"]
    together = vectors(encoder(rows(pictures, captions)))
    reverse = vectors(encoder(rows(pictures[::-1], captions[::-1])))
    alone = vectors(pa.concat_tables([encoder(rows([p], [])) for p in pictures]))
    np.testing.assert_array_equal(together[:7], reverse[:7][::-1])
    np.testing.assert_array_equal(together[7:], reverse[7:][::-1])
    np.testing.assert_array_equal(together[:7], alone)


@pytest.mark.parametrize(("mode", "form"), [("L", "PNG"), ("P", "GIF"), ("CMYK", "JPEG"), ("1", "PNG"), ("F", "TIFF")])
def test_odd_pictures_are_encoded(model: str, mode: str, form: str) -> None:
    made = Encoder(Clip(model=model), Compute(device="cpu"))(rows([picture(mode, form)], []))
    assert np.isfinite(vectors(made)).all()


def saved(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def test_pictures_are_taken_as_people_see_them(model: str) -> None:
    ramp = np.arange(48 * 40, dtype=np.uint16).reshape(40, 48) * 34
    upright = Image.open(io.BytesIO(picture()))
    on_its_side = Image.Exif()
    on_its_side[0x0112] = 6  # turn it by 90 degrees clockwise to see it
    clear = Image.new("RGBA", (48, 40), (200, 0, 0, 0))
    moving = [upright, Image.new("RGB", upright.size, "red")]
    first = Image.open(io.BytesIO(saved(upright.quantize(), "GIF"))).convert("RGB")
    same = [
        (saved(Image.fromarray(ramp)), saved(Image.fromarray((ramp >> 8).astype(np.uint8)))),
        (saved(upright.transpose(Image.Transpose.ROTATE_90), exif=on_its_side), saved(upright)),
        (saved(upright, exif=b"Exif\0\0 broken"), saved(upright)),
        (saved(clear), saved(Image.new("RGB", (48, 40), "white"))),
        (saved(moving[0].quantize(), "GIF", save_all=True, append_images=[moving[1].quantize()]), saved(first)),
    ]
    encoder = Encoder(Clip(model=model, batch_size=4), Compute(device="cpu", dtype="float32"))
    odd, plain = (vectors(encoder(rows([pair[side] for pair in same], []))) for side in (0, 1))
    np.testing.assert_array_equal(odd, plain)


def preprocessed(transform: Any, image: Image.Image, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    ours = Preprocess(transform, torch.device("cpu"), dtype)
    return ours.batch(torch.from_numpy(np.stack([ours.picture(image), ours.picture(image)])))[1]


@pytest.mark.parametrize(
    "config",
    [
        PreprocessCfg(32),
        PreprocessCfg(32, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), interpolation="bilinear", resize_mode="squash"),
        PreprocessCfg(32, mean=(0, 0, 0), std=(1, 1, 1), resize_mode="longest", fill_color=255),
        PreprocessCfg((24, 40), resize_mode="longest", fill_color=7),
        PreprocessCfg((24, 40), resize_mode="squash"),
        PreprocessCfg((24, 40)),
        PreprocessCfg(32, mean=0.1, std=0.3, interpolation="random"),
    ],
)
def test_pixels_are_those_of_open_clip(config: PreprocessCfg) -> None:
    transform = image_transform_v2(config, is_train=False)
    for height, width in (375, 500), (90, 33), (32, 32), (5, 7), (3, 100):
        image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8))
        for dtype in torch.float32, torch.bfloat16, torch.float16:
            assert torch.equal(preprocessed(transform, image, dtype), transform(image).to(dtype))


def test_an_unusual_transform_is_taken_as_it_is() -> None:
    image = Image.open(io.BytesIO(picture()))
    for transform in (Compose([ToTensor()]), Compose([ToTensor(), lambda pixels: pixels**2]), ToTensor()):
        assert torch.equal(preprocessed(transform, image), transform(image))


def test_a_picture_of_any_mode_gives_what_open_clip_gives(model: str) -> None:
    _, _, transform = open_clip.create_model_and_transforms(model)
    encoder = Encoder(Clip(model=model), Compute(device="cpu", dtype="float32"))
    pictures = [picture(mode) for mode in ("RGB", "L", "P", "LA", "RGBA", "1")]
    pictures += [picture(mode, "JPEG") for mode in ("RGB", "L", "CMYK", "YCbCr")]
    [batch] = encoder._decoded(pictures)
    # The colours first: open_clip resizes in the picture's own mode, a palette's numbers for example.
    theirs = torch.stack([transform(Image.open(io.BytesIO(data)).convert("RGB")) for data in pictures])
    assert torch.equal(encoder.loaded.preprocess.batch(batch), theirs)


def test_decoding_ahead_of_a_gpu_gives_the_same_batches(model: str) -> None:
    encoder = Encoder(Clip(model=model, batch_size=4), Compute(device="cpu"))
    pictures = [picture(seed=n) for n in range(9)]
    expected = list(encoder._decoded(pictures))
    encoder.__dict__["loaded"] = replace(encoder.loaded, device=torch.device("cuda"))
    found = list(encoder._decoded(pictures))
    assert [len(batch) for batch in found] == [4, 4, 1]
    assert all(map(torch.equal, found, expected))


def test_a_batch_too_large_for_the_memory_is_halved(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = Encoder(Clip(model=model, batch_size=5), Compute(device="cpu", dtype="float32"))
    table = rows([picture(seed=n) for n in range(12)], ["a dog", "a cat", "a"])
    expected = vectors(encoder(table))
    whole, seen = encoder.loaded.model.encode_image, []

    def small(pixels: torch.Tensor) -> Any:
        seen.append(len(pixels))
        if len(pixels) > 2:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return whole(pixels)

    monkeypatch.setattr(encoder.loaded.model, "encode_image", small)
    np.testing.assert_allclose(vectors(encoder(table)), expected, atol=1e-5)
    assert seen == [5] + [2] * 7  # 5, 5 and 2 rows, each batch by itself


def test_the_fingerprint_tells_weights_and_formats_apart(model: str, tmp_path: Path) -> None:
    encoder = Encoder(Clip(model=model), Compute(device="cpu", dtype="float32"))
    assert encoder.fingerprint == Encoder(Clip(model=model), Compute(device="cpu", dtype="float32")).fingerprint
    assert encoder.fingerprint != Encoder(Clip(model=model), Compute(device="cpu", dtype="bfloat16")).fingerprint
    other = make_tiny_clip(tmp_path / "other")
    weights = tmp_path / "other" / "open_clip_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\1\2\3\4")
    assert encoder.fingerprint != Encoder(Clip(model=other), Compute(device="cpu", dtype="float32")).fingerprint


def test_what_is_missing_is_said_before_any_work(model: str, tmp_path: Path) -> None:
    compute = Compute(device="cpu")
    empty = tmp_path / "empty"
    make_tiny_clip(empty)
    (empty / "open_clip_model.safetensors").rename(empty / "open_clip_model.bin")
    for name, tag, said in (
        ("local-dir:/nowhere", None, "no open_clip_config.json"),
        (f"local-dir:{empty}", None, "no .safetensors weights"),
        ("ViT-Q-99", None, "knows no such model"),
        ("ViT-B-32", None, "expected one of"),
        ("ViT-B-32", "nonsense", "expected one of"),
        ("ViT-B-32", str(empty / "open_clip_model.bin"), "expected one of"),
    ):
        with pytest.raises(InputError, match=said):
            Encoder(Clip(model=name, pretrained=tag), compute).check()
    Encoder(Clip(model=model), compute).check()


def test_a_pickle_beside_other_weights_is_not_taken(tmp_path: Path) -> None:
    name = make_tiny_clip(tmp_path)
    (tmp_path / "open_clip_pytorch_model.bin").write_bytes(b"never read")
    Encoder(Clip(model=name), Compute(device="cpu"))(rows([], ["a dog"]))
    (tmp_path / "open_clip_model.safetensors").rename(tmp_path / "weights.safetensors")
    with pytest.raises(InputError, match=r"convert others to open_clip_model\.safetensors"):
        Encoder(Clip(model=name), Compute(device="cpu")).check()


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    name = make_tiny_clip(tmp_path)
    config = tmp_path / "open_clip_config.json"
    config.write_text(config.read_text().replace('"embed_dim": 16', '"embed_dim": 8'))
    with pytest.raises(InputError, match="open_clip cannot load it") as caught:
        Encoder(Clip(model=name), Compute(device="cpu"))(rows([], ["a dog"]))
    assert "\n" not in str(caught.value)


def test_a_hub_model_loads_from_the_cache_without_a_network(hub: Hub, model: str) -> None:
    hub.add("us/tiny", Path(model.removeprefix("local-dir:")))
    compute, table = Compute(device="cpu", dtype="float32"), rows([picture()], ["a dog"])
    cached, local = (Encoder(Clip(model=name, batch_size=4), compute) for name in ("hf-hub:us/tiny", model))
    cached.check()
    np.testing.assert_array_equal(vectors(cached(table)), vectors(local(table)))


def test_a_hub_model_without_safetensors_or_weights_is_refused(hub: Hub, tmp_path: Path) -> None:
    make_tiny_clip(tmp_path)
    weights = tmp_path / "open_clip_model.safetensors"
    hub.add("us/pickled", Path(weights.rename(tmp_path / "open_clip_pytorch_model.bin")).parent)
    (tmp_path / "open_clip_pytorch_model.bin").unlink()
    hub.add("us/empty", tmp_path)
    for name, said in (
        ("pickled", "a pickle; convert"),
        ("empty", "cannot load it"),
        ("nowhere", "hub gave no answer"),
    ):
        with pytest.raises(InputError, match=said):
            Encoder(Clip(model=f"hf-hub:us/{name}"), Compute(device="cpu"))(rows([], ["a dog"]))
    with pytest.raises(InputError, match="hub gave no answer"):
        Encoder(Clip(model="ViT-B-32-quickgelu", pretrained="openai"), Compute(device="cpu")).check()
