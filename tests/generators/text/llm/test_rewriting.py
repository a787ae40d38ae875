"""The stages that ask a language model: answers are judged, asked again where they fail, and accounted for.

The answers are written here; that real models give some is tested with them (writing/, benchmarks/rewriting.py).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest

from generators.text.language.parsing import Parsing
from generators.text.llm.paraphrasing import Paraphrasing
from generators.text.llm.rewriting import Rewriting
from generators.text.llm.writers.base import Answer, Prompt
from schemas.config import Paraphrase, Rewrite
from schemas.stage import ledger_of
from schemas.tables import PARAPHRASES, TEXT_NEGATIVES
from tests.generators.text.conftest import as_pairs


class Scripted:
    """A writer whose answers are given: by the words to change, one after the other."""

    identity: list[Any] = ["scripted"]  # noqa: RUF012

    def __init__(self, answer: Callable[[Prompt, int], str | None]) -> None:
        self.answer, self.asked = answer, Counter[str]()

    def check(self) -> None:
        """Nothing can be missing."""

    def write(self, prompts: Sequence[Prompt]) -> list[Answer]:
        answers = []
        for prompt in prompts:
            text = self.answer(prompt, self.asked[prompt.question])
            self.asked[prompt.question] += 1
            answers.append(Answer(text, 10))
        return answers


def parses_of(parsing: Parsing, *captions: str, said: Sequence[str] = ()) -> pa.Table:
    rows = parsing(as_pairs(list(captions)))
    return rows.append_column("said", pa.array([list(said)] * rows.num_rows, pa.list_(pa.string())))


def rewriting(lexicon: pa.Table, parsing: Parsing, writer: Scripted, **settings: Any) -> Rewriting:
    config = Rewrite(model="scripted", operations=("replace_object",), **settings)
    return Rewriting(config, 0, lexicon, "lexicon", parsing, writer)


def test_what_fails_is_asked_again_and_counted(parsing: Parsing, lexicon: pa.Table) -> None:
    tries = [None, "A man rides a bicycle .", "A man rides a bicycle .", "A man rides a zebra .", "never asked"]
    writer = Scripted(lambda prompt, n: tries[n] if "Change: bike" in prompt.question else prompt.question[:19])
    stage = rewriting(lexicon, parsing, writer, tries=12)
    made = stage(parses_of(parsing, "A man rides a bike ."))
    assert made.schema.equals(TEXT_NEGATIVES)
    found = [(row["caption"], row["failed_check"]) for row in made.to_pylist()]
    assert found[-1] == ("A man rides a zebra .", None)
    assert ("A man rides a bicycle .", "compatible") in found
    last = made.to_pylist()[-1]
    assert (last["operation"], last["method"], last["model"]) == ("replace_object", "rewrite", "scripted")
    assert (last["original_phrase"], last["negative_phrase"], last["original"]) == (
        "bike", "zebra", "A man rides a bike ."
    )  # fmt: skip
    ledger = ledger_of(made, "rewriting", "shard").to_pylist()
    work, checks = ledger[0], {row["check_name"]: row["rows_out"] for row in ledger[1:]}
    assert (work["rows_in"], work["rows_out"], work["tokens"]) == (1, 1, 10 * work["tries"])
    assert work["tries"] == sum(writer.asked.values()) == last["tries"] == 1 + sum(checks.values())
    assert checks["no_answer"] == checks["compatible"] == 1
    assert checks["repeated"] >= 1


def test_what_the_image_says_elsewhere_or_the_rules_have_said_is_none(parsing: Parsing, lexicon: pa.Table) -> None:
    writer = Scripted(lambda prompt, _: prompt.question.split("\n")[0].replace("couch", "bench").replace("dog", "cat"))
    stage = rewriting(lexicon, parsing, writer, tries=4)
    captions = ("A dog sits on a mat .", "A cat next to a mat .")
    made = stage(parses_of(parsing, *captions, said=["A cat sits on a rug ."])).to_pylist()
    assert "entailed" in {row["failed_check"] for row in made}
    assert all(row["failed_check"] for row in made)
    again = stage(parses_of(parsing, *captions, said=[row["caption"] for row in made]))
    assert again.num_rows == 0
    assert {row["check_name"] for row in ledger_of(again, "r", "s").to_pylist()} == {None, "repeated"}


def test_words_of_the_prompt_in_an_answer_are_a_leak(parsing: Parsing, lexicon: pa.Table) -> None:
    writer = Scripted(lambda prompt, _: prompt.question.replace("\n", " "))
    made = rewriting(lexicon, parsing, writer)(parses_of(parsing, "A man rides a bike .")).to_pylist()
    assert {row["failed_check"] for row in made} == {"leaked"}


def test_a_share_of_the_captions_is_chosen_by_their_ids(parsing: Parsing, lexicon: pa.Table) -> None:
    captions = [f"A man rides a bike number {n} ." for n in range(60)]
    writer = Scripted(lambda *_: None)
    rewriting(lexicon, parsing, writer, share=0.5, tries=1)(parses_of(parsing, *captions))
    first = set(writer.asked)
    assert 15 < len(first) < 45
    rewriting(lexicon, parsing, writer, share=0.9, tries=1)(parses_of(parsing, *reversed(captions)))
    assert first <= set(writer.asked)


def test_what_is_asked_names_the_stage(parsing: Parsing, lexicon: pa.Table) -> None:
    writer = Scripted(lambda *_: None)
    stages = [rewriting(lexicon, parsing, writer, tries=1), rewriting(lexicon, parsing, writer, tries=2)]
    assert stages[0].identity != stages[1].identity
    assert rewriting(lexicon, parsing, writer, tries=1, batch_size=4).identity == stages[0].identity


@pytest.mark.parametrize(
    ("answer", "check"),
    [
        ("In the snow , two dogs are playing .", None),
        ("The two dogs play in the snow .", "unchanged"),
        ("In the snow , three dogs are playing .", "not_the_same"),
        ("Two dogs sit on the snow .", "reference"),
    ],
)
def test_a_paraphrase_says_the_same_in_other_words(parsing: Parsing, answer: str, check: str | None) -> None:
    stage = Paraphrasing(Paraphrase(model="scripted", tries=1), 0, parsing, Scripted(lambda *_: answer))
    made = stage(parses_of(parsing, "Two dogs play in the snow .", "Two dogs sit on the snow ."))
    assert made.schema.equals(PARAPHRASES)
    first = made.to_pylist()[0]
    assert (first["caption"], first["failed_check"]) == (answer, check)
