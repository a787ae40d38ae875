"""A writer behind a server: real requests over loopback, whatever the server does with them."""

import asyncio
import json
import logging
import random
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from generators.text.llm.writers.base import Answer, Prompt
from generators.text.llm.writers.server import ServerWriter
from schemas.config import Writer
from schemas.errors import InputError
from tests.generators.text.llm.chat_server import ChatServer, Response, completion, failure, serving

KEY = "sk-very-secret-0123456789"


def prompt(question: str, seed: int = 0) -> Prompt:
    return Prompt("Change one thing.", (("A cat .", "A dog ."), ("A red cup .", "A blue cup .")), question, seed)


def writer(server: ChatServer | str, secret: Callable[[], str | None] = lambda: None, **settings: Any) -> ServerWriter:
    url = server if isinstance(server, str) else server.url
    return ServerWriter(Writer(**{"model": "tiny", "server": url, "retries": 2, **settings}), secret)


def question_of(body: dict[str, Any]) -> str:
    return str(body["messages"][-1]["content"])


def echo(body: dict[str, Any]) -> Response:
    """Answer with the question, in the form that was asked for."""
    said = question_of(body)
    return Response(body=completion(json.dumps({"caption": said}) if "response_format" in body else said))


def without_schema(status: int, message: str) -> Callable[[dict[str, Any]], Response]:
    return lambda body: failure(status, message) if "response_format" in body else echo(body)


def test_the_order_is_kept_and_no_more_than_the_limit_is_in_flight() -> None:
    chance = random.Random(5)
    delays = {f"caption {n}": chance.random() * 0.03 for n in range(60)}

    def respond(body: dict[str, Any]) -> Response:
        response = echo(body)
        response.delay = delays[question_of(body)]
        return response

    with serving(respond) as server:
        answers = writer(server, concurrency=5).write([prompt(question) for question in delays])
    assert answers == [Answer(question, 7) for question in delays]
    assert 1 < server.most_in_flight <= 5


def test_thousands_of_prompts_open_few_tasks() -> None:
    tasks: list[int] = []

    class Watched(ServerWriter):
        async def _answer(self, *arguments: Any) -> Answer:
            tasks.append(len(asyncio.all_tasks()))
            await asyncio.sleep(0)
            return Answer(arguments[0].question, 0)

    asked = [prompt(str(n)) for n in range(3000)]
    made = Watched(Writer(model="tiny", server="http://localhost:1/v1", concurrency=4), lambda: None).write(asked)
    assert [answer.text for answer in made] == [one.question for one in asked]
    assert max(tasks) <= 5  # the workers and what waits for them


def test_a_request_says_all_that_the_config_and_the_prompt_do() -> None:
    with serving(echo) as server:
        made = writer(server, temperature=0.3, top_p=0.9, max_tokens=20).write([prompt("A bird .", 2**40 + 17)])
    [body] = server.requests
    assert made == [Answer("A bird .", 7)]
    assert server.paths == ["/v1/chat/completions"]
    assert [(m["role"], m["content"]) for m in body["messages"]] == [
        ("system", "Change one thing."),
        ("user", "A cat ."),
        ("assistant", '{"caption": "A dog ."}'),
        ("user", "A red cup ."),
        ("assistant", '{"caption": "A blue cup ."}'),
        ("user", "A bird ."),
    ]
    assert (body["model"], body["temperature"], body["top_p"], body["seed"]) == ("tiny", 0.3, 0.9, 17)
    assert 20 < body["max_tokens"] <= 40
    shape = body["response_format"]["json_schema"]
    assert shape["strict"]
    assert shape["schema"]["required"] == ["caption"]


def test_each_prompt_has_its_own_seed() -> None:
    with serving(echo) as server:
        writer(server).write([prompt(str(n), seed=n) for n in range(9)])
    assert {question_of(body): body["seed"] for body in server.requests} == {str(n): n for n in range(9)}


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "response_format is not supported"),
        (400, "bad request"),
        (404, "no such feature: json_schema"),
        (422, "Structured Outputs are off"),
        (501, "grammar: not implemented"),
    ],
)
def test_a_server_that_refuses_the_schema_is_asked_without_it_from_then_on(status: int, message: str) -> None:
    with serving(without_schema(status, message)) as server:
        asked = writer(server, retries=0, concurrency=1, max_tokens=20)
        assert asked.write([prompt("one"), prompt("two")]) == [Answer("one", 7), Answer("two", 7)]
        assert asked.write([prompt("three")]) == [Answer("three", 7)]
    assert ["response_format" in body for body in server.requests] == [True, False, False, False]
    last = server.requests[-1]
    assert last["messages"][2]["content"] == "A dog ."
    assert last["max_tokens"] == 20


