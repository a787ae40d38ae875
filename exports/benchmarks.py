"""The shapes of benchmarks, so that their own scripts score a model on one's own pairs: one set, whatever the split."""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import PurePosixPath

from exports.folder import Folder
from exports.format import WHOLE, About, Need, of_operations
from exports.pairs import Pair
from exports.texts import Add, json_dict, json_lines, json_list

# SugarCrepe's names; what it has no file for keeps ours, and its script passes it over.
_SUGARCREPE = {
    "add_object": "add_obj",
    "add_attribute": "add_att",
    "replace_object": "replace_obj",
    "replace_attribute": "replace_att",
    "replace_relation": "replace_rel",
    "swap_object": "swap_obj",
    "swap_attribute": "swap_att",
}
_PLUSPLUS = ("replace_object", "replace_attribute", "replace_relation", "swap_object", "swap_attribute")
# ARO's relation set tells who does what to whom, its attribution set what is how.
_RELATIONS = ("replace_relation", "replace_action", "swap_relation", "swap_object")
_ATTRIBUTES = ("replace_attribute", "swap_attribute", "add_attribute")


class Winoground:
    """JSON lines and PNG files, whose stems the lines name."""

    name = "winoground"
    needs: tuple[Need, ...] = WHOLE

    def write(self, pairs: Iterable[Pair], out: Folder, about: About) -> None:  # noqa: ARG002
        """Write examples.jsonl and images/."""
        with json_lines(out, "examples.jsonl") as add:
            for number, pair in enumerate(pairs):
                first, second = (PurePosixPath(out.picture("images", one.as_png())).stem for one in pair.pictures)
                add({
                    "id": number, "image_0": first, "image_1": second, "caption_0": pair.original,
                    "caption_1": pair.negative, "tag": pair.operation, **pair.told,
                })  # fmt: skip


class EqBen:
    """A JSON list of EqBen's flat form; the first folder of a path is the category."""

    name = "eqben"
    needs: tuple[Need, ...] = WHOLE

    def write(self, pairs: Iterable[Pair], out: Folder, about: About) -> None:  # noqa: ARG002
        """Write annotations.json, and pictures by operation."""
        with json_list(out, "annotations.json") as add:
            for pair in pairs:
                first, second = (out.picture(pair.operation, one) for one in pair.pictures)
                add(
                    {
                        "image0": first,
                        "caption0": pair.original,
                        "image1": second,
                        "caption1": pair.negative,
                        **pair.told,
                    }
                )


class SugarCrepe:
    """A JSON dictionary for each operation."""

    name = "sugarcrepe"
    needs: tuple[Need, ...] = ()

    def write(self, pairs: Iterable[Pair], out: Folder, about: About) -> None:
        """Write <operation>.json and val2017/."""
        with ExitStack() as files:
            add = {name: files.enter_context(json_dict(out, f"{_SUGARCREPE.get(name, name)}.json"))
                   for name in about.operations}  # fmt: skip
            for pair in pairs:
                name = out.picture("val2017", pair.picture).rpartition("/")[2]
                add[pair.operation](
                    {"filename": name, "caption": pair.original, "negative_caption": pair.negative, **pair.told}
                )


class SugarCrepePlusPlus:
    """A JSON list for each operation, with a second right caption."""

    name = "sugarcrepe++"
    needs = (of_operations(*_PLUSPLUS), Need("len(paraphrases) > 0", "no paraphrase of the right caption"))

    def write(self, pairs: Iterable[Pair], out: Folder, about: About) -> None:
        """Write <operation>.json and val2017/."""
        ids = dict.fromkeys(about.operations, 0)
        with ExitStack() as files:
            add = {name: files.enter_context(json_list(out, f"{_SUGARCREPE[name]}.json")) for name in ids}
            for pair in pairs:
                name = out.picture("val2017", pair.picture).rpartition("/")[2]
                add[pair.operation]({
                    "id": ids[pair.operation], "filename": name, "caption": pair.original,
                    "caption2": pair.paraphrases[0], "negative_caption": pair.negative, **pair.told,
                })  # fmt: skip
                ids[pair.operation] += 1


class Aro:
    """ARO's two JSON lists; the box that its reader crops to is the whole picture."""

    name = "aro"
    needs = (of_operations(*_RELATIONS, *_ATTRIBUTES),)

    def write(self, pairs: Iterable[Pair], out: Folder, about: About) -> None:
        """Write visual_genome_relation.json, visual_genome_attribution.json and images/."""
        with ExitStack() as files:
            add: dict[str, Add] = {}
            for group, name in ((_RELATIONS, "relation"), (_ATTRIBUTES, "attribution")):
                there = [operation for operation in group if operation in about.operations]
                if there:
                    writer = files.enter_context(json_list(out, f"visual_genome_{name}.json"))
                    add.update(dict.fromkeys(there, writer))
            for pair in pairs:
                width, height = pair.picture.size
                words = [word for word in (pair.original_phrase or pair.operation).split(" / ") if word]
                kind = (
                    {"attributes": [words[0], words[-1] if len(words) > 1 else pair.negative_phrase or ""]}
                    if pair.operation in _ATTRIBUTES
                    else {"relation_name": " / ".join(words)}
                )
                add[pair.operation]({
                    "image_path": out.picture("images", pair.picture).rpartition("/")[2],
                    "bbox_x": 0, "bbox_y": 0, "bbox_w": width, "bbox_h": height,
                    "true_caption": pair.original, "false_caption": pair.negative, **kind, **pair.told,
                })  # fmt: skip
