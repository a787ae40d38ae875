"""What the public code of CE-CLIP, VisMin and NegCLIP trains on: a file for each split, pictures beside it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from exports.folder import Folder
from exports.format import WHOLE, About, Need
from exports.pairs import Pair, by_caption, by_split
from exports.texts import json_lines, json_list, table

# VisMin's four; it puts everything else among "others".
_CATEGORIES = {
    "replace_object": "object",
    "swap_object": "object",
    "add_object": "object",
    "replace_attribute": "attribute",
    "swap_attribute": "attribute",
    "add_attribute": "attribute",
    "replace_count": "counting",
    "replace_relation": "relation",
    "replace_action": "relation",
    "swap_relation": "relation",
}


class Edits:
    """A JSON list: a picture and its caption, and what both become by each edit. VisMin writes it, CE-CLIP reads it."""

    needs: tuple[Need, ...] = WHOLE

    def __init__(self, name: str) -> None:
        self.name = name

    def write(self, pairs: Iterable[Pair], out: Folder, about: About) -> None:  # noqa: ARG002
        """Write <split>.json and images/; paths are whole, because its readers open them as they are."""
        for split, several in by_split(pairs):
            with json_list(out, f"{split}.json") as add:
                for alike in by_caption(several):
                    first = alike[0]
                    add({
                        "image_id": first.image_id,
                        "image_path": f"{out.location}/{out.picture('images', first.picture)}",
                        "caption": first.original,
                        "source": first.source,
                        "source_key": first.source_key,
                        "url": first.url,
                        "license": first.license,
                        "negatives": [_edit(pair, out) for pair in alike],
                    })  # fmt: skip


def _edit(pair: Pair, out: Folder) -> dict[str, Any]:
    return {
        "edit_id": pair.text_negative_id,
        "edited_image_path": f"{out.location}/{out.picture('images', pair.pictures[1])}",
        "edited_caption": pair.negative,
        "category": _CATEGORIES.get(pair.operation, "others"),
        "sub_category": pair.operation,
        "input_phrase": pair.original_phrase,
        "edited_phrase": pair.negative_phrase,
        "edit_instruction": pair.instruction,
    }


class Differences:
    """PC-CLIP's pairs of pictures, by their places in a list of pictures, and what is said of how the second differs.

    Its public code reads `indices` and `llm_diffs` from a pickle; this is the same as JSON, with `images` beside them.
    Each pair is there and back, where both can be said. Where rows come from stands beside them, line by line.
    """

    name = "pc-clip"
    needs: tuple[Need, ...] = (WHOLE[0],)

    def write(self, pairs: Iterable[Pair], out: Folder, about: About) -> None:  # noqa: ARG002
        """Write <split>.json, sources/<split>.jsonl and images/; paths are relative to the export.

        What nothing is said of is left out.
        """
        for split, several in by_split(pairs):
            rows = dict[str, int]()
            indices: list[tuple[int, int]] = []
            said: list[str] = []
            with json_lines(out, f"sources/{split}.jsonl") as add:
                for pair in several:
                    ways = ((pair.pictures, pair.difference), (pair.pictures[::-1], pair.difference_back))
                    for pictures, text in ways:
                        if text is not None:
                            names = (out.picture("images", picture) for picture in pictures)
                            one, other = (rows.setdefault(name, len(rows)) for name in names)
                            indices.append((one, other))
                            said.append(text)
                            add(pair.told)
            with out.open_text(f"{split}.json") as file:
                json.dump({"images": list(rows), "indices": indices, "llm_diffs": said}, file, ensure_ascii=False)


@dataclass(slots=True)
class _Line:
    title: str
    filepath: str
    pair: Pair
    wrong: list[str] = field(default_factory=list)  # captions
    hard: list[int] = field(default_factory=list)  # lines of pictures that are alike


class NegClip:
    """NegCLIP's table of captions with their wrong captions and, by number of line, pictures that are alike.

    An edited picture is a line of its own, with the caption that is true of it. Where a caption has none, the picture
    named is the next one in the file: an empty list stops the reader, and any other picture is a harmless one.
    """

    name = "negclip"
    needs: tuple[Need, ...] = ()

    def write(self, pairs: Iterable[Pair], out: Folder, about: About) -> None:  # noqa: ARG002
        """Write <split>.tsv and images/; paths are relative to the export."""
        columns = ("", "title", "filepath", "neg_caption", "neg_image", "source", "source_key", "url", "license")
        for split, several in by_split(pairs):
            with table(out, f"{split}.tsv", columns, "\t") as add:
                for number, line in enumerate(_lines(several, out)):
                    pair = line.pair
                    add((number, line.title, line.filepath, repr(line.wrong), repr(line.hard),
                         pair.source, pair.source_key, pair.url, pair.license))  # fmt: skip


def _lines(pairs: Iterable[Pair], out: Folder) -> Iterator[_Line]:
    """Make the lines of one file: those of a picture are known together, and wait for the next picture's number."""
    waiting: list[_Line] = []
    number = 0
    for _, several in groupby(pairs, key=lambda pair: pair.image_id):
        yield from _linked(waiting, number)
        waiting = _of_picture(several, out, number)
        number += len(waiting)
    yield from _linked(waiting, 0)


def _of_picture(pairs: Iterable[Pair], out: Folder, number: int) -> list[_Line]:
    lines: list[_Line] = []
    for alike in by_caption(pairs):
        at = number + len(lines)
        line = _Line(alike[0].original, out.picture("images", alike[0].picture), alike[0])
        lines.append(line)
        for pair in alike:
            line.wrong.append(pair.negative)
            if pair.whole:
                line.hard.append(number + len(lines))
                edited = out.picture("images", pair.pictures[1])
                lines.append(_Line(pair.negative, edited, pair, [pair.original], [at]))
    return lines


def _linked(lines: list[_Line], to: int) -> list[_Line]:
    for line in lines:
        line.hard = line.hard or [to]
    return lines