def test_one_bad_request_later_on_is_not_a_refused_schema() -> None:
    def respond(body: dict[str, Any]) -> Response:
        return failure(400, "too long") if question_of(body) == "long" else echo(body)

    with serving(respond) as server:
        asked = writer(server, concurrency=1)
        answers = asked.write([prompt("one"), prompt("long"), prompt("two")])
        first = writer(server, concurrency=1).write([prompt("long"), prompt("two")])
    assert [answer.text for answer in answers] == ["one", None, "two"]
    assert answers[1].detail == "Error code: 400 - too long"
    assert [answer.text for answer in first] == [None, "two"]
    assert "response_format" in server.requests[-1]  # a prompt that fails either way says nothing about the schema


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (completion('{"caption": "A dog'), Answer(None, 7, "malformed JSON")),
        (completion('{"caption": "A dog', finish="length"), Answer(None, 7, "cut off")),
        (completion("A dog ."), Answer("A dog .", 7)),
        (completion(None, refusal="I cannot\nhelp."), Answer(None, 7, "refused: I cannot help.")),
        (completion("", finish="content_filter"), Answer(None, 7, "stopped by the server's content filter")),
        (completion(""), Answer(None, 7, "empty")),
        (completion(None), Answer(None, 7, "empty")),
        (completion("A dog .", tokens=None), Answer("A dog .", 0)),
        (completion("A dog .", tokens=1234), Answer("A dog .", 1234)),
        ({"choices": []}, Answer(None, 0, "no chat completion came back")),
        ({"choices": [{}]}, Answer(None, 0, "no chat completion came back")),
        ("<html>Welcome</html>", Answer(None, 0, "no chat completion came back")),
    ],
)
def test_whatever_comes_back_is_an_answer(body: Any, answer: Answer) -> None:
    with serving(lambda _: Response(body=body)) as server:
        assert writer(server).write([prompt("A cat .")]) == [answer]


def test_a_full_server_is_waited_for_as_long_as_it_says() -> None:
    refused: list[float] = []

    def respond(body: dict[str, Any]) -> Response:
        if not refused:
            refused.append(time.monotonic())
            return Response(429, {"error": {"message": "slow down"}}, {"Retry-After": "1"})
        return echo(body)

    with serving(respond) as server:
        assert writer(server).write([prompt("A cat .")]) == [Answer("A cat .", 7)]
    assert time.monotonic() - refused[0] > 0.9
    assert len(server.requests) == 2


def test_a_request_that_fails_again_and_again_has_no_answer_and_the_others_have() -> None:
    def respond(body: dict[str, Any]) -> Response:
        return failure(500, "out of luck") if question_of(body) == "bad" else echo(body)

    with serving(respond) as server:
        answers = writer(server, retries=3).write([prompt("one"), prompt("bad"), prompt("two")])
    assert answers == [Answer("one", 7), Answer(None, 0, "Error code: 500 - out of luck"), Answer("two", 7)]
    assert sum(question_of(body) == "bad" for body in server.requests) == 1 + 3


def test_a_prompt_that_takes_too_long_has_no_answer() -> None:
    def respond(body: dict[str, Any]) -> Response:
        response = echo(body)
        response.delay = 0.5 if question_of(body) == "slow" else 0.0
        return response

    with serving(respond) as server:
        answers = writer(server, timeout=0.2, retries=0).write([prompt("slow"), prompt("fast")])
    assert answers == [Answer(None, 0, "no answer within 0.2 s"), Answer("fast", 7)]


@pytest.mark.parametrize("asked", [4, 300])
def test_failures_that_do_not_end_end_the_build(asked: int) -> None:
    with serving(lambda _: failure(500, "out of memory")) as server:
        with pytest.raises(InputError, match=r"requests in a row failed, the last by: .*out of memory") as caught:
            writer(server, retries=0).write([prompt(str(n)) for n in range(asked)])
        assert server.url in str(caught.value)
        assert len(server.requests) < 40


def test_prompts_that_a_filter_stops_do_not_end_the_build() -> None:
    filtered = Response(400, {"error": {"message": "filtered", "code": "content_filter"}})
    with serving(lambda _: filtered) as server:
        answers = writer(server).write([prompt(str(n)) for n in range(30)])
    assert {answer.detail for answer in answers} == {"Error code: 400 - filtered"}


