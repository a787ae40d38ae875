"""Prompts as tokens: a base model is shown examples, an instruct model is talked to."""

from functools import cached_property
from typing import Any

from generators.text.llm.writers.base import Prompt

_QUESTION, _ANSWER = "Caption:", "Changed:"


class Telling:
    """Tell a model by its tokenizer what is asked: by the chat template where it has one, else as a text to go on with.

    Either ends with the start of the answer, before a blank: what comes next begins with one, as words in a text do.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.talks = tokenizer.chat_template is not None

    def tokens(self, prompt: Prompt) -> list[int]:
        """Return all that the model is to read."""
        # A template writes the tokens that begin a text itself.
        text = self._told(prompt) if self.talks else plain(prompt)
        ids: list[int] = self.tokenizer(text, add_special_tokens=not self.talks)["input_ids"]
        return ids

    def _told(self, prompt: Prompt) -> str:
        messages = _messages(prompt, system=self._knows_system)
        how = {"continue_final_message": True} if prompt.start else {"add_generation_prompt": True}
        # Those that can think need not: what they think counts as tokens of the answer.
        told: str = self.tokenizer.apply_chat_template(messages, tokenize=False, enable_thinking=False, **how)
        return told

    @cached_property
    def _knows_system(self) -> bool:
        messages = [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]
        try:
            self.tokenizer.apply_chat_template(messages, tokenize=False)
        except Exception:  # templates raise what they like
            return False
        return True


def plain(prompt: Prompt) -> str:
    """Write a prompt for a model that only continues texts."""
    shown = "".join(f"{_QUESTION} {question}\n{_ANSWER} {answer}\n\n" for question, answer in prompt.examples)
    start = f" {prompt.start}" if prompt.start else ""
    return f"{prompt.instruction}\n\n{shown}{_QUESTION} {prompt.question}\n{_ANSWER}{start}"


def _messages(prompt: Prompt, system: bool) -> list[dict[str, str]]:
    turns = [*prompt.examples, (prompt.question, prompt.start)]
    if not system:
        turns[0] = f"{prompt.instruction}\n\n{turns[0][0]}", turns[0][1]
    messages = [{"role": "system", "content": prompt.instruction}] if system else []
    for question, answer in turns:
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return messages if prompt.start else messages[:-1]
