"""Links from docs/ to other files of the repository.

On GitHub `[columns.py](../storage/sources/columns.py)` leads to the file. The site has no such page: there it becomes a
link into the repository where `repo_url` says where that is, and the file's name where not.
"""

import logging
import re
from pathlib import Path
from typing import Any

# MkDocs counts warnings of its own loggers alone; with --strict any of them fails the build.
_LOG = logging.getLogger("mkdocs.hooks.links")
_OUTSIDE = re.compile(r"\[(?P<text>[^\]]+)\]\(\.\./(?P<path>[^)#]+)(?P<anchor>#[^)]*)?\)")


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001
    """Turn each link that leaves docs/; warn of those that lead nowhere."""
    root = Path(config["docs_dir"]).parent
    address = (config["repo_url"] or "").rstrip("/")

    def turned(link: re.Match[str]) -> str:
        path = link["path"]
        if not (root / path).exists():
            _LOG.warning("Doc file '%s' has a link to '../%s', which is not there.", page.file.src_uri, path)
        if address:
            return f"[{link['text']}]({address}/blob/HEAD/{path}{link['anchor'] or ''})"
        name = link["text"].strip("`")
        return f"`{path}`" if path.rstrip("/").endswith(name) else f"{link['text']} (`{path}`)"

    return _OUTSIDE.sub(turned, markdown)
