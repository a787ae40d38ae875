"""One HTML file that needs nothing else: no server, no network, no other file.

What captions, names and addresses say is never markup. It travels as JSON in blocks that no browser runs and goes onto
the page as text; a policy in the page's head lets the one script and the one style sheet run whose hashes it names, and
no request leave.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import IO, Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from gallery.captions import visible

_AT_A_TIME = 200  # thumbnails of a block: what is far down the page is read when it is needed
# In JSON these stand in strings alone, where an escape means the same. "</script" would end a block, "<!--" begin
# what does not end there, and the two separators are line breaks to scripts.
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})
_SCRIPTS = {"browse": ("shared.js", "charts.js", "browse.js"), "review": ("shared.js", "review.js")}


def write_page(file: IO[str], mode: str, title: str, data: dict[str, Any], pictures: Sequence[str]) -> None:
    """Write a page to browse or to review by: what it shows as JSON, and thumbnails as data URLs, by number.

    The pictures stand last: a browser shows the page before it has read them.
    """
    script = f"'use strict';\n(() => {{\n{''.join(map(_text, _SCRIPTS[mode]))}\n}})();\n"
    style = _text("page.css")
    environment = Environment(autoescape=True, undefined=StrictUndefined, loader=FunctionLoader(_text))
    template = environment.get_template("page.html")
    for part in template.generate(
        mode=mode,
        title=visible(title),
        policy=f"default-src 'none'; img-src data:; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "connect-src 'none'; base-uri 'none'; form-action 'none'",
        style=Markup(style),
        script=Markup(script),
        data=Markup(as_json(data)),
        blocks=_blocks(pictures),
    ):
        file.write(part)


def as_json(data: Any) -> str:
    """Write JSON that can stand in a script element."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(_ESCAPES)


def _blocks(pictures: Sequence[str]) -> Iterator[tuple[int, Markup]]:
    for number, start in enumerate(range(0, len(pictures), _AT_A_TIME)):
        yield number, Markup(as_json(pictures[start : start + _AT_A_TIME]))


def _text(name: str) -> str:
    return files("gallery").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
