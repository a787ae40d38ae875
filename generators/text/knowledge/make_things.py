"""Make things.tsv, the visible world: which sense a caption means by a word, what kind of thing it is, and from where.

    python -m generators.text.knowledge.make_things

The world is what people have photographed and named: the synsets of ImageNet-21k, as timm's `data/_info` lists them,
and the names of COCO, as torchvision has them. WordNet tells their kinds. The few words that neither has in the sense
that captions mean are written out here. Persons are too many for photographs: WordNet's, where that sense comes first.
"""

import csv
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from typing import Any

from generators.text.knowledge.wordnet import wordnet

# Kinds by the classes of WordNet that they take in. The nearest class above a sense decides; of classes that are
# equally near, the kind that stands first. Members of one kind can stand in for each other in a picture.
KINDS: dict[str, tuple[str, ...]] = {
    "person": ("person.n.01", "people.n.01"),
    "animal": ("animal.n.01",),
    "clothing": ("clothing.n.01", "headdress.n.01", "footwear.n.01", "footwear.n.02", "helmet.n.02"),
    "accessory": ("jewelry.n.01", "spectacles.n.01", "binoculars.n.01", "umbrella.n.01"),
    "bag": ("bag.n.01", "bag.n.04", "baggage.n.01", "backpack.n.01", "basket.n.01"),
    "board": (
        "skateboard.n.01", "surfboard.n.01", "snowboard.n.01", "ski.n.01", "scooter.n.02", "sled.n.01", "skate.n.01",
    ),
    "vehicle": ("vehicle.n.01", "public_transport.n.01", "baby_buggy.n.01"),
    "furniture": ("furniture.n.01",),
    "fixture": ("plumbing_fixture.n.01", "bathtub.n.01", "sink.n.01", "fountain.n.01"),
    "appliance": ("home_appliance.n.01", "stove.n.01", "oven.n.01", "television_receiver.n.01", "white_goods.n.01"),
    "drink": ("beverage.n.01",),
    "food": ("food.n.01", "food.n.02", "edible_fruit.n.01"),
    "kitchenware": (
        "tableware.n.01", "cutlery.n.02", "kitchen_utensil.n.01", "drinking_vessel.n.01", "bowl.n.01", "cup.n.01",
        "glass.n.02", "bottle.n.01", "crockery.n.01", "pot.n.01",
    ),
    "plant": ("plant.n.02", "fungus.n.01", "lichen.n.02", "flower.n.01", "flower.n.02"),
    "instrument": ("musical_instrument.n.01",),
    "equipment": (
        "equipment.n.01", "sports_equipment.n.01", "game_equipment.n.01", "plaything.n.01", "stick.n.01",
        "racket.n.04", "kite.n.03",
    ),
    "device": (
        "electronic_equipment.n.01", "computer.n.01", "camera.n.01", "telephone.n.01", "electronic_device.n.01",
        "data_input_device.n.01", "photographic_equipment.n.01", "projector.n.02", "timepiece.n.01",
    ),
    "sign": ("signboard.n.01", "visual_signal.n.01", "sign.n.02", "parking_meter.n.01", "fireplug.n.01"),
    "print": ("publication.n.01", "book.n.02", "book.n.01", "newspaper.n.01", "newspaper.n.03", "card.n.01",
        "letter.n.01"),
    "cloth": ("fabric.n.01", "piece_of_cloth.n.01", "bedclothes.n.01", "blanket.n.01", "rug.n.01", "towel.n.01"),
    "building": ("building.n.01", "house.n.01", "tower.n.01", "shelter.n.01", "tent.n.01"),
    "barrier": ("obstruction.n.01", "supporting_structure.n.01"),
    "place": (
        "way.n.06", "body_of_water.n.01", "geological_formation.n.01", "location.n.01", "land.n.01",
        "land.n.02", "land.n.04", "room.n.01",
        "area.n.05", "field.n.01", "tract.n.01", "passage.n.03", "playing_field.n.01", "vegetation.n.01",
        "place_of_business.n.01", "athletic_facility.n.01",
    ),
    "structure": ("structure.n.01",),
    "container": ("container.n.01",),
    "tool": ("implement.n.01", "weapon.n.01", "machine.n.01"),
    "artifact": ("instrumentality.n.03", "decoration.n.01"),
    "natural object": ("natural_object.n.01",),
    "figure": ("plane_figure.n.01", "solid.n.03", "curve.n.01"),
}  # fmt: skip

