"""What a server sent back, and the caption in it."""

import json
import re
from typing import Annotated

from pydantic import BaseModel, Field

from generators.text.llm.writers.base import Answer

# What the template of a model that can think puts before its answer, and the fence that some put around it.
_AROUND = re.compile(r"^\s*<think>.*?</think>|^\s*```\w*\s*\n|(?:^|\n)\s*```\s*$", re.DOTALL)


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    total_tokens: int = 0


class Reply(BaseModel):
    """The part of a chat completion that is read; servers differ in all else."""

    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: _Usage | None = None

    def answer(self) -> Answer:
        """Return the caption in the first choice, or why there is none."""
        choice, tokens = self.choices[0], self.usage.total_tokens if self.usage else 0
        if choice.message.refusal:
            return Answer(None, tokens, f"refused: {' '.join(choice.message.refusal.split())}")
        if choice.finish_reason == "content_filter":
            return Answer(None, tokens, "stopped by the server's content filter")
        text, detail = caption_in(choice.message.content or "", choice.finish_reason == "length")
        return Answer(text, tokens, detail)


def caption_in(text: str, cut: bool) -> tuple[str | None, str]:
    """Return the caption that a model wrote, as {"caption": ...} or as the first line, or None and why.

    cut says that the model had to stop in the middle: a caption that has no end is none.
    """
    while (bare := _AROUND.sub("", text)) != text:
        text = bare
    text = text.strip()
    start = text.find("{")
    if start < 0:
        return _first_line(text, cut)
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(text, start)
    except ValueError:
        return None, "cut off" if cut else "malformed JSON"
    caption = value.get("caption") if isinstance(value, dict) else None
    if not isinstance(caption, str):
        return None, "JSON without a caption"
    return (" ".join(caption.split()) or None), "" if caption.strip() else "empty"


def _first_line(text: str, cut: bool) -> tuple[str | None, str]:
    line, ended, _ = text.partition("\n")
    if not line:
        return None, "cut off" if cut else "empty"
    if cut and not ended:
        return None, "cut off"
    return line.strip(), ""
