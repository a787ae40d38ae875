"""Tasks for Label Studio: people see both captions in an order that tells nothing."""

import hashlib
from collections.abc import Iterable
from contextlib import ExitStack
from html import escape
from itertools import count
from typing import Any
from urllib.parse import quote

from exports.folder import Folder
from exports.format import About, Need
from exports.pairs import Pair, Span
from exports.texts import Add, json_list

_TASKS = 10_000  # of a file: an upload takes 250,000 tasks and 200 MB at most
_CHOICES = (
    '<Choice value="A"/><Choice value="B"/><Choice value="both"/><Choice value="neither"/><Choice value="cannot tell"/>'
)
_CAPTIONS = f"""<View>
  <Image name="picture" value="$image_1"/>
  <Header value="Which caption is true of the picture?"/>
  <Header value="A"/><HyperText name="a" value="$html_a"/>
  <Header value="B"/><HyperText name="b" value="$html_b"/>
  <Choices name="picture_1" toName="picture" choice="single" required="true">{_CHOICES}</Choices>
</View>
"""
_PICTURES = f"""<View>
  <View style="display: grid; grid-template-columns: 1fr 1fr; gap: 1em">
    <View><Image name="first" value="$image_1"/>
      <Header value="Which caption is true of this picture?"/>
      <Choices name="picture_1" toName="first" choice="single" required="true">{_CHOICES}</Choices></View>
    <View><Image name="second" value="$image_2"/>
      <Header value="And of this one?"/>
      <Choices name="picture_2" toName="second" choice="single" required="true">{_CHOICES}</Choices></View>
  </View>
  <Header value="A"/><HyperText name="a" value="$html_a"/>
  <Header value="B"/><HyperText name="b" value="$html_b"/>
</View>
"""


class LabelStudio:
    """A project for pairs of one picture and one for those of two: tasks and the labelling configuration.

    Each task has what is right in its data, where the configuration does not show it.
    """

    name = "label-studio"
    needs: tuple[Need, ...] = ()

    def write(self, pairs: Iterable[Pair], out: Folder, about: About) -> None:  # noqa: ARG002
        """Write captions/ and pictures/ with config.xml and tasks-00000.json and so on, and images/."""
        with ExitStack() as files:
            projects: dict[str, _Project] = {}
            for pair in pairs:
                kind = "captions" if pair.negative_picture is None else "pictures"
                if kind not in projects:
                    with out.open_text(f"{kind}/config.xml") as file:
                        file.write(_CAPTIONS if kind == "captions" else _PICTURES)
                    projects[kind] = _Project(out, kind, files.enter_context(ExitStack()))
                projects[kind].add({"data": _data(pair, out), "predictions": []})


class _Project:
    """Files of tasks, the next one begun where one is full."""

    def __init__(self, out: Folder, folder: str, opened: ExitStack) -> None:
        self._out, self._folder, self._opened = out, folder, opened
        self._numbers = count()
        self._add: Add | None = None

    def add(self, task: dict[str, Any]) -> None:
        number = next(self._numbers)
        if self._add is None or number % _TASKS == 0:
            self._opened.close()
            name = f"{self._folder}/tasks-{number // _TASKS:05d}.json"
            self._add = self._opened.enter_context(json_list(self._out, name))
        self._add(task)


def _data(pair: Pair, out: Folder) -> dict[str, Any]:
    draw = hashlib.sha256(pair.text_negative_id.encode()).digest()
    captions = [(pair.original, pair.original_spans), (pair.negative, pair.negative_spans)]
    pictures = [pair.picture] if pair.negative_picture is None else list(pair.pictures)
    captions_turned, pictures_turned = draw[0] % 2 == 1, draw[1] % 2 == 1 and len(pictures) == 2
    if captions_turned:
        captions.reverse()
    if pictures_turned:
        pictures.reverse()
    (a, spans_a), (b, spans_b) = captions
    return {
        **{f"image_{n}": _address(out, out.picture("images", one)) for n, one in enumerate(pictures, 1)},
        "caption_a": a,
        "caption_b": b,
        "html_a": _marked(a, spans_a),
        "html_b": _marked(b, spans_b),
        "right_caption": "B" if captions_turned else "A",  # of the picture that was not edited
        "unedited_picture": 2 if pictures_turned else 1,
        "image_negative_id": pair.image_negative_id,
        "original_still_true": pair.original_still_true,
        **pair.told,
    }


def _address(out: Folder, name: str) -> str:
    """Say where Label Studio finds a file: itself under its document root, the folder that holds the export."""
    if "://" in out.location:
        return f"{out.location}/{name}"
    return f"/data/local-files/?d={quote(out.location.rpartition('/')[2])}/{name}"


def _marked(caption: str, spans: list[Span] | None) -> str:
    """Write a caption as HTML, what differs in bold."""
    parts, at = [], 0
    for span in spans or []:
        parts += [escape(caption[at : span["start"]]), f"<b>{escape(caption[span['start'] : span['end']])}</b>"]
        at = span["end"]
    return "".join([*parts, escape(caption[at:])])
