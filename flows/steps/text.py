"""The steps from captions to wrong captions."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import pyarrow as pa

from flows import frugal, models
from flows.groups import Inputs
from flows.rows import beside
from flows.steps.step import Step
from flows.writers import Remembered, writer_for
from generators.shapes.truth import Truth
from generators.text.corpus.describing import Describing
from generators.text.language.parsing import Parsing
from generators.text.llm.paraphrasing import Paraphrasing
from generators.text.llm.rewriting import Rewriting
from generators.text.negatives import TextNegatives
from generators.text.ranking import Ranking
from schemas import config as settings
from schemas.tables import LEXICON
from storage.dataset import Dataset


@dataclass(frozen=True)
class Parse(Step):
    """Parse captions with spaCy."""

    describe: settings.Describe
    name: ClassVar = "parse"
    table: ClassVar = "parses"
    takes: ClassVar = ("pairs",)
    gives: ClassVar = "parses"
    kinds: ClassVar = ("rules",)

    @cached_property
    def identity(self) -> list[Any]:
        return Parsing(self.describe).identity

    def check(self) -> None:
        Parsing(self.describe).check()

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        frugal.import_spacy(self.describe.parser)
        return models.loaded(Parsing, self.describe)(dataset.read("pairs", inputs.one("pairs")))


@dataclass(frozen=True)
class Describe(Step):
    """Count what the corpus says of what: its lexicon."""

    describe: settings.Describe
    name: ClassVar = "describe"
    table: ClassVar = "lexicon"
    takes: ClassVar = ("parses",)
    gives: ClassVar = "lexicon"
    over: ClassVar = "corpus"
    kinds: ClassVar = ("rules",)

    @cached_property
    def identity(self) -> list[Any]:
        return [*Describing(self.describe).identity, Parsing(self.describe).identity]

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        stage = Describing(self.describe)
        for group in inputs.groups:
            stage.add(dataset.read("parses", group.one("parses")))
        return stage.table()


@dataclass(frozen=True)
class MakeNegatives(Step):
    """Make wrong captions by rules."""

    text: settings.Text
    compute: settings.Compute
    seed: int
    parser: str
    name: ClassVar = "text negatives"
    table: ClassVar = "text_negatives"
    takes: ClassVar = ("parses", "lexicon")
    gives: ClassVar = "negatives"
    kinds: ClassVar = ("rules",)

    @property
    def on_device(self) -> bool:
        return self.text.rank is not None

    @cached_property
    def identity(self) -> list[Any]:
        # Of the lexicon its name alone counts, and that is among what the rows depend on anyway.
        return TextNegatives(self.text, self.seed, LEXICON.empty_table(), "", self.parser, self._ranking()).identity

    def check(self) -> None:
        ranking = self._ranking()
        if ranking is not None:
            ranking.check()

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        stage = models.loaded(self._stage, dataset, inputs.one("lexicon"))
        return stage(dataset.read("parses", inputs.one("parses")))

    def _stage(self, dataset: Dataset, lexicon: str) -> TextNegatives:
        words = dataset.read("lexicon", lexicon)
        return TextNegatives(self.text, self.seed, words, lexicon, self.parser, self._ranking())

    def _ranking(self) -> Ranking | None:
        return models.loaded(Ranking, self.text.rank, self.compute) if self.text.rank is not None else None


@dataclass(frozen=True)
class Rewrite(Step):
    """Have a language model make wrong captions of the same pairs, others than the rules made."""

    rewrite: settings.Rewrite
    compute: settings.Compute
    seed: int
    describe: settings.Describe
    name: ClassVar = "rewriting"
    table: ClassVar = "text_negatives"
    takes: ClassVar = ("parses", "negatives", "lexicon")
    gives: ClassVar = "negatives"
    kinds: ClassVar = ("rules",)
    makes: ClassVar = "rewrites"

    @property
    def on_device(self) -> bool:
        return True

    @cached_property
    def identity(self) -> list[Any]:
        writer = writer_for(self.rewrite, self.compute)
        return Rewriting(self.rewrite, self.seed, LEXICON.empty_table(), "", Parsing(self.describe), writer).identity

    def check(self) -> None:
        writer_for(self.rewrite, self.compute).check()

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        lexicon, parses = inputs.one("lexicon"), inputs.one("parses")
        words = models.loaded(dataset.read, "lexicon", lexicon)
        writer = Remembered(dataset, self.rewrite, self.compute, parses)
        parsing = models.loaded(Parsing, self.describe)
        stage = Rewriting(self.rewrite, self.seed, words, lexicon, parsing, writer)
        there = dataset.read("text_negatives", inputs.one("negatives"), ["pair_id", "caption"])
        said = there.group_by("pair_id", use_threads=False).aggregate([("caption", "list")])
        said = said.rename_columns({"caption_list": "said"})
        return stage(beside(dataset.read("parses", parses), "pair_id", said))


@dataclass(frozen=True)
class Paraphrase(Step):
    """Have a language model say the captions in other words."""

    paraphrase: settings.Paraphrase
    compute: settings.Compute
    seed: int
    describe: settings.Describe
    name: ClassVar = "paraphrasing"
    table: ClassVar = "paraphrases"
    takes: ClassVar = ("parses",)
    gives: ClassVar = "paraphrases"
    kinds: ClassVar = ("rules",)

    @property
    def on_device(self) -> bool:
        return True

    @cached_property
    def identity(self) -> list[Any]:
        writer = writer_for(self.paraphrase, self.compute)
        return Paraphrasing(self.paraphrase, self.seed, Parsing(self.describe), writer).identity

    def check(self) -> None:
        writer_for(self.paraphrase, self.compute).check()

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        parses = inputs.one("parses")
        writer = Remembered(dataset, self.paraphrase, self.compute, parses)
        stage = Paraphrasing(self.paraphrase, self.seed, models.loaded(Parsing, self.describe), writer)
        rows = dataset.read("parses", parses)
        return stage(rows.append_column("said", pa.array([[]] * rows.num_rows, pa.list_(pa.string()))))


@dataclass(frozen=True)
class LabelCaptions(Step):
    """Label the wrong captions, passed checks or not, of pictures whose ground truth is known."""

    name: ClassVar = "truth"
    table: ClassVar = "labels"
    takes: ClassVar = ("negatives", "pairs")
    gives: ClassVar = "labels"

    @cached_property
    def identity(self) -> list[Any]:
        return Truth().identity

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        columns = ["text_negative_id", "pair_id", "original", "caption"]
        rows = dataset.read("text_negatives", inputs.one("negatives"), columns)
        return Truth()(beside(rows, "pair_id", dataset.read("pairs", inputs.one("pairs"), ["pair_id", "scene"])))
