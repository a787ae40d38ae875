"""The encoder's throughput as a ratio to the bare model loop on the same rows in memory, in one run.

    python benchmarks/encoding.py [--model ViT-B-32] [--rows 192]
    python benchmarks/encoding.py --model local-dir:models/shapes-clip --size 64x64 --format PNG --rows 1024

A model given by its name gets random weights: speed does not depend on them. The bare loop gets pixels that are
decoded already, and tokens; the encoder decodes and tokenises on its way. A ratio near 1 means that this costs
nothing. The second ratio is to the loop that open_clip's readme shows: decode and preprocess one picture after
another, then run the model.
"""

import argparse
import io
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import open_clip
import pyarrow as pa
import torch
from PIL import Image
from safetensors.torch import save_file

from devices import pick_device, pick_dtype
from devices.shipped import clip_name
from filters.embeddings import Encoder
from schemas.config import Clip, Compute

CAPTIONS = ["a small red circle to the left of a large blue square", "two dogs run over wet grass", "a man reads"]
Loop = Callable[[], None]


def main() -> None:
    """Time the loops in turn, several times, and print each one's median ratio."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--model", default="ViT-B-32")
    arguments.add_argument("--rows", type=int, default=192)
    arguments.add_argument("--size", default="500x375", help="width x height of the pictures")
    arguments.add_argument("--format", default="JPEG")
    arguments.add_argument("--batch-size", type=int, default=64)
    arguments.add_argument("--repetitions", type=int, default=5)
    arguments.add_argument("--threads", type=int, help="threads of torch and of decoding")
    given = arguments.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    size = tuple(map(int, given.size.split("x")))
    pictures = [_picture(n, size, given.format) for n in range(given.rows)]
    captions = [f"{CAPTIONS[n % len(CAPTIONS)]} {n}" for n in range(given.rows)]
    with tempfile.TemporaryDirectory() as folder:
        known = given.model in open_clip.list_models()
        name = _saved(given.model, Path(folder)) if known else clip_name(given.model)
        encoder = Encoder(Clip(model=name, batch_size=given.batch_size), Compute(workers=given.threads or 0))
        of_images, of_captions = _loops(name, pictures, captions, given.batch_size)
        of_images["encoder"] = lambda: encoder(_table(pictures, [None] * given.rows)) and None
        of_captions["encoder"] = lambda: encoder(_table([None] * given.rows, captions)) and None
        print(f"{given.model}, {pick_dtype('auto', pick_device())}, {torch.get_num_threads()} threads, "
              f"batches of {given.batch_size}, {given.rows} rows, {given.size} {given.format}")  # fmt: skip
        for what, loops in (("images", of_images), ("captions", of_captions)):
            _report(what, loops, given.rows, given.repetitions)


def _loops(name: str, pictures: list[bytes], captions: list[str], size: int) -> tuple[dict[str, Loop], dict[str, Loop]]:
    """Make the loops to compare with, of images and of captions, with a model of their own."""
    device = pick_device()
    dtype = pick_dtype("auto", device)
    precision = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}[dtype]
    model, _, preprocess = open_clip.create_model_and_transforms(name, precision=precision, device=device)
    model.eval()
    starts = range(0, len(pictures), size)
    tokens = [open_clip.get_tokenizer(name)(captions[s : s + size]).to(device) for s in starts]

    def pixels(start: int) -> torch.Tensor:
        images = (Image.open(io.BytesIO(data)) for data in pictures[start : start + size])
        return torch.stack([preprocess(image) for image in images]).to(device, dtype)

    ready = [pixels(start) for start in starts]

    @torch.inference_mode()
    def bare() -> None:
        for batch in ready:
            model.encode_image(batch).cpu()

    @torch.inference_mode()
    def one_by_one() -> None:
        for start in starts:
            model.encode_image(pixels(start)).cpu()

    @torch.inference_mode()
    def bare_text() -> None:
        for batch in tokens:
            model.encode_text(batch).cpu()

    return {"bare loop": bare, "loop that decodes one by one": one_by_one}, {"bare loop": bare_text}


def _report(what: str, loops: dict[str, Loop], rows: int, repetitions: int) -> None:
    for loop in loops.values():
        loop()
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(repetitions):
        for name, loop in loops.items():
            started = time.perf_counter()
            loop()
            seconds[name].append(time.perf_counter() - started)
    ours = seconds.pop("encoder")
    print(f"{what}: encoder {rows / statistics.median(ours):.1f}/s")
    for name, theirs in seconds.items():
        ratios = [t / o for t, o in zip(theirs, ours, strict=True)]
        each = " ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"  to the {name} ({rows / statistics.median(theirs):.1f}/s): "
              f"median ratio {statistics.median(ratios):.2f} of {each}")  # fmt: skip


def _table(pictures: list[bytes] | list[None], captions: list[str] | list[None]) -> pa.Table:
    return pa.table(
        {
            "key": pa.array([bytes(16)] * len(pictures), pa.binary(16)),
            "image": pa.array(pictures, pa.binary()),
            "caption": pa.array(captions, pa.string()),
        }
    )


def _picture(seed: int, size: tuple[int, ...], form: str) -> bytes:
    width, height = size
    drawn = np.random.default_rng(seed).integers(0, 255, (height // 16, width // 16, 3), dtype=np.uint8)
    # Photos are smooth, drawings flat.
    smooth = Image.Resampling.BICUBIC if form == "JPEG" else Image.Resampling.NEAREST
    file = io.BytesIO()
    Image.fromarray(drawn).resize((width, height), smooth).save(file, form)
    return file.getvalue()


def _saved(name: str, folder: Path) -> str:
    config = open_clip.get_model_config(name)
    model = open_clip.create_model(name)
    preprocess = {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": preprocess}))
    save_file(
        {key: value.contiguous() for key, value in model.state_dict().items()}, folder / "open_clip_model.safetensors"
    )
    return f"local-dir:{folder}"


if __name__ == "__main__":
    main()
