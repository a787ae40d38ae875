"""`counterfoil evaluate` from names on the command line to tables, files and SQL."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from evaluation.encoded import Encoded
from evaluation.items import item, picture, retrieval, tables
from flows.bindings import Bindings
from flows.evaluate import Wish, evaluate_models
from flows.evaluations import markdown
from flows.export import export
from schemas.errors import InputError
from tests.command import counterfoil
from tests.evaluation.known import put
from tests.exports.made import Made, make
from tests.tiny_models import make_tiny_clip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("made") / "shop", splits=True)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture
def sugarcrepe(tmp_path: Path) -> Path:
    folder = tmp_path / "crepe"
    put(folder, val2017__1="red", val2017__2="green")
    row = {"caption": "a red thing", "negative_caption": "a green thing"}
    rows = {str(n): {**row, "filename": f"{n}.jpg"} for n in (1, 2, 3)}
    (folder / "swap_obj.json").write_text(json.dumps(rows))
    return folder


def test_a_dataset_is_four_benchmarks_and_its_results_are_in_its_catalog(made: Made, clip: str, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    told = counterfoil("evaluate", clip, made.folder, "--out", out)
    assert told.returncode == 0, told.stderr
    assert max(map(len, told.stdout.splitlines())) <= 80
    results = pq.read_table(f"{out}/results.parquet").to_pylist()
    number = {(row["benchmark"], row["metric"]): row["n"] for row in results if row["average"] == "micro"}
    assert number["shop 1x2", "picks_caption"] == len(made.right)
    assert number["shop 2x2", "group"] == len(made.whole)
    assert number["shop retrieval", "picks_caption@5"] == 30
    assert number["shop paraphrases", "paraphrase_closer"] > 0
    asked = "SELECT metric, n FROM evaluations() WHERE benchmark = '2x2' AND average = 'micro' AND metric = 'group'"
    said = counterfoil("sql", made.folder, asked, "--format", "csv")
    assert said.stdout.splitlines() == ["metric,n", f"group,{len(made.whole)}"], said.stderr
    assert Path(out, "report.md").read_text().startswith("# Evaluation")


def test_what_was_scored_is_not_scored_again(
    made: Made, clip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish = Wish(clip, [str(made.folder)], str(tmp_path / "out"), split="test")
    first = evaluate_models(wish)
    with monkeypatch.context() as patch:
        for name in ("see", "read"):
            patch.delattr(Encoded, name)
        again = evaluate_models(wish)
    assert again.results.equals(first.results)
    exported = export(str(made.folder), "csv", str(tmp_path / "csv"), split="test")
    assert first.counts["shop 1x2"] == exported.pairs < len(made.right)
    scores = sorted((tmp_path / "out" / "scores").iterdir())
    scores[0].unlink()  # as if it had been killed before
    assert evaluate_models(wish).results.equals(first.results)


def test_two_models_and_who_sees_nothing(sugarcrepe: Path, clip: str, tmp_path: Path) -> None:
    done = evaluate_models(Wish(clip, [str(sugarcrepe)], str(tmp_path / "out"), compare=["package:shapes-clip-bag"]))
    assert set(done.results["model"].to_pylist()) == {clip, "package:shapes-clip-bag", "blind:length"}
    [row] = done.comparisons.to_pylist()
    assert (row["first"], row["second"], row["n"]) == (clip, "package:shapes-clip-bag", 2)
    text = markdown(done)
    assert "| picks_caption (accuracy) | micro * | blind:length |" in text
    assert "sugarcrepe: 1 item left out: missing picture, such as " in text
    assert "3.jpg" in text
    assert "No paraphrases here" in text
    assert pq.read_table(tmp_path / "out" / "left_out.parquet")["item_id"].to_pylist() == ["swap_obj 3"]


def test_models_of_one_name_are_told_apart(sugarcrepe: Path, clip: str, tmp_path: Path) -> None:
    for run in ("before", "after"):
        shutil.copytree(clip.removeprefix("local-dir:"), tmp_path / run / "model")
    models = [str(tmp_path / run / "model") for run in ("before", "after")]
    done = evaluate_models(Wish(models[0], [str(sugarcrepe)], str(tmp_path / "out"), compare=models[1:]))
    text = markdown(done)
    assert "| before/model |" in text
    assert "sugarcrepe: after/model against before/model" in text
    assert done.comparisons["difference"].to_pylist() == [0]


def test_another_picture_in_a_files_place_is_scored_anew(sugarcrepe: Path, clip: str, tmp_path: Path) -> None:
    wish = Wish(clip, [str(sugarcrepe)], str(tmp_path / "out"))
    evaluate_models(wish)
    before = set((tmp_path / "out" / "scores").iterdir())
    put(sugarcrepe, val2017__3="blue")
    assert evaluate_models(wish).results["n"].to_pylist() == [3, 3]
    assert len(set((tmp_path / "out" / "scores").iterdir()) - before) == 2  # the model's and the blind one's


def test_markdown_on_the_terminal_and_a_benchmark_by_name(sugarcrepe: Path, clip: str, tmp_path: Path) -> None:
    told = counterfoil("evaluate", clip, f"sugarcrepe={sugarcrepe}", "--out", tmp_path / "out", "--format", "markdown")
    assert told.returncode == 0, told.stderr
    assert "## sugarcrepe: 3 items" in told.stdout


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("A black cat .", "A white couch .", "both seen"),
        ("A black cat .", "A black dog .", "right seen, wrong not"),
        ("A green cat .", "A black cat .", "wrong seen, right not"),
        ("A green cat .", "A green dog .", "neither seen"),
        ("A cat .", "A dog .", "no binding differs"),
        ("A dog runs .", "A cat runs .", "right seen, wrong not"),
        ("A man sits on a bench .", "A man sits under a bench .", "right seen, wrong not"),
    ],
)
def test_what_the_captions_of_a_dataset_bind(
    built_once: Callable[[bool], Path], right: str, wrong: str, told: str
) -> None:
    items = [item("b", 0, [picture(path="x")], [right, wrong]), retrieval("r", 0, picture(path="x"), [right])]
    by = Bindings(str(built_once(False))).by_binding(next(tables(items)))
    assert by["category"].to_pylist() == [told]


def test_a_lexicon_on_the_command_line(
    sugarcrepe: Path, clip: str, built_once: Callable[[bool], Path], tmp_path: Path
) -> None:
    wish = Wish(clip, [str(sugarcrepe)], str(tmp_path / "out"), lexicon=str(built_once(False)))
    found = evaluate_models(wish)
    assert "neither seen" in markdown(found)
    assert pq.read_table(tmp_path / "out" / "bindings.parquet").num_rows == found.bindings.num_rows > 0


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("nowhere", "nowhere: no such folder; give a dataset of Counterfoil's or a benchmark's folder"),
        ("bogus=folder", "bogus=folder: no benchmark bogus; there are winoground, "),
        ("empty", "neither a dataset of Counterfoil's nor a benchmark whose files are known"),
        ("winoground=empty", "empty: not as winoground has it: examples.jsonl"),
        ("broken", "sugarcrepe: 1 item left out: a row is not as it should be (it lacks 'negative_caption'), such as"),
        ("cut", "cut/swap_obj.json: "),
    ],
)
def test_what_is_nothing_to_evaluate_on_is_told_in_a_line(
    what: str, said: str, clip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "broken", "cut"):
        Path(name).mkdir()
    row = {"filename": "1.jpg", "caption": "a", "negative_caption": "b"}
    Path("broken/swap_obj.json").write_text(json.dumps({"0": row, "1": {"filename": "1.jpg"}}))
    Path("cut/swap_obj.json").write_text(json.dumps({"0": row})[:-9])
    with pytest.raises(InputError) as error:
        evaluate_models(Wish(clip, [what], "out"))
    assert said in str(error.value)
    assert all(
        line.startswith(("sugarcrepe: ", f"{what}: ", "empty: ", "cut/")) for line in str(error.value).splitlines()
    )


def test_nothing_is_told_as_a_result_where_no_picture_is_there(sugarcrepe: Path, clip: str, tmp_path: Path) -> None:
    for file in (sugarcrepe / "val2017").iterdir():
        file.unlink()
    told = counterfoil("evaluate", clip, sugarcrepe, "--out", tmp_path / "out")
    assert told.returncode == 2
    assert "sugarcrepe: 3 items left out: missing picture" in told.stderr


def test_a_dataset_is_no_place_for_scores(made: Made, clip: str) -> None:
    with pytest.raises(InputError, match="a dataset, whose files are its own"):
        evaluate_models(Wish(clip, [str(made.folder)], str(made.folder)))
    with pytest.raises(InputError, match="shop is named twice"):
        evaluate_models(Wish(clip, [str(made.folder)] * 2))
