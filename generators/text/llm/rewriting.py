"""The language model as a generator of wrong captions: asked for one change in one place, and never trusted."""

from typing import Any

import pyarrow as pa

from generators.text.checks import failed_check
from generators.text.corpus.facts import Facts
from generators.text.corpus.lexicon import Lexicon
from generators.text.language.edits import apply, columns_of
from generators.text.language.parsing import Parsing
from generators.text.language.sentence import Sentence
from generators.text.language.units import unit_of
from generators.text.llm.loop import METHOD, Asking, Job
from generators.text.llm.prompts import Place, places, prompt
from generators.text.llm.reading import candidate_of
from generators.text.llm.writers.base import Prompt, Writer
from schemas.config import Rewrite
from schemas.ids import text_negative_id
from schemas.tables import TEXT_NEGATIVES


class Rewriting(Asking):
    """Make wrong captions: rows of TEXT_NEGATIVES."""

    version = 7
    schema = TEXT_NEGATIVES

    def __init__(
        self, config: Rewrite, seed: int, lexicon: pa.Table, lexicon_id: str, parsing: Parsing, writer: Writer
    ) -> None:
        super().__init__(config, config.operations, seed, parsing, writer)
        self.lexicon, self.lexicon_id = Lexicon(lexicon), lexicon_id

    @property
    def identity(self) -> list[Any]:
        """As of any stage that asks, and the lexicon that answers are held against."""
        return [*super().identity, self.lexicon_id]

    def places(self, operation: str, sentence: Sentence, facts: Facts) -> list[Place]:
        """List the places where the operation can be asked for."""
        return places(operation, sentence, facts)

    def prompt(self, place: Place, seed: int) -> Prompt:
        """Ask for a change in one place."""
        return prompt(place, seed)

    def row(self, job: Job, place: Place, text: str, answer: Sentence | None) -> dict[str, Any]:
        """Say what an answer changes, and which check it fails."""
        found = candidate_of(job.operation, place, answer, self.lexicon) if answer is not None else "leaked"
        if isinstance(found, str):
            changed: dict[str, Any] = {"original": place.sentence.caption, "caption": text, "failed_check": found}
        else:
            applied = apply(place.sentence.caption, found.edits)
            check = failed_check(found, applied, job.sentence, job.facts, self.lexicon)
            changed = {
                **columns_of(found, applied, job.sentence.caption, unit_of(place.sentence, found.edits)),
                "failed_check": check,
            }
        return {
            **changed,
            "text_negative_id": text_negative_id(job.pair, job.operation, METHOD, changed["caption"]),
            "operation": job.operation,
            "vouched_by": place.vouched_by and job.facts.pair_of(place.vouched_by),
        }
