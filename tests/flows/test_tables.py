"""How tables fit a terminal."""

from io import BytesIO, TextIOWrapper

import pytest
from rich.cells import cell_len
from rich.console import Console

from flows.tables import Column, Columns, numbers, seen, wrapped

OPERATIONS = ["replace_attribute", "swap_object"]
CAPTIONS = ["A man in a very long red coat walks along the beach .", "Two dogs run ."]


def printed(columns: list[Column], width: int, ascii_only: bool = False) -> list[str]:
    out = TextIOWrapper(BytesIO(), "ascii" if ascii_only else "utf-8", write_through=True)
    Console(file=out, width=width, highlight=False).print(Columns(columns), crop=False)
    out.seek(0)
    return out.read().splitlines()


def test_text_gets_the_room_and_numbers_keep_theirs() -> None:
    columns = [Column("operation", OPERATIONS, False), Column("caption", CAPTIONS, False),
               Column("seconds_per_accepted", ["0.1234", "12.5"], True)]  # fmt: skip
    assert printed(columns, 60) == [
        "operation          caption                          seconds_",
        "                                                        per_",
        "                                                    accepted",
        "────────────────────────────────────────────────────────────",
        "replace_attribute  A man in a very long red coat      0.1234",
        "                   walks along the beach .",
        "swap_object        Two dogs run .                       12.5",
    ]


@pytest.mark.parametrize("width", [20, 40, 80, 120, 300])
def test_no_line_is_wider_and_no_word_is_broken(width: int) -> None:
    columns = [Column("operation", OPERATIONS, False), Column("original", CAPTIONS, False),
               Column("negative", CAPTIONS, False)]  # fmt: skip
    columns += [Column(f"score_{n}", ["1.234", "-"], True) for n in range(9)]
    lines = printed(columns, width)
    assert max(map(cell_len, lines)) <= width
    words = {word for line in lines for word in line.replace("─", " ").split()}
    known = {"replace_", "attribute", "swap_", "object", "-", "--", "1", "2", *(str(n) for n in range(9))}
    known |= {word for column in columns for text in (column.name, *column.cells) for word in text.split()} | {"score_"}
    assert {word for word in words if word.strip("-")} <= known


def test_columns_that_do_not_fit_come_in_blocks_and_very_many_as_records() -> None:
    several = [Column("operation", OPERATIONS, False), *(Column(f"number{n}", ["1", "2"], True) for n in range(8))]
    lines = printed(several, 50)
    assert [line.split() for line in lines if line.startswith("operation")] == [
        ["operation", "number0", "number1", "number2"],
        ["operation", "number3", "number4", "number5"],
        ["operation", "number6", "number7"],
    ]
    many = [Column("operation", OPERATIONS, False), *(Column(f"number{n}", ["1", "2"], True) for n in range(40))]
    lines = printed(many, 50)
    assert lines[:3] == ["-- 1 ----", "operation  replace_attribute", "number0    1"]
    assert len(lines) == 2 * (1 + 41)


def test_wide_letters_and_markup_and_ascii() -> None:
    lines = printed([Column("text", ["[red]一二三四[/red]", "[b]"], False), Column("n", ["1", "2"], True)], 40)
    assert lines[2:] == ["[red]一二三四[/red]  1", "[b]                  2"]
    assert printed([Column("text", ["a"], False)], 40, ascii_only=True)[1] == "----"


def test_no_rows_are_a_heading() -> None:
    assert printed([Column("a", [], False), Column("b", [], True)], 40) == ["a  b", "────"]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("a b c", 3, ["a b", "c"]), ("replace_attribute", 10, ["replace_", "attribute"]), ("abcdef", 4, ["abcd", "ef"]),
        ("", 4, [""]), ("一二三", 4, ["一二", "三"]), ("一", 1, ["一"]), ("a  b", 1, ["a", "b"]),
        ("ab cd", 5, ["ab cd"]),
        ("path/to/file", 8, ["path/to/", "file"]),
    ],
)  # fmt: skip
def test_text_is_broken_between_words(text: str, width: int, lines: list[str]) -> None:
    assert wrapped(text, width) == lines


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.5, 0.25, 1.0], ["0.50", "0.25", "1.00"]), ([0.123456, 1234.5678], ["0.1235", "1235"]),
        ([1e-9, 1.0], ["1e-09", "1"]), ([None, float("nan"), 2.5], ["-", "nan", "2.5"]), ([123456.7], ["123457"]),
        ([float("inf"), 1e300], ["inf", "1e+300"]), ([1.0, 2.0], ["1", "2"]), ([-0.0], ["-0"]),
    ],
)  # fmt: skip
def test_numbers_are_shortened(values: list[float | None], texts: list[str]) -> None:
    assert numbers(values) == texts


def test_a_cell_cannot_move_the_cursor() -> None:
    assert seen("a\nb\x1b[31m\x9b\u2028\u202e") == "a\\nb\\x1b[31m\\x9b\\u2028\\u202e"
    assert len(seen("x" * 1000)) == 203