def refuse(status: int) -> Callable[[dict[str, Any]], Response]:
    return lambda _: failure(status, f"Incorrect key {KEY}")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, r"refuses the key at env:TINY_KEY \(status 401\)"),
        (403, r"refuses the key at env:TINY_KEY \(status 403\)"),
        (404, r"has no model tiny \(Error code: 404 - Incorrect key \[key\]\); see http\S+/v1/models"),
        (500, r"4 requests in a row failed, the last by: Error code: 500 - Incorrect key \[key\]"),
    ],
)
def test_no_text_has_the_key(status: int, said: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(refuse(status)) as server:
        asked = writer(server, lambda: KEY, key="env:TINY_KEY", retries=1)
        asked.check()
        with pytest.raises(InputError, match=said) as caught:
            asked.write([prompt(str(n)) for n in range(4)])
    assert set(server.keys) == {f"Bearer {KEY}"}
    told = str(caught.value)
    assert "\n" not in told
    chain = [caught.value, caught.value.__cause__, caught.value.__context__]
    for text in (told, repr(asked), str(vars(asked)), json.dumps(asked.identity), caplog.text, *map(repr, chain)):
        assert KEY not in text
        assert KEY[3:] not in text


def test_a_failed_request_s_detail_has_no_key() -> None:
    def respond(body: dict[str, Any]) -> Response:
        return Response(422, {"detail": f"header {KEY} is odd"}) if question_of(body) == "bad" else echo(body)

    with serving(respond) as server:
        [_, bad] = writer(server, lambda: KEY, key="env:K").write([prompt("good"), prompt("bad")])
    assert bad.detail == "Error code: 422 - {'detail': 'header [key] is odd'}"


def test_a_server_that_wants_a_key_and_was_shown_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)  # which is for another server
    with (
        serving(refuse(401)) as server,
        pytest.raises(InputError, match=r"refuses requests without a key; set key: env:NAME \(status 401\)"),
    ):
        writer(server).write([prompt("A cat .")])
    assert set(server.keys) == {"Bearer none"}


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{found.getsockname()[1]}/v1"
    with pytest.raises(InputError, match=r"cannot be reached \(.+\); start it, or correct its address") as caught:
        writer(url, retries=0).write([prompt(str(n)) for n in range(50)])
    assert url in str(caught.value)


@pytest.mark.parametrize("found", [None, "", "  ", "two words", "sk-\u2013", "a\nb"])
def test_what_can_be_no_key_is_told_of_before_any_request(found: str | None) -> None:
    asked = writer("http://localhost:1/v1", lambda: found, key="env:TINY_KEY")
    for ask in (asked.check, lambda: asked.write([prompt("A cat .")])):
        with pytest.raises(InputError, match="env:TINY_KEY") as caught:
            ask()
        assert not found or not found.strip() or found not in str(caught.value)


def test_a_line_end_after_the_key_is_no_part_of_it() -> None:
    with serving(echo) as server:
        writer(server, lambda: f"{KEY}\n", key="env:TINY_KEY").write([prompt("A cat .")])
    assert server.keys == [f"Bearer {KEY}"]


def test_it_can_be_asked_inside_a_running_loop() -> None:
    async def ask(url: str) -> list[Answer]:
        return writer(url).write([prompt("A cat ."), prompt("A dog .")])

    with serving(echo) as server:
        assert asyncio.run(ask(server.url)) == [Answer("A cat .", 7), Answer("A dog .", 7)]


def test_it_can_be_asked_from_a_thread_and_again() -> None:
    with serving(echo) as server:
        asked = writer(server)

        async def both() -> list[list[Answer]]:
            calls = (asyncio.to_thread(asked.write, [prompt(text)]) for text in ("one", "two"))
            return list(await asyncio.gather(*calls))

        assert asyncio.run(both()) == [[Answer("one", 7)], [Answer("two", 7)]]
        assert asked.write([]) == []


def test_identity_is_what_answers_depend_on() -> None:
    config: dict[str, Any] = {"model": "tiny", "server": "http://localhost:1/v1/"}
    plain = ServerWriter(Writer(**config), lambda: None).identity
    assert plain == ["server", 1, "http://localhost:1/v1", "tiny", 0.8, 0.95, 48]
    travel: dict[str, Any] = {"concurrency": 2, "timeout": 5, "retries": 0, "key": "env:K"}
    assert ServerWriter(Writer(**config, **travel), lambda: KEY).identity == plain
    assert ServerWriter(Writer(**config, temperature=0), lambda: None).identity != plain


def test_a_writer_without_a_server_is_refused() -> None:
    with pytest.raises(InputError, match="no server is named"):
        ServerWriter(Writer(model="tiny"), lambda: None)
