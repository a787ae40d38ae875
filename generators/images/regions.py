"""What a caption's noun phrases may name in a picture: the same regions for right captions and wrong ones."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from devices.pictures import size_of
from generators.images.masks import Mask, boxes, mask_of_heat, region_of
from generators.images.phrases import THE_PICTURE
from generators.shapes.world import Scene
from generators.text.language.sentence import Sentence
from schemas.regions import Regions as Settings
from schemas.stage import Stage
from schemas.tables import SPAN


@dataclass(frozen=True, slots=True)
class Words:
    """What is to be found of a caption: noun phrases as (start, end, is one thing), and predicates between two of them
    as (text, subject's and object's places among the phrases)."""

    phrases: tuple[tuple[int, int, bool], ...]
    predicates: tuple[tuple[str, int, int], ...]


@dataclass(slots=True)
class Sight:
    """A picture beside a caption, and the regions that each phrase may mean: none is the whole picture."""

    image: bytes
    caption: str
    words: Words
    scene: str | None
    given: str | None  # JSON of the source's regions
    regions: list[list[Mask]] = field(default_factory=list)


def words_of(sentence: Sentence) -> Words:
    """Read which things a caption says are there, and how it joins them: by prepositions, and by verbs with subject and
    object. What it denies or leaves open is not to be found."""
    heads: dict[int, int] = {}
    phrases: list[tuple[int, int, bool]] = []
    for phrase in sentence.noun_phrases:
        if phrase.lemma not in THE_PICTURE and phrase.head not in sentence.unasserted:
            heads[phrase.head] = len(phrases)
            first, last = sentence.tokens[phrase.first], sentence.tokens[phrase.head]
            phrases.append((first.start, last.end, last.tag != "NNS"))
    joined: list[tuple[str, int | None, int | None]] = []
    for relation in sentence.relations:
        governor = relation.governor
        subject = governor if governor in heads else sentence.subject_of(governor)
        joined.append((relation.words, subject, relation.target))
    for verb in sentence.verbs:
        joined.append((verb.text, sentence.subject_of(verb.index), sentence.child(verb.index, "dobj", "attr")))
    predicates = [
        (text, heads[one], heads[other])
        for text, one, other in joined
        if one is not None and other is not None and one in heads and other in heads
    ]
    return Words(tuple(phrases), tuple(predicates))


class Regions:
    """Find the regions of pictures beside captions, by the first maker in the settings' order that has some."""

    def __init__(self, settings: Settings, heat_makers: dict[str, Stage]) -> None:
        self.settings, self.heat_makers = settings, heat_makers

    @property
    def identity(self) -> list[Any]:
        """What makes heat maps, where that may be asked."""
        return [self.heat_makers[maker].identity for maker in self.settings.makers if maker in self.heat_makers]

    def find(self, sights: list[Sight]) -> None:
        """Put into each sight the regions of its phrases; a phrase that names several things has none."""
        for sight in sights:
            sight.regions = [[] for _ in sight.words.phrases]
        for maker in self.settings.makers:
            if maker in self.heat_makers:
                self._by_heat(maker, sights)
                continue
            for sight in sights:
                self._known(maker, sight)

    def _known(self, maker: str, sight: Sight) -> None:
        wanted = self._wanted(sight)
        if not wanted:
            return
        width, height = size_of(sight.image)
        found = _drawn(sight.scene, (height, width)) if maker == "scene" else _given(sight.given, (height, width))
        for place in wanted:
            sight.regions[place] = found

    def _by_heat(self, maker: str, sights: list[Sight]) -> None:
        keyed = {f"{number} {place}": (sight, place) for number, sight in enumerate(sights)
                 for place in self._wanted(sight)}  # fmt: skip
        if not keyed:
            return
        spans = [
            [dict(zip(("start", "end"), sight.words.phrases[place][:2], strict=True))]
            for sight, place in keyed.values()
        ]
        given = {
            "key": pa.array(keyed, pa.string()),
            "image": pa.array([sight.image for sight, _ in keyed.values()], pa.binary()),
            "caption": pa.array([sight.caption for sight, _ in keyed.values()], pa.string()),
            "spans": pa.array(spans, pa.list_(SPAN)),
        }
        for found in self.heat_makers[maker](pa.table(given)).to_pylist():
            if found["heat"] is None:
                continue
            sight, place = keyed[found["key"]]
            width, height = size_of(sight.image)
            heat = np.array(found["heat"], np.float32).reshape(found["rows"], found["columns"])
            mask = mask_of_heat(heat, (height, width), self.settings.threshold)
            sight.regions[place] = [] if mask is None else [mask]

    def _wanted(self, sight: Sight) -> list[int]:
        return [
            place
            for place, (_, _, single) in enumerate(sight.words.phrases)
            if single and not sight.regions[place]
        ]  # fmt: skip


def _drawn(scene: str | None, size: tuple[int, int]) -> list[Mask]:
    return [boxes([thing], size) for thing in Scene.from_json(scene).things] if scene else []


def _given(regions: str | None, size: tuple[int, int]) -> list[Mask]:
    try:
        found = [region_of(region, size) for region in json.loads(regions or "[]")]
    except (ValueError, TypeError, KeyError, AttributeError):
        return []  # whoever made the source's regions hears of it from the masks
    return [mask for mask in found if mask.any()]