# Words whose sense in captions ImageNet lacks, or has behind another: what is meant is the thing that people use.
_SENSES: dict[str, str] = {
    "bat": "bat.n.05",
    "bench": "bench.n.01",
    "book": "book.n.02",
    "cake": "cake.n.03",
    "club": "club.n.03",
    "crown": "crown.n.04",
    "court": "court.n.04",
    "cycle": "bicycle.n.01",
    "fork": "fork.n.01",
    "glass": "glass.n.02",
    "glove": "glove.n.02",
    "goal": "goal.n.03",
    "hydrant": "fireplug.n.01",
    "fire hydrant": "fireplug.n.01",
    "kite": "kite.n.03",
    "magazine": "magazine.n.01",
    "match": "match.n.01",
    "microwave": "microwave.n.02",
    "mitt": "baseball_glove.n.01",
    "newspaper": "newspaper.n.03",
    "pitcher": "pitcher.n.01",
    "plate": "plate.n.04",
    "racket": "racket.n.04",
    "sink": "sink.n.01",
    "comforter": "quilt.n.01",
    "punching bag": "punching_bag.n.02",
    "teddy bear": "teddy.n.01",
    "tennis racket": "racket.n.04",
    "toilet": "toilet.n.02",
    "tv": "television_receiver.n.01",
    "television": "television_receiver.n.01",
}
# Words whose kind is told with their sense: compounds of COCO and names of clothes that WordNet has no entry for, uses
# that its classes do not show (an umbrella is carried along), and figures.
_WRITTEN: dict[str, tuple[str, str]] = {
    "adult": ("person", "adult.n.01"),
    "biker": ("person", "cyclist.n.01"),
    "rope": ("artifact", "rope.n.01"),
    "log": ("artifact", "log.n.01"),
    "statue": ("artifact", "statue.n.01"),
    "snowman": ("artifact", "snowman.n.01"),
    "headband": ("clothing", "headband.n.01"),
    "innertube": ("vehicle", "inner_tube.n.01"),
    "pillow": ("cloth", "pillow.n.01"),
    "knife": ("kitchenware", "knife.n.01"),
    "keyboard": ("device", "keyboard.n.01"),
    "remote": ("device", "remote_control.n.01"),
    "stair": ("structure", "stairway.n.01"),
    "stairs": ("structure", "stairway.n.01"),
    "stroller": ("vehicle", "baby_buggy.n.01"),
    "toy": ("equipment", "plaything.n.01"),
    "chew toy": ("equipment", "plaything.n.01"),
    "surfboard": ("board", "surfboard.n.01"),
    "wakeboard": ("board", "surfboard.n.01"),
    "boogie board": ("board", "surfboard.n.01"),
    "board": ("board", "board.n.03"),
    "plant": ("plant", "plant.n.02"),
    "bush": ("plant", "shrub.n.01"),
    "shrub": ("plant", "shrub.n.01"),
    "t-shirt": ("clothing", "jersey.n.03"),
    "tshirt": ("clothing", "jersey.n.03"),
    "hoodie": ("clothing", "sweatshirt.n.01"),
    "wetsuit": ("clothing", "wet_suit.n.01"),
    "suv": ("vehicle", "sport_utility.n.01"),
    "atv": ("vehicle", "motor_vehicle.n.01"),
    "raft": ("vehicle", "raft.n.01"),
    "leash": ("artifact", "leash.n.01"),
    "corndog": ("food", "hotdog.n.02"),
    "boxer": ("person", "boxer.n.01"),
    "racer": ("person", "racer.n.01"),
    "stop sign": ("sign", "signboard.n.01"),
    "street sign": ("sign", "street_sign.n.01"),
    "baseball glove": ("equipment", "baseball_glove.n.01"),
    "sports ball": ("equipment", "ball.n.01"),
    "soccer ball": ("equipment", "soccer_ball.n.01"),
    "wine glass": ("kitchenware", "glass.n.02"),
    "cell phone": ("device", "cellular_telephone.n.01"),
    "potted plant": ("plant", "houseplant.n.01"),
    "hair drier": ("appliance", "hand_blower.n.01"),
    "toothbrush": ("tool", "toothbrush.n.01"),
    "umbrella": ("accessory", "umbrella.n.01"),
    "water wings": ("equipment", "water_wings.n.01"),
    "traffic light": ("sign", "traffic_light.n.01"),
    "chair": ("furniture", "chair.n.01"),
    "parachute": ("equipment", "parachute.n.01"),
    "trampoline": ("equipment", "trampoline.n.01"),
    "mannequin": ("equipment", "mannequin.n.02"),
    **{
        word: ("figure", f"{word}.n.01")
        for word in (
            "circle",
            "square",
            "triangle",
            "star",
            "heart",
            "cross",
            "diamond",
            "cube",
            "sphere",
            "cone",
            "cylinder",
            "pyramid",
            "dot",
        )
    },
}
# Words that have a photographed sense, and in captions hardly ever mean it: parts, sides, doings, colours, wholes.
_NOT_MEANT = frozenset(
    {
        "area", "back", "background", "band", "bar", "base", "blue", "body", "bottom", "break", "cast", "catch",
        "center", "change", "controller", "climb", "closeup", "control", "corner", "cover", "cricket", "cut",
        "descent", "domain",
        "drop", "end", "face", "fall", "fighter", "fire", "half-mast", "prayer", "indicator", "array",
        "stock", "flip", "flop", "foreground", "front", "game", "generic",
        "ground", "head", "help", "horizon", "jack", "kiss", "land", "left", "light", "location", "makeup",
        "mark", "mass",
        "match", "mount", "must", "open", "pack", "part", "piece", "pile", "pitch", "place", "play", "point", "pose",
        "position", "public", "race", "rainbow", "range", "region", "relief", "rest", "ride", "right", "round",
        "row", "run", "scene", "section", "sector", "series", "set", "setting", "shot", "side", "site", "sky", "space",
        "sport", "spot", "stand", "state", "step", "stop", "structure", "support", "surface", "tail", "territory",
        "stunt", "top", "trick",
        "turn", "type", "upper", "view", "wear", "wild", "work", "zone", "moment", "equipment", "gear",
        "item", "object", "thing", "male", "female", "craft", "decoration", "device", "system", "black", "white",
        "brown", "red", "green", "tan", "purple", "yellow", "skeleton", "hide", "hose", "frame", "middle", "shape",
    }
)  # fmt: skip
# What scenes are called: stuff and places. The second is the class of knowledge/places.py.
_PLACES: dict[str, str] = {
    **dict.fromkeys(
        ("water", "ocean", "sea", "lake", "river", "pond", "stream", "creek", "surf", "wave", "waterfall", "puddle",
         "bay", "rapid", "rapids", "harbor", "whitewater", "fountain"), "water"),
    **dict.fromkeys(("pool", "swimming pool", "wading pool", "hot tub"), "pool"),
    **dict.fromkeys(("snow", "snowbank", "ski slope", "glacier", "snowdrift", "ice"), "snow"),
    **dict.fromkeys(("beach", "sand", "desert", "dune", "sandbox"), "sand"),
    **dict.fromkeys(("shore", "coast", "shoreline", "riverbank", "bank", "seaside", "dock", "pier", "waterfront",
                     "lakeside", "wharf", "jetty", "marina", "boardwalk"), "shore"),
    **dict.fromkeys(
        ("street", "road", "highway", "alley", "driveway", "parking lot", "sidewalk", "pavement", "crosswalk",
         "intersection", "roadway", "freeway", "curb", "avenue", "lane", "roadside", "asphalt", "walkway",
         "racetrack"), "road"),
    **dict.fromkeys(("path", "trail", "track", "pathway", "dirt road", "footpath", "mud", "dirt"), "path"),
    **dict.fromkeys(
        ("grass", "field", "lawn", "meadow", "park", "yard", "garden", "pasture", "backyard", "prairie", "hay",
         "grassland", "wheat field", "cornfield", "farm", "plain", "orchard", "campsite"), "field"),
    **dict.fromkeys(("forest", "wood", "woods", "jungle", "woodland", "rainforest"), "forest"),
    **dict.fromkeys(
        ("hill", "mountain", "cliff", "canyon", "valley", "mountainside", "hillside", "slope", "ridge", "ledge",
         "peak", "hilltop", "volcano", "rock face", "bluff"), "mountain"),
    **dict.fromkeys(
        ("room", "kitchen", "bedroom", "bathroom", "hallway", "living room", "dining room", "classroom", "basement",
         "attic", "garage", "nursery", "lobby", "cafeteria", "elevator", "closet", "auditorium", "ballroom",
         "corridor", "locker room"), "room"),
    **dict.fromkeys(
        ("restaurant", "store", "shop", "office", "gym", "gymnasium", "museum", "theater", "library", "bar", "cafe",
         "church", "supermarket", "mall", "hospital", "school", "bakery", "salon", "barn", "arcade", "bowling alley",
         "cathedral", "nightclub", "diner", "pub", "airport", "warehouse", "bookstore"), "venue"),
    **dict.fromkeys(("city", "town", "village", "plaza", "market", "station", "courtyard", "patio"), "town"),
    **dict.fromkeys(
        ("court", "tennis court", "basketball court", "stadium", "arena", "rink", "ice rink", "playground",
         "soccer field", "football field", "baseball field", "baseball diamond", "skate park", "racecourse", "stage",
         "race track"),
        "ground for games"),
}  # fmt: skip
_OUT = "things.tsv"


