"""Label Studio's tasks, as people would see them."""

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

from flows.ballots import read_ballots
from tests.exports.made import Made
from tests.exports.reading import check, must_read


def test_tasks_have_all_that_the_configuration_shows_and_hide_what_is_right(
    made: Made, exported: Callable[[str], Path]
) -> None:
    folder = exported("label-studio")
    back = []
    for project in ("captions", "pictures"):
        config = (folder / project / "config.xml").read_text()
        ElementTree.fromstring(config)
        wanted = set(re.findall(r"\$(\w+)", config))
        tasks = json.loads((folder / project / "tasks-00000.json").read_text("utf-8"))
        assert {task["data"]["right_caption"] for task in tasks} == {"A", "B"}
        for task in tasks:
            data = task["data"]
            assert wanted <= set(data)
            assert wanted.isdisjoint({"right_caption", "unedited_picture", "operation"})
            right, wrong = ("a", "b") if data["right_caption"] == "A" else ("b", "a")
            for side in "ab":
                assert html.unescape(re.sub(r"</?b>", "", data[f"html_{side}"])) == data[f"caption_{side}"]
            first, second = (1, 2) if data["unedited_picture"] == 1 else (2, 1)
            assert all(
                data[name].startswith("/data/local-files/?d=label-studio/")
                for name in data
                if re.fullmatch(r"image_\d", name)
            )
            pictures = {n: must_read(folder.parent, data[f"image_{n}"].partition("=")[2])
                        for n in (1, 2) if f"image_{n}" in data}  # fmt: skip
            back.append((data["text_negative_id"], data[f"caption_{right}"], pictures[first], data[f"caption_{wrong}"],
                         pictures.get(second)))  # fmt: skip
            assert (project == "captions") == (data["text_negative_id"] in made.half)
    check(made, back, set(made.right))
    assert {len({task["data"]["unedited_picture"] for task in tasks})} == {2}


def test_who_finds_the_right_captions_true_votes_for_all(exported: Callable[[str], Path], tmp_path: Path) -> None:
    folder = exported("label-studio")
    answered = []
    for project in ("captions", "pictures"):
        for task in json.loads((folder / project / "tasks-00000.json").read_text("utf-8")):
            data = task["data"]
            right = {data["unedited_picture"]: data["right_caption"]}
            right.setdefault(3 - data["unedited_picture"], "AB"[data["right_caption"] == "A"])
            shown = [n for n in (1, 2) if f"image_{n}" in data]
            result = [{"type": "choices", "from_name": f"picture_{n}", "value": {"choices": [right[n]]}} for n in shown]
            answered.append({"data": data, "annotations": [{"completed_by": {"email": "ann@x"}, "result": result}]})
    path = tmp_path / "project.json"
    path.write_text(json.dumps(answered))
    ballots = read_ballots(str(path), None)
    assert ballots.unread == []
    assert len(ballots.votes) > len(answered) > 0
    for vote in ballots.votes:
        assert vote["picture_right" if vote["image_negative_id"] is not None else "really_false"] is True
