"""The page to browse by, in a real Chromium: hostile words stay words, and everything on it does what it says."""

from pathlib import Path
from typing import Any

import pytest

from flows.gallery import gallery
from gallery.rows import Row
from schemas.errors import InputError
from storage.dataset import Build, Dataset
from tests.command import counterfoil
from tests.gallery.conftest import resize
from tests.gallery.made import HOSTILE

By = pytest.importorskip("selenium.webdriver.common.by", reason="needs selenium, of the `dev` extra").By


@pytest.fixture
def page(browser: Any, dataset: Dataset, tmp_path: Path) -> Any:
    gallery(dataset.root, str(tmp_path / "page.html"))
    browser.get((tmp_path / "page.html").as_uri())
    return browser


def all_of(page: Any, selector: str) -> list[Any]:
    return list(page.find_elements(By.CSS_SELECTOR, selector))


def one(page: Any, selector: str) -> Any:
    return page.find_element(By.CSS_SELECTOR, selector)


def press(page: Any, keys: str) -> None:
    for key in keys:
        one(page, "body").send_keys(key)


def choose(page: Any, name: str, value: str) -> None:
    one(page, f"#{name} option[value='{value}']").click()


def shown(page: Any) -> int:
    return int(one(page, "#count").text.split()[0])


def until(page: Any, true: str) -> Any:
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(page, 20).until(lambda browser: browser.execute_script(f"return {true}"))


def test_hostile_words_are_shown_as_they_are_and_nothing_of_them_runs(page: Any) -> None:
    one(page, "#verdict [data-value='all']").click()
    texts = []
    for _ in range(24):
        press(page, "j")
        texts.append(one(page, ".pair.selected .caption.right").text)
    assert len(set(texts)) == 24
    for nasty in (HOSTILE[0], HOSTILE[1], HOSTILE[2], "{{ 7 * 7 }} &lt;b&gt; ⟨U+2028⟩", HOSTILE[5]):
        assert any(nasty in text for text in texts), nasty
    assert any("a ⟨U+202E⟩der ⟨U+2066⟩cup⟨U+2069⟩ <!-- not a comment" in text for text in texts)
    assert page.execute_script("return window.broken") is None
    assert page.title == "<b>pairs · Counterfoil"
    links = {link.get_attribute("href") for link in all_of(page, "a[href]")}
    assert links == {"https://example.org/a?b=%3Cc%3E"}, "neither javascript: nor data: is a link"
    assert page.execute_script("return document.scripts.length") <= 2, "the page's own, and a block of pictures"


def test_a_script_that_gets_in_all_the_same_is_not_run(page: Any) -> None:
    page.execute_script(
        "const script = document.createElement('script'); script.textContent = 'window.broken = 5';"
        "document.body.append(script);"
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.broken = 6\">');"
        "return fetch('https://example.org').catch(() => null)"
    )
    assert page.execute_script("return window.broken") is None
    refused = [entry["message"] for entry in page.get_log("browser")]
    assert len(refused) >= 3
    assert all("Content Security Policy" in message for message in refused)


def test_changed_words_are_marked_and_pictures_are_seen(page: Any) -> None:
    until(page, "[...document.querySelectorAll('.pair img')].every((one) => one.complete && one.naturalWidth === 40)")
    assert {mark.text for mark in all_of(page, ".right mark")} == {"red"}
    assert {mark.text for mark in all_of(page, ".wrong mark")} == {"blue"}
    assert [cell.text for cell in all_of(one(page, ".pair"), ".model")[0].find_elements(By.TAG_NAME, "td")][:2] == [
        "0.600",
        "0.300",
    ]


def test_filters_search_and_order(page: Any) -> None:
    assert shown(page) == 18
    one(page, "#verdict [data-value='dropped']").click()
    assert shown(page) == 6
    assert {chip.text for chip in all_of(page, ".pair .chip.bad")} == {"implausible", "not wrong"}
    assert all_of(page, ".hint")[0].text == "<i>hint</i>"
    press(page, "a")
    assert shown(page) == 24
    choose(page, "operation", "negate")
    assert shown(page) == 8
    assert {each.text for each in all_of(page, ".pair .chip:first-child")} == {"negate"}
    choose(page, "picture", "none")
    assert shown(page) == 4
    press(page, "\ue00c")
    assert shown(page) == 18
    choose(page, "reason", "implausible")
    assert shown(page) == 0
    assert "Nothing is like this" in one(page, "#list").text
    one(page, "#list button").click()
    press(page, "/")
    page.switch_to.active_element.send_keys("ONERROR 14")
    assert shown(page) == 1
    assert "14<img" in one(page, ".foot").text
    one(page, "#clear").click()
    assert one(page, "#search").get_attribute("value") == ""
    one(page, "#low").send_keys("0.5\ue007")
    assert shown(page) == 0


