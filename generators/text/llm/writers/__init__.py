"""Language models that write captions: what they are asked, and who answers."""

from collections.abc import Callable

from generators.text.llm.writers.base import Writer
from schemas.config import Compute
from schemas.config import Writer as Settings


def writer_of(config: Settings, compute: Compute, secret: Callable[[], str | None]) -> Writer:
    """Build the writer that a config names: a server's, or one on this machine. `secret` finds a server's key."""
    if config.server is not None:
        from generators.text.llm.writers.server import ServerWriter

        return ServerWriter(config, secret)
    from generators.text.llm.writers.local import LocalWriter

    return LocalWriter(config, compute)
