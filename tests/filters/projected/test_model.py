"""Projectors as a judge: loaded by name, told apart by content, and refused where what they stand on is gone."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from evaluation.models import load
from filters.attribution import Attribution
from filters.embeddings import Encoder
from filters.projected.projectors import Projectors
from schemas.config import Clip, Compute
from schemas.errors import InputError
from schemas.tables import SPAN
from tests.pictures import picture
from tests.tiny_models import make_tiny_projectors
from training.towers import load_towers

CPU = Compute(device="cpu", dtype="float32")
CAPTIONS = ["A red cup .", "A blue cup on a plate .", "A cup ."]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(make_tiny_projectors(tmp_path_factory.mktemp("made")))


def judge(folder: Path) -> Encoder:
    return Encoder(Clip(model=f"local-dir:{folder}", batch_size=4), CPU)


def encoded(encoder: Encoder, captions: list[str]) -> np.ndarray:
    pictures = [picture(0)]
    rows = pa.table(
        {
            "key": pa.array([bytes([n]) * 16 for n in range(1 + len(captions))], pa.binary(16)),
            "image": pa.array([*pictures, *[None] * len(captions)], pa.binary()),
            "caption": pa.array([None, *captions], pa.string()),
        }
    )
    return np.array(encoder(rows)["embedding"].to_pylist(), np.float32)


def test_a_judge_of_projectors_gives_the_vectors_that_they_learned(made: Path) -> None:
    vectors = encoded(judge(made), CAPTIONS)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    towers = load_towers(str(made), torch.device("cpu"))
    with torch.no_grad():
        theirs = [
            towers.encode_pictures(towers.pictures([picture(0)])),
            towers.encode_captions(towers.tokens(CAPTIONS)),
        ]
    assert np.allclose(vectors, torch.cat(theirs), atol=1e-5)
    assert np.array_equal(load(str(made), CPU, 4).captions(CAPTIONS), vectors[1:])


def test_a_vector_does_not_depend_on_its_neighbours(made: Path) -> None:
    encoder = judge(made)
    assert np.array_equal(encoded(encoder, CAPTIONS)[:2], encoded(encoder, CAPTIONS[:1]))


def test_what_stands_behind_the_last_token_is_not_read(made: Path) -> None:
    long = "A cup on a plate beside a spoon " * 4
    reads = judge(made).reading([f"red {long}", f"{long} red"], [f"blue {long}", f"{long} blue"])
    assert reads.to_pylist() == [True, False]


def test_a_judge_is_known_by_its_weights_and_by_what_it_stands_on(made: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "projectors"))
    assert judge(folder).identity == judge(made).identity
    file = folder / "projectors.json"
    told = file.read_text()
    file.write_text(told.replace('"width":16', '"width":17').replace('"width": 16', '"width": 17'))
    assert judge(folder).identity != judge(made).identity
    file.write_text(told.replace(str(made.parent / "text"), str(tmp_path / "gone")))
    with pytest.raises(InputError, match=f"model {folder}: the encoder that it stands on is missing: ") as error:
        judge(folder).check()
    assert "\n" not in str(error.value)
    other = Path(shutil.copytree(made.parent / "text", tmp_path / "gone"))
    judge(folder).check()
    (other / "config.json").write_text((other / "config.json").read_text() + "\n")
    with pytest.raises(InputError, match="is not what it was when the projectors learned; train them again"):
        judge(folder).check()
    (folder / "projectors.safetensors").unlink()
    with pytest.raises(InputError, match=r"no projectors\.safetensors in that folder"):
        judge(folder).check()
    file.write_text("{}")
    with pytest.raises(InputError, match=r"projectors\.json cannot be read"):
        judge(folder).check()


def test_attribution_says_that_it_knows_no_such_judge(made: Path) -> None:
    row = pa.table({"key": ["k"], "image": [picture(0)], "caption": ["A cup ."],
                    "spans": pa.array([[{"start": 2, "end": 5}]], pa.list_(SPAN))})  # fmt: skip
    with pytest.raises(InputError, match="attribution needs a text tower of open_clip's own; take another judge"):
        Attribution(judge(made))(row)


def test_padding_and_the_order_of_cells_play_no_part() -> None:
    projectors = Projectors(6, 4, 8, seed=1)
    words = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    there = torch.ones(2, 3, 1)
    filled = torch.cat([torch.cat([words, there], 2), torch.zeros(2, 2, 5)], 1)
    assert torch.allclose(projectors.captions(filled), projectors.captions(filled[:, :3]), atol=1e-6)
    cells = torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(0))
    turned = cells[:, [0, 4, 3, 2, 1]]
    assert torch.allclose(projectors.pictures(turned), projectors.pictures(cells), atol=1e-6)
    assert torch.equal(Projectors(6, 4, 8, seed=1).whole.straight.weight, projectors.whole.straight.weight)
