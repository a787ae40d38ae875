"""The visual generator for any picture: a diffusion model edits the original until a wrong caption is true of it."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa
from PIL import Image

from devices.diffusion import Kind, check_pipeline, load_pipeline, pipeline_dtype, pipeline_revision
from devices.pictures import as_png, decoded, size_of
from devices.revision import libraries
from generators.images.geometry import Fit, fit, fit_mask, fit_picture, put_back, undo
from generators.images.instructions import instruction
from generators.images.pipelines import Edit, Editor
from generators.ledger import entries
from generators.text.operations.telling import Change
from schemas.config import Compute, Images
from schemas.errors import InputError
from schemas.ids import image_id, image_negative_id, row_seed
from schemas.stage import with_ledger
from schemas.tables import IMAGE_NEGATIVES

# Settings that change what a picture looks like. The others say which rows to edit, how often, and how fast.
_SETTINGS = (
    "method", "model", "prompt", "negative_prompt", "steps", "guidance_scale", "image_guidance_scale", "strength",
    "size", "feather", "put_back", "reconstruct",
)  # fmt: skip
_COLUMNS = (("image", "edited_image_id"), ("reconstruction", "reconstruction_id"))


class Editing:
    """Turn wrong captions into pictures of which they are to be true, by inpainting or by an instruction.

    Whether they are true of them is for a judge to say.
    """

    version = 1

    def __init__(self, images: Images, compute: Compute, seed: int) -> None:
        self.images, self.compute, self.seed = images, compute, seed
        self.model = images.model or ""
        self.kind: Kind = "inpaint" if images.method == "inpaint" else "instruct"
        self.advance: Callable[[int], None] | None = None
        """Called with the number of rows done, after every batch."""
        self.seconds: dict[str, float] = defaultdict(float)
        """Wall time by part: load, prepare, pipeline, put back, write."""

    @cached_property
    def identity(self) -> list[Any]:
        """Stage name, version, settings, the model's revision, number format, seed, and what blends."""
        settings = self.images.model_dump(mode="json", include=set(_SETTINGS))
        revision = pipeline_revision(self.model, self.images.variant)
        how = [settings, revision, str(pipeline_dtype(self.compute)), self.seed]
        return ["editing", self.version, *how, *libraries("scipy")]

    def check(self) -> None:
        """Raise InputError for what can be seen to be wrong or missing without loading weights."""
        check_pipeline(self.kind, self.model, self.images.variant)
        steps, strength = self.images.steps, self.images.strength
        if int(steps * strength) < 1:
            raise InputError(f"images.strength: {strength} of {steps} steps is less than one step; raise either")

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn rows of text_negative_id, operation, original, caption, original_phrase, negative_phrase,
        original_spans, negative_spans, prompt_phrase, image (the original, encoded), mask (a PNG as large as the
        picture seen; null where there is none) and try (0, 1, 2, ...: another seed) into IMAGE_NEGATIVES.

        One row each; where no picture was made the row says why in `failed_check`. Raises InputError when the model
        cannot be loaded.
        """
        rows = table.to_pylist()
        made: list[dict[str, Any]] = [self._known(row) for row in rows]
        seconds: dict[str, float] = defaultdict(float)
        possible = [index for index, row in enumerate(rows) if self.kind == "instruct" or row["mask"] is not None]
        for index in set(range(len(rows))) - set(possible):
            made[index]["failed_check"] = "no_mask"
        self._advance(len(rows) - len(possible))
        for batch in self._batches([_Job(index, rows[index]) for index in possible]):
            started = time.perf_counter()
            for job, found in zip(batch, self._pictures(batch), strict=True):
                made[job.index] |= found
            for job in batch:
                seconds[job.row["operation"]] += (time.perf_counter() - started) / len(batch)
            self._advance(len(batch))
        ledger = entries(table["operation"].to_pylist(), made, seconds, self.images.method, self.model)
        return with_ledger(pa.Table.from_pylist(made, IMAGE_NEGATIVES), ledger)

    @cached_property
    def editor(self) -> Editor:
        """The pipeline with its settings; loaded on the first use."""
        self.check()
        with self._timed("load"):
            pipeline = load_pipeline(
                self.kind, self.model, self.images.variant, self.compute, self.images.offload, self.images.slicing,
                self.images.compile,
            )  # fmt: skip
            return Editor(pipeline, self.images)

    def _known(self, row: dict[str, Any]) -> dict[str, Any]:
        seed = self._seed(row)
        return {
            "image_negative_id": image_negative_id(row["text_negative_id"], self.images.method, self.model, seed),
            "text_negative_id": row["text_negative_id"],
            "method": self.images.method,
            "model": self.model,
            "seed": seed,
            "tries": row["try"] + 1,
            "original_still_true": _still_true(row) or None,
        }

    def _seed(self, row: dict[str, Any]) -> int:
        return row_seed(row["text_negative_id"], self.seed, self.images.method, str(row["try"]))

    def _batches(self, jobs: Sequence["_Job"]) -> Iterator[list["_Job"]]:
        """Group jobs whose pictures the model takes in one size; no picture is decoded for that."""
        alike: dict[tuple[int, int], list[_Job]] = defaultdict(list)
        for job in jobs:
            size, multiple = self.editor.size, self.editor.multiple
            with self._timed("prepare"):
                job.fit = fit(*size_of(job.row["image"]), size, multiple)
            alike[job.fit.padded].append(job)
        for (width, height), group in alike.items():
            most = self.editor.batch_size(width * height)
            for start in range(0, len(group), most):
                yield group[start : start + most]

    def _pictures(self, batch: Sequence["_Job"]) -> list[dict[str, Any]]:
        with self._timed("prepare"):
            originals = [decoded(job.row["image"]) for job in batch]
            masks = [None if job.row["mask"] is None else decoded(job.row["mask"]) for job in batch]
            pictures = [fit_picture(one, job.fit) for one, job in zip(originals, batch, strict=True)]
            fitted = [None if one is None else fit_mask(one, job.fit) for one, job in zip(masks, batch, strict=True)]
        seeds, told = [self._seed(job.row) for job in batch], [self._prompt(job.row) for job in batch]
        prompts = [told, [job.row["original"] for job in batch]] if self.images.reconstruct else [told]
        results = []
        for asked in prompts:
            with self._timed("pipeline"):
                found = self.editor([Edit(*edit) for edit in zip(pictures, fitted, asked, seeds, strict=True)])
            with self._timed("put back"):
                done = [self._finished(*one) for one in zip(originals, found, masks, batch, strict=True)]
            results.append(done)
        with self._timed("write"):
            return [self._row(*one) for one in zip(batch, told, zip(*results, strict=True), strict=True)]

    def _prompt(self, row: dict[str, Any]) -> str:
        if self.kind == "instruct":
            names = ("original_phrase", "negative_phrase", "original_spans", "negative_spans")
            change = Change(row["original"], row["caption"], *(row[name] for name in names))
            return instruction(row["operation"], change)
        phrase: str | None = row["prompt_phrase"] if self.images.prompt == "phrase" else None
        return phrase or row["caption"]

    def _finished(
        self, original: Image.Image, found: Image.Image | None, mask: Image.Image | None, job: "_Job"
    ) -> Image.Image | None:
        if found is None:
            return None
        edited = undo(found.convert("RGB"), job.fit)
        if mask is None or not (self.kind == "inpaint" or self.images.put_back):
            return edited
        return put_back(original, edited, mask, self.images.feather * min(original.size))

    def _row(self, job: "_Job", prompt: str, made: Sequence[Image.Image | None]) -> dict[str, Any]:
        row: dict[str, Any] = {
            "instruction": prompt if self.kind == "instruct" else None,
            "steps": self.images.steps,
            "guidance_scale": self.images.guidance_scale,
            "strength": self.images.strength if self.editor.takes("strength") else None,
        }
        pictures = [picture for picture in made if picture is not None]
        if len(pictures) < len(made):
            return {**row, "failed_check": "unsafe"}
        for (column, key), picture in zip(_COLUMNS, pictures, strict=False):
            data = as_png(picture)
            row[key] = image_id(data)
            row[column] = {"bytes": data, "path": f"{row[key]}.png"}
        if (mask := job.row["mask"]) is not None:
            row["mask"] = {"bytes": mask, "path": f"{row['edited_image_id']}-mask.png"}
        return row

    def _advance(self, rows: int) -> None:
        if self.advance is not None and rows:
            self.advance(rows)

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[part] += time.perf_counter() - started


@dataclass
class _Job:
    index: int  # of the row in the table
    row: dict[str, Any]
    fit: Fit = field(init=False)  # once the size of the picture is known


def _still_true(row: dict[str, Any]) -> bool:
    """Tell whether the original caption stays true of the edited picture.

    What an addition adds, a caption without it does not deny: "a dog" is true of a black dog too. And what does not
    happen ("a dog is not sleeping") does not happen in the edited picture either.
    """
    added = row["operation"].startswith("add_") and not row["original_phrase"]
    return added or (row["operation"] == "negate" and "not" in row["original"].split())
