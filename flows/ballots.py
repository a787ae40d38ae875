"""What people have answered, in the three forms that it comes in: a sheet with three questions, the answers of a review
page, a project of Label Studio."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from flows.sheets import answer_of, read_sheet
from schemas.errors import InputError

QUESTIONS = ("reads_well", "really_false", "one_change")
ANSWERS = ("really_false", "still_true", "cannot_tell", "broken")
Vote = dict[str, Any]  # columns of VOTES but sheet and added


@dataclass
class Ballots:
    """Votes of a file, and what could not be read of it."""

    digest: str  # SHA-256 of the file
    votes: list[Vote] = field(default_factory=list)
    blank: int = 0  # rows without any answer
    repeated: int = 0  # rows that say what one before has said, as copying in a spreadsheet makes them
    unread: list[str] = field(default_factory=list)  # rows that could not be read: which, and why

    _taken: set[tuple[Any, ...]] = field(default_factory=set)

    def take(self, where: str, read: Callable[[], Vote | None]) -> None:
        """Add the vote that a row has; count it where it has none or says the same again, name it if it is unread."""
        try:
            vote = read()
        except ValueError as error:
            self.unread.append(f"{where}: {error}")
            return
        if vote is None:
            self.blank += 1
        elif (row := tuple(vote.values())) in self._taken:
            self.repeated += 1
        else:
            self._taken.add(row)
            self.votes.append(vote)


def read_ballots(path: str, voter: str | None) -> Ballots:
    """Read a file of answers; `voter` is who has given those that name nobody.

    Raises InputError where the file cannot be read, has none of the columns, or names nobody and no voter is given.
    """
    if path.lower().endswith(".json"):
        return _of_label_studio(path, voter)
    sheet = read_sheet(path, ("text_negative_id",), "labels")
    one_answer = "answer" in sheet.names
    if not one_answer:
        lacking = next((name for name in QUESTIONS if name not in sheet.names), None)
        if lacking is not None:
            raise InputError(
                f"labels {path}: no column {lacking}; the first line must be text_negative_id,{','.join(QUESTIONS)}, "
                "or what a review page writes"
            )
    if voter is None and "reviewer" not in sheet.names:
        raise InputError(f"labels {path}: who has answered? give --by NAME")
    ballots = Ballots(sheet.digest)
    read = _answered if one_answer else _three_questions
    for line, given in sheet:
        ballots.take(f"line {line}", lambda given=given: read(given, voter))  # type: ignore[misc]
    return ballots


def _three_questions(given: dict[str, str], voter: str | None) -> Vote | None:
    try:
        answers = {name: answer_of(given[name]) for name in QUESTIONS}
    except ValueError as error:
        raise ValueError(f"{error} is neither yes nor no") from error
    if all(answer is None for answer in answers.values()):
        return None
    return {**_about(given, voter), **answers, "again": False}


def _answered(given: dict[str, str], voter: str | None) -> Vote | None:
    answer = given["answer"]
    if not answer:
        return None
    if answer not in ANSWERS:
        raise ValueError(f"{answer} is none of {', '.join(ANSWERS)}")
    try:
        valid, again = answer_of(given.get("valid", "")), bool(answer_of(given.get("again", "")))
    except ValueError as error:
        raise ValueError(f"{error} is neither yes nor no") from error
    of_picture = bool(given.get("image_negative_id"))
    return {
        **_about(given, voter),
        "image_negative_id": given.get("image_negative_id") or None,
        **_said(answer, valid, of_picture),
        "again": again,
        "seconds": _seconds(given.get("seconds", "")),
        "build_id": given.get("build") or None,
    }


def _said(answer: str, valid: bool | None, of_picture: bool) -> Vote:
    """Turn one answer into what it says to the questions that it is about."""
    decided = None if answer in {"cannot_tell", "broken"} else valid
    if of_picture:
        return {"answer": answer, "picture_right": False if answer == "broken" else decided}
    reads_well = None if answer == "cannot_tell" else answer != "broken"
    return {"answer": answer, "reads_well": reads_well, "really_false": decided}


def _about(given: dict[str, str], voter: str | None) -> Vote:
    if not given["text_negative_id"]:
        raise ValueError("no text_negative_id")
    name = given.get("reviewer") or voter
    if not name:
        raise ValueError("no reviewer; give --by NAME")
    return {"text_negative_id": given["text_negative_id"], "voter": name, "comment": given.get("comment") or None}


def _seconds(text: str) -> float | None:
    try:
        return float(text.replace(",", ".")) if text else None
    except ValueError:
        raise ValueError(f"{text} is no number of seconds") from None


def _of_label_studio(path: str, voter: str | None) -> Ballots:
    """Read a project that `counterfoil export --to label-studio` began and Label Studio exported as JSON."""
    try:
        data = Path(path).read_bytes()
        tasks = json.loads(data)
    except OSError as error:
        raise InputError(f"labels {path}: {error.strerror or error}; give a file that Label Studio exported") from error
    except ValueError as error:
        raise InputError(f"labels {path}: not JSON: {error}; export the project as JSON") from error
    if not isinstance(tasks, list):
        raise InputError(f"labels {path}: no list of tasks; export the project of Label Studio as JSON")
    ballots = Ballots(sha256(data).hexdigest())
    for number, task in enumerate(tasks, 1):
        where = f"task {task.get('id', number) if isinstance(task, dict) else number}"
        try:
            asked, annotations = task["data"], task["annotations"]
            said = [(note, one) for note in annotations for one in _choices(note)]
            asked["text_negative_id"], asked["right_caption"], asked["unedited_picture"]
        except (KeyError, TypeError, AttributeError):
            ballots.unread.append(f"{where}: no task of `counterfoil export --to label-studio`")
            continue
        ballots.blank += not said
        for note, (picture, choice) in said:
            ballots.take(where, lambda a=asked, n=note, p=picture, c=choice: _chosen(a, n, p, c, voter))  # type: ignore[misc]
    return ballots


def _choices(annotation: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if annotation.get("was_cancelled"):
        return
    for one in annotation["result"]:
        if one.get("type") == "choices":
            yield one["from_name"], one["value"]["choices"][0]


def _chosen(asked: dict[str, Any], annotation: dict[str, Any], picture: str, choice: str, voter: str | None) -> Vote:
    """Turn the caption that somebody finds true of a picture into a vote about the wrong caption, or that picture."""
    of_picture = picture != f"picture_{asked['unedited_picture']}"
    right = asked["right_caption"]
    wanted = {"A": "B", "B": "A"}[right] if of_picture else right  # the caption that is to be true of it, alone
    answers = {
        "A": "really_false",
        "B": "really_false",
        "both": "still_true",
        "neither": "broken",
        "cannot tell": "cannot_tell",
    }
    if choice not in answers:
        raise ValueError(f"{choice} is none of {', '.join(answers)}")
    valid = choice == wanted or (choice == "both" and of_picture and bool(asked.get("original_still_true")))
    by = annotation.get("completed_by")
    name = by.get("email") if isinstance(by, dict) else None if by is None else f"annotator {by}"
    if not (name or voter):
        raise ValueError("nobody has completed it; give --by NAME")
    return {
        "text_negative_id": asked["text_negative_id"],
        "image_negative_id": asked.get("image_negative_id") if of_picture else None,
        "voter": name or voter,
        **_said(answers[choice], valid, of_picture),
        "again": False,
        "seconds": annotation.get("lead_time"),
    }
