"""What a model reads of two captions' difference, by its tokenizer alone: held against the rows that it is given."""

from pathlib import Path
from typing import Any

import open_clip
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from filters.embeddings import Encoder
from filters.reading import Reading
from schemas.config import Clip, Compute
from schemas.errors import InputError

WORDS = ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "a", "dog", "red", "blue", "cat")


@pytest.fixture(scope="module")
def words_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer of whole words with marks around a text, as BERT's."""
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 1), ("[SEP]", 2)])
    folder = tmp_path_factory.mktemp("tokenizer")
    marks = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **marks).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=["clip", "words", "words without a mark at the end"])
def tokenize(request: pytest.FixtureRequest, words_folder: Path) -> Any:
    if request.param == "clip":
        return open_clip.tokenizer.SimpleTokenizer(context_length=16)
    return open_clip.tokenizer.HFTokenizer(
        str(words_folder), context_length=16, strip_sep_token=request.param.startswith("words without")
    )


def test_a_change_is_read_if_and_only_if_the_model_is_given_it(tokenize: Any) -> None:
    reading = Reading(tokenize)
    for before in range(24):
        for after in (0, 1, 40):
            original, caption = (" ".join(["dog"] * before + [word] + ["cat"] * after) for word in ("red", "blue"))
            given = tokenize([original, caption])
            assert reading([original], [caption]).to_pylist() == [not given[0].equal(given[1])], (before, after)


def test_all_of_a_change_must_be_read(tokenize: Any) -> None:
    reading, many = Reading(tokenize), "dog " * 30
    swapped = reading([f"red {many} blue"], [f"blue {many} red"])
    longer = reading([f"red {many}"], [f"red cat {many}"])
    short = reading(["a red dog", "a red dog"], ["a blue dog", f"a red dog {many}"])
    assert (swapped.to_pylist(), longer.to_pylist(), short.to_pylist()) == ([False], [True], [True, False])


def test_no_rows_and_any_text(tokenize: Any) -> None:
    assert Reading(tokenize)([], []).to_pylist() == []
    assert Reading(tokenize)(["", "🐶" * 60, "a"], ["dog", "a " + "🐶" * 60, "a"]).to_pylist() == [True, True, True]


def test_the_encoder_reads_without_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_weights(*_: Any, **__: Any) -> None:
        raise AssertionError("loaded")

    monkeypatch.setattr(open_clip, "create_model_and_transforms", no_weights)
    encoder = Encoder(Clip(model="package:shapes-clip"), Compute(device="cpu"))
    circles = "a red circle " * 30
    assert encoder.reading([f"a red square {circles}"], [f"a blue square {circles}"]).to_pylist() == [True]
    assert encoder.reading([f"{circles} a red square"], [f"{circles} a blue square"]).to_pylist() == [False]
    with pytest.raises(InputError, match="no such model"):
        _ = Encoder(Clip(model="ViT-Z"), Compute(device="cpu")).reading
