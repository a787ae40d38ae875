"""The page to judge by, in a real Chromium: what it hides, what its keys say, and its answers read back."""

import csv
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from flows import cli
from flows.gallery import review_page
from flows.samples import Draw
from flows.votes import add_votes
from storage.catalog import connect
from storage.dataset import Dataset
from tests.command import counterfoil
from tests.gallery.made import make

By = pytest.importorskip("selenium.webdriver.common.by", reason="needs selenium, of the `dev` extra").By


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return make(tmp_path / "pairs")


@pytest.fixture
def page(browser: Any, dataset: Dataset, tmp_path: Path) -> Any:
    review_page(dataset.root, str(tmp_path / "review.html"), Draw(per_operation=6))
    browser.get((tmp_path / "review.html").as_uri())
    return browser


def one(page: Any, selector: str) -> Any:
    return page.find_element(By.CSS_SELECTOR, selector)


def press(page: Any, keys: str) -> None:
    for key in keys:
        one(page, "body").send_keys(key)


def begin(page: Any) -> None:
    one(page, "#reviewer").send_keys('Ann "A" <b>')
    one(page, "#begin").click()


def seen(page: Any) -> list[str]:
    return [option.text for option in page.find_elements(By.CSS_SELECTOR, ".option")]


def false_one(page: Any) -> str:
    """Say by which key the wrong caption is called false, as somebody does who believes that red is right."""
    return str(1 + next(n for n, text in enumerate(seen(page)) if "blue" in text))


def downloaded(folder: Path) -> Path:
    for _ in range(200):
        found = [
            file for file in folder.glob("labels-*.csv") if file.stat().st_size
        ]  # it is there before it is written
        if found:
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"nothing came: {list(folder.iterdir())}")


def test_nothing_on_the_page_tells_what_was_decided(page: Any, tmp_path: Path) -> None:
    text = (tmp_path / "review.html").read_text()
    data = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
    assert {key for question in data["questions"] for key in question} == {
        "id", "image", "picture", "captions", "original", "stillTrue", "again"
    }  # fmt: skip
    assert "validity" not in json.dumps(data)
    assert "implausible" not in json.dumps(data)
    begin(page)
    assert "red" in "".join(seen(page))
    assert "original" not in one(page, "#app").text
    assert page.execute_script("return window.broken") is None, "hostile captions are words here too"
    first = [question["captions"][0][1] for question in data["questions"]]
    assert {"red", "blue"} <= set(first), "either may stand first"
    pictures = [question["image"] is None for question in data["questions"]]
    assert pictures != sorted(pictures), "edited pictures stand among the others"


def test_answers_by_keys_come_out_as_a_sheet_and_are_read_back(page: Any, dataset: Dataset, tmp_path: Path) -> None:
    begin(page)
    total = int(one(page, "#progress").text.split()[-1])
    press(page, "2")
    press(page, "3")
    press(page, "4")
    press(page, "u4")  # back, and the same again
    one(page, "#comment").send_keys('=a, "comment"\n')
    for _ in range(total - 3):
        press(page, "1" + false_one(page))
    assert "That was the last one" in one(page, "#app").text
    one(page, "#download").click()
    path = downloaded(tmp_path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == total
    assert {row["reviewer"] for row in rows} == {'Ann "A" <b>'}
    assert [row["answer"] for row in rows[:3]] == ["still_true", "cannot_tell", "broken"]
    assert [row["valid"] for row in rows[:3]] == ["false", "", ""]
    assert rows[3]["comment"] == '\'=a, "comment"', "no formula"
    for row in rows[3:]:
        assert (row["answer"], row["false_caption"]) == ("really_false", "negative")
        # Of an edited picture, the original caption is the one that should be false.
        assert row["valid"] == ("false" if row["image_negative_id"] else "true")
    assert 0 < sum(row["again"] == "yes" for row in rows) <= total // 9
    assert {row["build"] for row in rows} == {dataset.build().build_id}

    added = add_votes(dataset, str(path), None)
    assert (added.votes, added.voters, added.unread) == (total, ('Ann "A" <b>',), ())
    with connect(dataset) as connection:
        votes = connection.sql(
            "SELECT count(*), count(picture_right), count(really_false), count(*) FILTER (again) FROM votes"
        ).fetchall()
        agreed = connection.sql("SELECT operation, really_false, good FROM human_agreement()").fetchall()
    assert votes[0][0] == total
    assert votes[0][1] + votes[0][2] >= total - 3
    assert agreed[-1][0] == "all"
    done = counterfoil("calibrate", dataset.root, "--labels", path, "--out", tmp_path / "c.yaml", "--least", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Thresholds on validity" in done.stdout
    assert "Thresholds on the judge's margins of edited pictures" in done.stdout


def test_it_keeps_its_place(page: Any) -> None:
    begin(page)
    press(page, "234")
    was = seen(page)
    page.refresh()
    assert one(page, "#progress").text.startswith("3 of ")
    assert seen(page) == was
    press(page, "1")
    assert "Which one is false" in one(page, ".ask").text
    press(page, "\ue00c")
    assert "Which one is false" not in one(page, ".ask").text
    one(page, "[data-answer='really_false']").click()
    one(page, "[data-option='0']").click()
    assert one(page, "#progress").text.startswith("4 of ")
    press(page, "u")
    assert one(page, ".option.false").get_attribute("data-option") == "0"


def test_a_page_without_anything_to_ask_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    for arguments, said in (
        (("--where", "false"), "--where false: nothing of this dataset is so"),
        (("--draw", "disputed", "--where", "accepted"), "the judge agrees with what was decided"),
    ):
        done = counterfoil("gallery", dataset.root, "--review", "--out", tmp_path / "r.html", *arguments)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert said in done.stderr
    assert not (tmp_path / "r.html").exists()


def test_it_replaces_no_page_to_browse_by(dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for review in (False, True):
        cli.gallery(dataset.root, review=review)
    modes = {path.name: re.findall(r'data-mode="(\w+)"', path.read_text()) for path in tmp_path.glob("*.html")}
    assert modes == {"gallery.html": ["browse"], "review.html": ["review"]}


def test_what_is_drawn_near_thresholds_and_where_judge_and_rules_disagree(dataset: Dataset) -> None:
    from flows.samples import sample

    build = dataset.build()
    with connect(dataset) as connection:
        near = sample(connection, build, Draw("near", 2))
        disputed = sample(connection, build, Draw("disputed", 5))
        dropped = {
            one for (one,) in connection.sql("SELECT text_negative_id FROM verdicts WHERE NOT accepted").fetchall()
        }
    assert len(near) == 6
    assert set(near) == dropped, "the threshold is 0.05, those dropped lie at 0.02, the others at 0.3"
    assert set(disputed) == dropped, "the judge finds them right"
