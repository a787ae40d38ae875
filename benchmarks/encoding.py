"""The encoder's throughput as a ratio to the bare model loop on the same pictures in memory, in one run.

    python benchmarks/encoding.py [--model ViT-B-32] [--images 256]

The weights are random: speed does not depend on them. The bare loop gets pixels that are decoded already;
the encoder decodes them from JPEG on its way. A ratio near 1 means that decoding hides behind the model.
"""

import argparse
import io
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import open_clip
import pyarrow as pa
import torch
from PIL import Image
from safetensors.torch import save_file

from filters.embeddings import Encoder
from schemas.config import Clip, Compute


def main() -> None:
    """Time both loops in turn, three times, and print the median ratio."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--model", default="ViT-B-32")
    arguments.add_argument("--images", type=int, default=192)
    arguments.add_argument("--batch-size", type=int, default=64)
    given = arguments.parse_args()
    pictures = [_picture(n) for n in range(given.images)]
    with tempfile.TemporaryDirectory() as folder:
        encoder = Encoder(Clip(model=_saved(given.model, Path(folder)), batch_size=given.batch_size), Compute())
        rows = pa.table(
            {
                "key": pa.array([bytes(16)] * len(pictures), pa.binary(16)),
                "image": pa.array(pictures, pa.binary()),
                "caption": pa.nulls(len(pictures), pa.string()),
            }
        )
        encoder(rows.slice(0, given.batch_size))
        loaded = encoder._loaded
        pixels = [torch.stack([encoder._decode(p) for p in pictures[s : s + given.batch_size]]).to(loaded.dtype)
                  for s in range(0, len(pictures), given.batch_size)]  # fmt: skip
        ratios = []
        for _ in range(3):
            bare = _seconds(lambda: _bare(loaded, pixels))
            ours = _seconds(lambda: encoder(rows))
            ratios.append(bare / ours)
            speeds = f"bare {len(pictures) / bare:.1f}, encoder {len(pictures) / ours:.1f} images/s"
            print(f"{given.model}, {loaded.dtype}: {speeds}, ratio {ratios[-1]:.2f}")
    print(f"median ratio: {sorted(ratios)[1]:.2f}")


def _bare(loaded: object, batches: list[torch.Tensor]) -> None:
    with torch.inference_mode():
        for batch in batches:
            loaded.model.encode_image(batch)  # type: ignore[attr-defined]


def _seconds(work: object) -> float:
    started = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - started


def _picture(seed: int) -> bytes:
    blocks = np.random.default_rng(seed).integers(0, 255, (24, 32, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(blocks).resize((500, 375), Image.Resampling.BICUBIC).save(file, "JPEG", quality=85)
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
