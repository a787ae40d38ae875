"""Plain tables and lines, and preferences: a file for each split, pictures beside it."""

from collections.abc import Iterable, Iterator
from typing import Any

from exports.folder import Folder
from exports.format import About, Need
from exports.pairs import Pair, by_split
from exports.texts import Add, json_lines, table

_COLUMNS = (
    "text_negative_id", "image_negative_id", "image_id", "operation", "method", "original_phrase", "negative_phrase",
    "difference", "difference_back",
    "original_still_true", "image_method", "validity", "difficulty", "pair_weight", "source", "source_key", "url",
    "license", "split",
)  # fmt: skip
_QUESTION = "Describe the image in one sentence."


class Csv:
    """A row for each pair; open_clip reads the first two columns."""

    name = "csv"
    needs: tuple[Need, ...] = ()

    def write(self, pairs: Iterable[Pair], out: Folder, about: About) -> None:  # noqa: ARG002
        """Write <split>.csv and images/; paths are relative to the export."""
        for split, several in by_split(pairs):
            with table(out, f"{split}.csv", ("filepath", "title", "negative", "negative_filepath", *_COLUMNS)) as add:
                for pair in several:
                    first, second = _pictures(pair, out)
                    add((first, pair.original, pair.negative, second, *(getattr(pair, name) for name in _COLUMNS)))


class JsonLines:
    """A line for each pair, with everything that is known of it."""

    name = "jsonl"
    needs: tuple[Need, ...] = ()

    def write(self, pairs: Iterable[Pair], out: Folder, about: About) -> None:  # noqa: ARG002
        """Write <split>.jsonl and images/; paths are relative to the export."""
        names = (*_COLUMNS, "original_spans", "negative_spans", "paraphrases")
        for add, pair, first, second in _lines(pairs, out):
            captions = {"image": first, "original": pair.original, "negative": pair.negative, "negative_image": second}
            add(captions | {name: getattr(pair, name) for name in names})


class Preferences:
    """Conversations of which the right caption is chosen and the wrong one rejected: TRL's form for pictures.

    An edited picture is a line of its own, of which the captions change places.
    """

    name = "dpo"
    needs: tuple[Need, ...] = ()

    def write(self, pairs: Iterable[Pair], out: Folder, about: About) -> None:  # noqa: ARG002
        """Write <split>.jsonl and images/; paths are relative to the export."""
        for add, pair, first, second in _lines(pairs, out):
            add(_preference(first, pair.original, pair.negative, pair))
            if pair.whole:
                add(_preference(second, pair.negative, pair.original, pair))


def _preference(picture: str | None, chosen: str, rejected: str, pair: Pair) -> dict[str, Any]:
    return {
        "images": [picture],
        "prompt": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": _QUESTION}]}],
        "chosen": [{"role": "assistant", "content": [{"type": "text", "text": chosen}]}],
        "rejected": [{"role": "assistant", "content": [{"type": "text", "text": rejected}]}],
        **pair.told,
    }


def _lines(pairs: Iterable[Pair], out: Folder) -> Iterator[tuple[Add, Pair, str, str | None]]:
    """Go through pairs, each with what adds a line to its split's file, and the names of its pictures."""
    for split, several in by_split(pairs):
        with json_lines(out, f"{split}.jsonl") as add:
            for pair in several:
                yield add, pair, *_pictures(pair, out)


def _pictures(pair: Pair, out: Folder) -> tuple[str, str | None]:
    """Write a pair's pictures; returns their names below the export."""
    edited = None if pair.negative_picture is None else out.picture("images", pair.negative_picture)
    return out.picture("images", pair.picture), edited
