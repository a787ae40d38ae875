"""The segmenter: phrases to heat maps by a real CLIPSeg of random weights, loaded from a folder."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from generators.images.segmenter import Segmenter
from generators.shapes.drawing import draw, png
from generators.shapes.world import Scene, Thing
from schemas.config import Compute
from schemas.errors import InputError
from schemas.tables import HEAT_MAPS, SPAN
from tests.tiny_models import make_tiny_segmenter

PICTURE = png(draw(Scene((Thing("circle", "red", "large", "plain", 70, 128, 44),), "grey")))
CPU = Compute(device="cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_tiny_segmenter(tmp_path_factory.mktemp("segmenter"))


def rows(*phrases: str) -> pa.Table:
    captions = [f"There is {phrase} here." for phrase in phrases]
    spans = [[{"start": 9, "end": 9 + len(phrase)}] for phrase in phrases]
    return pa.table(
        {
            "key": [str(k) for k in range(len(phrases))],
            "image": pa.array([PICTURE] * len(phrases), pa.binary()),
            "caption": captions,
            "spans": pa.array(spans, pa.list_(SPAN)),
        }
    )


def test_what_memory_does_not_hold_is_asked_in_halves(folder: str) -> None:
    segmenter, asked = Segmenter(folder, CPU), rows("a red circle", "grass", "a dog", "sky")
    expected = segmenter(asked).to_pylist()

    def small(_: Any, __: Any, how: Any) -> None:
        if len(how["input_ids"]) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")

    with segmenter._loaded[1].register_forward_pre_hook(small, with_kwargs=True):
        for one, other in zip(segmenter(asked).to_pylist(), expected, strict=True):
            np.testing.assert_allclose(one["heat"], other["heat"], atol=1e-4)


def test_phrases_become_heat_maps(folder: str) -> None:
    made = Segmenter(folder, CPU)(rows("a red circle", "grass"))
    assert made.schema == HEAT_MAPS
    first, second = (np.array(heat) for heat in made["heat"].to_pylist())
    assert first.size == made["rows"][0].as_py() * made["columns"][0].as_py()
    assert ((first >= 0) & (first <= 1)).all()
    assert not np.allclose(first, second), "the phrase counts"


def test_a_phrase_alone_gives_the_same_as_in_company(folder: str) -> None:
    stage = Segmenter(folder, CPU)
    [alone] = stage(rows("a red circle"))["heat"].to_pylist()
    company = stage(rows("a red circle", "a very long phrase with many words"))["heat"].to_pylist()[0]
    assert alone == pytest.approx(company, abs=1e-4)


def test_what_is_missing_is_said(tmp_path: Path, folder: str) -> None:
    Segmenter(folder, CPU).check()
    with pytest.raises(InputError, match=r"no \.safetensors weights"):
        Segmenter(str(tmp_path), CPU).check()