def main() -> None:
    """Write the table beside this file."""
    rows = sorted(_rows())
    target = resources.files(__package__) / _OUT
    with open(str(target), "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerows(rows)
    print(f"{len(rows):,} words")


def _rows() -> Iterator[tuple[str, str, str, str, str]]:
    """Yield word, kind, class of the place, sense and source of every visible thing."""
    seen: set[str] = set()
    photographed = _photographed()
    for word, place in _PLACES.items():
        yield word, "place", place, _sense_of_place(word), "scene"
        seen.add(word)
    for word, (kind, sense) in _WRITTEN.items():
        yield word, kind, "", sense, "written"
        seen.add(word)
    for word in sorted(_words(photographed) | set(_SENSES) | set(_coco())):
        if word in seen or word in _NOT_MEANT:
            continue
        meant = wordnet().synset(_SENSES[word]) if word in _SENSES else _meant(word, photographed)
        named = _kind(meant) if meant is not None else None
        if meant is not None and named is not None:
            source = "written" if word in _SENSES else photographed[meant.offset()]
            yield word, named, "", meant.name(), source
            seen.add(word)
    for word in sorted({name for person in _persons() for name in _names(person)} - seen - _NOT_MEANT):
        first, *others = wordnet().synsets(word.replace(" ", "_"), pos="n")
        counted = any(lemma.count() > 0 for lemma in first.lemmas())  # in the texts that WordNet's makers have tagged
        if _kind(first) == "person" and (counted or all(_kind(other) == "person" for other in others)):
            yield word, "person", "", first.name(), "wordnet"


def _photographed() -> dict[int, str]:
    """Map synsets of ImageNet, as offsets in WordNet 3.0, to the smallest set that has them."""
    info = resources.files("timm.data") / "_info"
    found: dict[int, str] = {}
    for name in ("imagenet12k", "imagenet21k_goog"):
        for line in (info / f"{name}_synsets.txt").read_text(encoding="utf-8").split():
            found.setdefault(int(line[1:]), name.removesuffix("_goog"))
    return found


def _coco() -> list[str]:
    from torchvision.models.detection import MaskRCNN_ResNet50_FPN_Weights

    names = MaskRCNN_ResNet50_FPN_Weights.DEFAULT.meta["categories"]
    return [name for name in names if name.islower()]  # not "N/A", not "__background__"


def _words(photographed: Iterable[int]) -> set[str]:
    senses = (wordnet().synset_from_pos_and_offset("n", offset) for offset in photographed)
    return {name for sense in senses for name in _names(sense)}


def _names(sense: Any) -> list[str]:
    """List the words for a sense that English writes small."""
    names = [lemma.name().replace("_", " ") for lemma in sense.lemmas()]
    return [name for name in names if name.islower()]


def _meant(word: str, photographed: dict[int, str]) -> Any | None:
    """Choose the sense that a caption means: the first that is photographed, a fruit before its tree.

    One behind the third counts only under its own name: a "run" is no streak of luck, nor anything to see.
    """
    senses = wordnet().synsets(word.replace(" ", "_"), pos="n")
    if senses and senses[0].lexname() == "noun.body":
        return None  # a hand is a sailor only to WordNet
    fit = [
        sense
        for place, sense in enumerate(senses)
        if sense.offset() in photographed and (place < 3 or sense.lemmas()[0].name() == word.replace(" ", "_"))
    ]
    kinds = [_kind(sense) for sense in fit]
    if "plant" in kinds and "food" in kinds:
        return fit[kinds.index("food")]
    return next((sense for sense, kind in zip(fit, kinds, strict=True) if kind is not None), None)


def _persons() -> Iterator[Any]:
    yield from wordnet().synset("person.n.01").closure(lambda s: s.hyponyms())


@cache
def _kind(sense: Any) -> str | None:
    """Name the kind of the nearest class above a sense."""
    level, seen = [sense], set()
    while level:
        names = {s.name() for s in level}
        for kind, classes in KINDS.items():
            if not names.isdisjoint(classes):
                return kind
        seen |= names
        level = [above for s in level for above in s.hypernyms() if above.name() not in seen]
    return None


def _sense_of_place(word: str) -> str:
    """Choose a place's sense: the first that is a place to WordNet too, else the first."""
    senses = wordnet().synsets(word.replace(" ", "_"), pos="n")
    found = next((s for s in senses if _kind(s) == "place"), senses[0] if senses else None)
    return found.name() if found is not None else ""


if __name__ == "__main__":
    main()
