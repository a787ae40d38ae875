"""Edited pictures, made beside the text work: one thread that draws as soon as there are wrong captions."""

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextvars import copy_context
from itertools import cycle
from typing import Any, Self

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectAlreadyExists

from flows import picture_tasks
from flows.again import steadily
from flows.progress import progress
from flows.shards import run
from generators.images.tries import Tries
from schemas.config import BuildConfig
from schemas.errors import InputError
from storage.dataset import Dataset


class Pictures:
    """Makes the pictures of shards of negatives, in the order they are started, while other work goes on.

    One thread, since models have one owner; between builds on one machine Prefect's concurrency limit keeps order.
    """

    def __init__(self, out: str, config: BuildConfig, images: list[str]) -> None:
        self.out, self.config, self.dataset = out, config, Dataset(out)
        self._images = cycle(images)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pictures")
        self._started: list[Future[tuple[list[str], list[str]]]] = []
        self._wanted = self._done = 0
        self._more = threading.Condition()
        self._ended = threading.Event()
        if config.images and config.compute.limit is not None and FlowRunContext.get() is not None:
            _make_limit(config.compute.limit)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.shutdown(cancel_futures=True)

    def start(self, negatives: str, parses: str) -> None:
        """Begin with the pictures of one shard of negatives; shards come in the order of their images, again and again
        where several generators make wrong captions.

        Raises what the pictures of a shard before failed with.
        """
        self.check()
        images = next(self._images)
        counts = steadily(picture_tasks.count_wanted, self.dataset, self.config.images, negatives)
        self._wanted += sum(counts)
        context = copy_context()  # the flow run that this belongs to
        self._started.append(self._thread.submit(context.run, self._draw, counts, negatives, images, parses))

    def check(self) -> None:
        """Raise what the pictures of a shard failed with, so that other work does not go on for hours in vain."""
        for future in self._started:
            if future.done():
                future.result()

    def wait(self) -> tuple[list[str], list[list[str]]]:
        """Show progress until all is done; returns the shards of masks, and those of pictures by shard of negatives."""
        masks: list[str] = []
        edited: list[list[str]] = []
        if not self.config.images:
            return masks, [[] for _ in self._started]
        with progress("images", "pictures", self._wanted) as advance:
            shown = 0
            for future in self._started:
                while not future.done():
                    with self._more:
                        self._more.wait(timeout=0.5)
                    shown += _told(advance, self._done - shown)
                found, made = future.result()
                masks += found
                edited.append(made)
            _told(advance, self._wanted - shown)
        return masks, edited

    def _draw(self, counts: list[int], negatives: str, images: str, parses: str) -> tuple[list[str], list[str]]:
        try:
            return self._drawn(counts, negatives, images, parses)
        except BaseException:
            self._ended.set()  # the shards that wait would be made in vain, and hold up the one that tells
            raise

    def _drawn(self, counts: list[int], negatives: str, images: str, parses: str) -> tuple[list[str], list[str]]:
        config, masks, edited = self.config, [], []
        for which, (how, count) in enumerate(zip(config.images, counts, strict=True)):
            mask = None
            chosen = (self.out, config.images, which, config.seed, config.judge, config.compute)
            if how.masked and count:
                mask = run(picture_tasks.make_masks, *chosen, config.describe, negatives, images, parses)
                masks.append(mask)
            for part in range(-(-count // how.shard_pictures)):
                if self._ended.is_set():
                    raise CancelledError("pictures: something else has failed")
                size = min(how.shard_pictures, count - part * how.shard_pictures)
                source = (negatives, images, mask, part, size)
                edited.append(run(picture_tasks.make_pictures, *chosen, config.compute.limit, self._advance, *source))
        return masks, edited

    def _advance(self, more: int) -> None:
        with self._more:
            self._done += more
            self._more.notify_all()


def picture_stages(config: BuildConfig) -> Iterator[Any]:
    """Build what pictures need, for its `check`.

    Raises InputError where settings do not go together.
    """
    for how in config.images:
        if how.method == "render":
            continue
        if how.tries.judged and config.judge is None:
            raise InputError("images.tries.most: more than one try needs a judge that says which is good; name one")
        editing = picture_tasks.editing_of(how, config.compute, config.seed)
        yield editing
        yield Tries(editing, how.tries)
        if "segmenter" in how.masks.makers and how.masked:
            yield picture_tasks.segmenter_of(how.masks.segmenter_model, config.compute)


def _told(advance: Any, more: int) -> int:
    if more > 0:
        advance(more, None)
    return max(more, 0)


def _make_limit(name: str) -> None:
    with get_client(sync_client=True) as client:
        try:
            client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1))
        except ObjectAlreadyExists:
            return  # somebody has set it, perhaps to another number