def test_keys_go_through_pairs_and_ways_to_look(page: Any) -> None:
    press(page, "jjj")
    assert len(all_of(page, ".pair.selected")) == 1
    third = one(page, ".pair.selected").get_attribute("data-place")
    press(page, "k")
    assert one(page, ".pair.selected").get_attribute("data-place") != third
    choose(page, "picture", "any")
    press(page, "j")
    for key, view in (("m", "mask"), ("d", "difference")):
        press(page, key)
        until(page, "document.querySelector('.pair.selected canvas') !== null")
        assert one(page, ".pair.selected").get_attribute("data-view") == view
        lit = page.execute_script(
            "const canvas = document.querySelector('.pair.selected .edited-plate canvas');"
            "return new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size"
        )
        assert lit > 1, "something is drawn"
    press(page, "b")
    assert one(page, ".pair.selected").get_attribute("data-view") == "blink"
    assert "blink" in page.execute_script(
        "return getComputedStyle(document.querySelector('.pair.selected .over')).animationName"
    )
    press(page, "?")
    assert one(page, "#help").is_displayed()
    one(page, "#help button").click()
    assert not one(page, "#help").is_displayed()


def test_heat_lies_over_both_pictures(
    browser: Any, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add(_dataset: Dataset, _build: Build, rows: list[Row]) -> None:
        for row in rows:
            row["heat"] = [[1, 2, [0, 100]], [1, 2, [100, 0]] if row["edited"] is not None else None]

    monkeypatch.setattr("flows.gallery._add_heat", add)  # the judge of this dataset is a name
    gallery(dataset.root, str(tmp_path / "page.html"), "picture_accepted", heat=1)
    browser.get((tmp_path / "page.html").as_uri())
    assert "Heat, of the first 1: where the judge sees the changed words" in one(browser, ".notes").text
    press(browser, "h")
    assert one(browser, "#views [data-value='heat']").get_attribute("aria-pressed") == "true"
    opaque = browser.execute_script(
        "return [...document.querySelectorAll('.pair .warm')].map((canvas) => [...canvas.getContext('2d')"
        ".getImageData(0, 0, 2, 1).data].filter((_, place) => place % 4 === 3))"
    )
    assert opaque == [[0, 210], [210, 0]], "of the one pair that has them"
    press(browser, "h")
    assert all_of(browser, ".warm") == []


def test_figures_lead_to_the_pairs_that_they_count(page: Any) -> None:
    press(page, "f")
    until(page, "document.querySelector('.board') !== null")
    boards = [board.text for board in all_of(page, ".board h2")]
    assert boards[:3] == ["From captions to pairs", "Why candidates were dropped", "By operation"]
    assert {"validity", "Precision and recall", "What checks and rules take"} <= set(boards)
    assert len(all_of(page, ".plot .limit")) == 3, "the rule's threshold in each operation's histogram"
    one(page, ".board .rows button").click()
    assert shown(page) == 6
    assert one(page, "#reason").get_attribute("value") == "implausible"


def test_dark_and_light_and_a_phone(page: Any) -> None:
    theme = "return document.documentElement.dataset.theme"
    assert page.execute_script(theme) == "light"
    press(page, "t")
    assert page.execute_script(theme) == "dark"
    page.refresh()
    assert page.execute_script(theme) == "dark", "what somebody chose stays"
    page.execute_script("localStorage.clear()")
    resize(page, 390, 844, dark=True)
    page.refresh()
    assert page.execute_script(theme) == "dark", "as the system prefers"
    assert page.execute_script("return document.documentElement.scrollWidth") == 390, "nothing hangs over"
    assert not one(page, "#operation").is_displayed()
    one(page, "#filters").click()
    assert one(page, "#operation").is_displayed()


def test_of_many_pairs_those_near_the_window_are_on_the_page(browser: Any, tmp_path: Path) -> None:
    from tests.gallery.made import make

    gallery(make(tmp_path / "many", 900).root, str(tmp_path / "page.html"))
    browser.get((tmp_path / "page.html").as_uri())
    assert shown(browser) == 675
    assert 0 < len(all_of(browser, ".pair")) < 60
    press(browser, "j")
    browser.execute_script("scrollTo(0, document.body.scrollHeight)")
    until(browser, "[...document.querySelectorAll('section:last-child .pair')].length > 0")
    until(browser, "document.querySelectorAll('.pair').length < 60")


def test_of_more_than_are_wanted_some_of_each_kind_are_shown(dataset: Dataset, tmp_path: Path) -> None:
    done = counterfoil("gallery", dataset.root, "--out", tmp_path / "p.html", "--most", "9")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].startswith(f"{tmp_path / 'p.html'}: 9 negatives, ")
    assert "9 of 24 negatives are here" in done.stdout
    text = (tmp_path / "p.html").read_text()
    assert all(f'"{operation}"' in text for operation in ("replace_attribute", "swap_object", "negate"))


@pytest.mark.parametrize(
    ("where", "said"),
    [("acepted", "--where acepted: "), ("false", "--where false: nothing of this dataset is so"),
     ("true) UNION (SELECT 1", "--where true) UNION (SELECT 1: ")],
)  # fmt: skip
def test_a_condition_that_is_none_is_one_line(dataset: Dataset, tmp_path: Path, where: str, said: str) -> None:
    done = counterfoil("gallery", dataset.root, "--where", where, "--out", tmp_path / "p.html")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--out .*none/p.html: No such file"):
        gallery(dataset.root, str(tmp_path / "none" / "p.html"))
