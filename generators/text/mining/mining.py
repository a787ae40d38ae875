"""The miner: minimal pairs of real pictures, out of captions of a corpus that differ by one phrase (EqBen)."""

import time
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from devices.revision import libraries
from generators.text.corpus.facts import Facts
from generators.text.corpus.lexicon import Lexicon
from generators.text.language.edits import Candidate
from generators.text.language.sentence import Sentence
from generators.text.mining.bucket import Vectors
from generators.text.mining.index import CAPTIONS, FOUND, PLACES, Index
from generators.text.mining.naming import candidates, judged
from generators.text.mining.places import places
from schemas.ids import digest, text_negative_id
from schemas.mining import Mine
from schemas.stage import with_ledger

METHOD = "mined"
About = tuple[str, str, str | None]  # of a picture: its cell, what it is or is nearly, its scene
Told = tuple[dict[int, Sentence], Facts]  # captions of a picture by their numbers, and what they say together
_REMEMBERED = 256  # pictures whose captions are kept read


class Mining:
    """Find wrong captions of a corpus among its own: what goes in by shards comes out as one table, MINED.

    Two captions of different pictures that differ by one phrase are each the other's wrong one, where the phrases
    exclude each other and no caption of the picture says the other one too. Where the checks pass both ways, the other
    picture is the one that the wrong caption is true of: a 2x2 that nobody has edited.

    Memory is bounded: captions and what is found of them rest in a database in a temporary folder. A context manager.
    """

    version = 2

    def __init__(self, config: Mine, lexicon: pa.Table, parser: str) -> None:
        self.config, self.parser = config, parser
        self.pictures: dict[str, int] = {}  # the numbers of those added
        self._lexicon = Lexicon(lexicon)
        self._read: dict[int, Told] = {}
        self._captions, self._started = 0, time.perf_counter()

    @property
    def identity(self) -> list[Any]:
        """Stage name, version, settings, parser, and what knows the forms of words; not the lexicon."""
        words = libraries("inflect", "lemminflect", "wn")
        return ["mining", self.version, self.config.model_dump(mode="json"), self.parser, *words]

    @cached_property
    def _index(self) -> Index:
        return Index()

    def __enter__(self) -> "Mining":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if "_index" in self.__dict__:
            self._index.close()

    def add(self, parses: pa.Table, pairs: str, images: str, about: Mapping[str, About]) -> None:
        """Add rows of PARSES; their pairs and pictures rest in these two shards.

        `about` says of every picture where it may be looked for (pictures of different cells are never paired: other
        splits, other videos), what it is nearly the same as, and its scene.
        """
        rows = parses.filter(pc.is_null(parses["left_out"])).to_pylist()
        captions, found = [], []
        for row in rows:
            cell, alike, scene = about[row["image_id"]]
            sentence = Sentence.from_row(row["caption"], row["tokens"])
            self._captions += 1
            picture = self.pictures.setdefault(row["image_id"], len(self.pictures))
            draw = int(digest("mined", row["pair_id"])[:16], 16)
            captions.append(
                {
                    "caption": self._captions, "picture": picture, "alike": int(digest(alike)[:16], 16),
                    "pair_id": row["pair_id"], "image_id": row["image_id"], "text": row["caption"],
                    "tokens": row["tokens"], "pairs": pairs, "images": images, "scene": scene,
                }
            )  # fmt: skip
            found += [(self._captions, *place, draw) for place in places(sentence, self.config.operations, cell)]
        if captions:
            self._index.add("captions", pa.Table.from_pylist(captions, CAPTIONS))
        if found:
            columns = zip(*found, strict=True)
            self._index.add("places", pa.table([pa.array(c, f.type) for c, f in zip(columns, PLACES, strict=True)],
                                               schema=PLACES))  # fmt: skip

    def table(self, vectors: Vectors | None = None) -> pa.Table:
        """Hold against each other what was added; returns rows of MINED in its order.

        `vectors` gives those of pictures by their numbers, to hold a caption against those of the pictures most alike.
        """
        tried: Counter[str] = Counter()
        if self._captions and self._index.pair(self.config.tries, vectors):
            for pairs in self._index.read():
                found = [row for pair in pairs for row in self._told(pair, tried)]
                if found:
                    self._index.add("found", pa.Table.from_pylist(found, FOUND))
        result = self._index.best(self.config.per_operation)
        return with_ledger(result, self._ledger(result, tried))

    def _told(self, pair: dict[str, Any], tried: Counter[str]) -> list[dict[str, Any]]:
        """Read two captions as each other's wrong one."""
        (ours, facts), (theirs, others) = (self._picture(pair, side) for side in "ab")
        there = (pair["first_a"], pair["last_a"], pair["first_b"], pair["last_b"])
        back = (*there[2:], *there[:2])
        operation = pair["operation"]
        said = list(candidates(operation, ours, theirs, there, facts, self._lexicon))
        answered = list(candidates(operation, theirs, ours, back, others, self._lexicon))
        tried[said[0].operation if said else "none"] += 1
        forth = [self._row(pair, "a", one, ours, facts) for one in said]
        returned = [self._row(pair, "b", one, theirs, others) for one in answered]
        # A picture answers a caption where the right one is as surely false of it.
        for rows, opposite in ((forth, returned), (returned, forth)):
            checks = [row["failed_check"] for row in opposite] or ["not_asked"]
            for row in rows:
                row["picture_check"] = checks[0]
        return [row for row in (*forth, *returned) if row["operation"] in self.config.operations]

    def _row(self, pair: dict[str, Any], side: str, one: Candidate, sentence: Sentence, facts: Facts) -> dict[str, Any]:
        other = "b" if side == "a" else "a"
        changed = judged(one, sentence, facts, self._lexicon)
        name = pair[f"pair_id_{side}"]
        return {
            **changed,
            "text_negative_id": text_negative_id(name, one.operation, METHOD, changed["caption"]),
            "pair_id": name,
            "image_id": pair[f"image_id_{side}"],
            "method": METHOD,
            "model": self.parser,
            "pairs": pair[f"pairs_{side}"],
            "other_image_id": pair[f"image_id_{other}"],
            "other_images": pair[f"images_{other}"],
            "scene": pair[f"scene_{other}"],
            "similarity": pair["similarity"],
            "number": pair[side],
            "draw": digest("mined", name, pair[f"pair_id_{other}"]),
        }

    def _picture(self, pair: dict[str, Any], side: str) -> tuple[Sentence, Facts]:
        """Return a caption and what all captions of its picture say."""
        number = pair[f"picture_{side}"]
        if number not in self._read:
            if len(self._read) == _REMEMBERED:
                del self._read[next(iter(self._read))]
            captions = pair[f"all_{side}"]
            sentences = {row["caption"]: Sentence.from_row(row["text"], row["tokens"]) for row in captions}
            self._read[number] = sentences, Facts(list(sentences.values()))
        sentences, facts = self._read[number]
        return sentences[pair[side]], facts

    def _ledger(self, result: pa.Table, tried: Counter[str]) -> list[dict[str, Any]]:
        usable = Counter(
            operation
            for operation, failed in zip(
                result["operation"].to_pylist(), result["failed_check"].to_pylist(), strict=True
            )
            if failed is None
        )
        seconds, pairs = time.perf_counter() - self._started, max(1, tried.total())
        work = [
            {
                "operation": operation, "method": METHOD, "rows_in": self._captions, "rows_out": usable[operation],
                "tries": tried[operation], "seconds": seconds * tried[operation] / pairs,
            }
            for operation in self.config.operations
        ]  # fmt: skip
        unnamed = [{"method": METHOD, "check_name": "not_asked", "rows_out": tried["none"]}] if tried["none"] else []
        return work + unnamed + [
            {"operation": operation, "method": METHOD, "check_name": check, "rows_out": n}
            for operation, check, n in self._index.failed()
        ]  # fmt: skip
