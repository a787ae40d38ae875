"""A language model behind any server that speaks OpenAI's API: vLLM, Ollama, llama.cpp, OpenAI."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from generators.text.llm.writers.base import Answer, Prompt
from generators.text.llm.writers.replies import Reply
from schemas.config import Writer as Settings
from schemas.errors import InputError

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletionMessageParam
    from openai.types.shared_params import ResponseFormatJSONSchema

_FORMAT: "ResponseFormatJSONSchema" = {
    "type": "json_schema",
    "json_schema": {
        "name": "caption",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"caption": {"type": "string"}},
            "required": ["caption"],
            "additionalProperties": False,
        },
    },
}
# Tokens for the braces, the name and the quotes around a caption: more than any tokenizer takes.
_FRAME = 16
# llama.cpp keeps 32 bits of a seed and takes the largest for "any": the lower 31 mean the same everywhere.
_SEED_BITS = 2**31 - 1
# Statuses of a refused parameter, and words by which servers name this one.
_REFUSED = frozenset({400, 404, 422, 500, 501})
_SCHEMA_WORDS = ("response_format", "json_schema", "structured output", "guided", "grammar")
# Seconds to wait for a connection: a server that is there opens one sooner than it answers.
_CONNECT = 10.0
# Failures in a row, all alike, that say that the server is the reason and not a prompt; fewer than _FEW never do.
_IN_A_ROW, _FEW = 20, 4
# The library insists on a key; servers that ask for none ignore it.
_NO_KEY = "none"


@dataclass
class _Session:
    """One call of `write`: the open client, the key to keep out of texts, and the failures since the last answer."""

    client: "AsyncOpenAI"
    key: str
    most_failures: int
    failures: list[str] = field(default_factory=list)


class ServerWriter:
    """Ask a server for captions, a few requests at a time.

    Where the server takes a JSON schema it is held to one. `secret` finds the key each time that it is needed, so
    that this object never holds it.
    """

    version = 1

    def __init__(self, config: Settings, secret: Callable[[], str | None]) -> None:
        if config.server is None:
            raise InputError(f"writer {config.model}: no server is named; set server: http://host:port/v1")
        self.config, self.url, self._secret = config, config.server.rstrip("/"), secret
        self._schema = True  # until the server refuses it
        self._answered = False  # whether it has ever taken the schema

    @property
    def identity(self) -> list[Any]:
        """Kind, version, server, model and what words are drawn by; how requests travel changes no answer."""
        config = self.config
        return ["server", self.version, self.url, config.model, config.temperature, config.top_p, config.max_tokens]

    def check(self) -> None:
        """Raise InputError where the key is missing or can be none; the config has checked the address."""
        self._key()

    def write(self, prompts: Sequence[Prompt]) -> list[Answer]:
        """Answer every prompt, in order; a request that fails after its retries has no text but a detail.

        Raises InputError where the server is out of reach, refuses the key, does not know the model, or fails so
        often in a row that no answer is to be hoped for.
        """
        return _finish(self._write(prompts, self._key())) if prompts else []

    def _key(self) -> str:
        if self.config.key is None:
            return ""
        key = (self._secret() or "").strip()
        if not key:
            raise InputError(f"server {self.url}: there is no key at {self.config.key}; put it there")
        if not key.isascii() or not key.isprintable() or " " in key:
            raise InputError(f"server {self.url}: what is at {self.config.key} has characters that no key has")
        return key

    async def _write(self, prompts: Sequence[Prompt], key: str) -> list[Answer]:
        from openai import AsyncOpenAI, Timeout

        timeout = Timeout(self.config.timeout, connect=min(_CONNECT, self.config.timeout))
        client = AsyncOpenAI(
            base_url=self.url, api_key=key or _NO_KEY, timeout=timeout, max_retries=self.config.retries
        )
        answers: dict[int, Answer] = {}
        waiting = iter(enumerate(prompts))
        session = _Session(client, key, min(_IN_A_ROW, max(_FEW, len(prompts))))

        async def work() -> None:
            for index, prompt in waiting:  # all workers draw from the one iterator
                answers[index] = await self._answer(prompt, session)

        try:
            async with client, asyncio.TaskGroup() as workers:
                for _ in range(min(self.config.concurrency, len(prompts))):
                    workers.create_task(work())
        except ExceptionGroup as troubles:
            raise troubles.exceptions[0] from None
        return [answers[index] for index in range(len(prompts))]

    async def _answer(self, prompt: Prompt, session: _Session) -> Answer:
        from openai import APIError

        try:
            reply = await self._reply(prompt, session.client)
        except (APIError, ValueError) as error:
            fatal, kind, said = self._fatal(error, session.key), _kind(error), self._said(error, session.key)
        else:
            session.failures.clear()
            return reply.answer()
        # Raised out here: the library's exception holds its request, and with it the key.
        if fatal is not None:
            raise fatal
        if kind is not None:
            self._count(kind, said, session)
        return Answer(None, 0, said)

    async def _reply(self, prompt: Prompt, client: "AsyncOpenAI") -> Reply:
        from openai import APIStatusError

        if not self._schema:
            return await self._request(prompt, client, schema=False)
        try:
            reply = await self._request(prompt, client, schema=True)
        except APIStatusError as error:
            if not self._refuses_schema(error):
                raise
        else:
            self._answered = True
            return reply
        reply = await self._request(prompt, client, schema=False)
        self._schema = False  # only now: a prompt that fails either way says nothing about the schema
        return reply

    def _refuses_schema(self, error: Any) -> bool:
        text = f"{error.message} {error.body}".lower()
        named = error.status_code in _REFUSED and any(word in text for word in _SCHEMA_WORDS)
        return named or (error.status_code == 400 and not self._answered)

    async def _request(self, prompt: Prompt, client: "AsyncOpenAI", schema: bool) -> Reply:
        from openai import omit

        config = self.config
        raw = await client.chat.completions.with_raw_response.create(
            model=config.model,
            messages=_messages(prompt, schema),
            seed=prompt.seed & _SEED_BITS,
            temperature=config.temperature,
            top_p=config.top_p,
            max_tokens=config.max_tokens + (_FRAME if schema else 0),
            response_format=_FORMAT if schema else omit,
        )
        return Reply.model_validate_json(raw.http_response.content)

    def _fatal(self, error: Exception, key: str) -> InputError | None:
        """Return what ends the build, or None where only this prompt has no answer."""
        status = getattr(error, "status_code", None)
        if status in {401, 403}:  # whose text may quote the key in part
            shown = f"the key at {self.config.key}" if key else "requests without a key; set key: env:NAME"
            return InputError(f"server {self.url}: refuses {shown} (status {status})")
        if status == 404:
            said, advice = self._said(error, key), f"see {self.url}/models, and whether the address lacks its /v1"
            return InputError(f"server {self.url}: has no model {self.config.model} ({said}); {advice}")
        # By name: which HTTP library raises them is the client's affair.
        if type(error.__cause__).__name__ in {"ConnectError", "ConnectTimeout", "ProxyError"}:
            said = _one_line(str(error.__cause__), key) or "no connection in time"
            return InputError(f"server {self.url}: cannot be reached ({said}); start it, or correct its address")
        return None

    def _said(self, error: Exception, key: str) -> str:
        from openai import APIConnectionError, APIError, APITimeoutError

        if isinstance(error, APITimeoutError):
            return f"no answer within {self.config.timeout:g} s"
        if isinstance(error, APIConnectionError):
            return f"connection lost: {_one_line(str(error.__cause__), key)}"
        if isinstance(error, APIError):
            # The library has copied the body's message behind a dash, where the body is of OpenAI's form.
            told = " - " in error.message or not error.body
            return _one_line(error.message if told else f"{error.message} - {error.body}", key)
        return "no chat completion came back"

    def _count(self, kind: str, said: str, session: _Session) -> None:
        if kind not in session.failures:
            session.failures.clear()
        session.failures.append(kind)
        if len(session.failures) >= session.most_failures:
            times = f"{len(session.failures)} requests in a row failed"
            raise InputError(f"server {self.url}: {times}, the last by: {said}; see its log, then build again")


def _messages(prompt: Prompt, schema: bool) -> "list[ChatCompletionMessageParam]":
    messages: list[ChatCompletionMessageParam] = [{"role": "system", "content": prompt.instruction}]
    for question, answer in prompt.examples:
        shown = json.dumps({"caption": answer}, ensure_ascii=False) if schema else answer
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": shown}]
    return [*messages, {"role": "user", "content": prompt.question}]


def _kind(error: Exception) -> str | None:
    """Return what failures have in common; None where the prompt's own words are the reason."""
    if getattr(error, "code", None) == "content_filter":
        return None
    return f"{type(error).__name__} {getattr(error, 'status_code', '')}"


def _one_line(text: str, key: str) -> str:
    """Return the beginning of text in one line, without the key."""
    clean = text.replace(key, "[key]") if key else text
    return " ".join(clean.split())[:200]


def _finish(work: Coroutine[Any, Any, list[Answer]]) -> list[Answer]:
    """Run to the end, in a thread of its own where this one has a loop that is running."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        running = False
    else:
        running = True
    if not running:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
