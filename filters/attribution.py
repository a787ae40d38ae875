"""Where in a picture a dual encoder sees what words of a caption say: feature-pair attributions of the similarity.

The method is that of Möller et al., "Explaining Caption-Image Interactions in CLIP Models with Second-Order
Attributions" (arXiv 2408.14153). Let f(a, b) = g(a) . h(b) be the cosine similarity of features a of a caption
(token embeddings, T x d) and b of a picture (patch features at some layer, P x d'), and r, s reference features of
the two. Then

    f(a, b) - f(r, b) - f(a, s) + f(r, s) = sum_ij A_ij
    A_ij = (a - r)_i [ (int J_g(r + x (a - r)) dx)^T (int J_h(s + y (b - s)) dy) ]_ij (b - s)_j

with integrals from 0 to 1, Jacobians J and, in A, sums over the features of a token and of a patch: T x P numbers.
The heat of some words is the sum of their rows of A. No Jacobian is ever built:

    w   = int J_g(r + x (a - r)) (a - r)_words dx             one vector for any number of words
    A_j = (b - s)_j . int grad_b (w . h)(s + y (b - s)) dy    all patches at once
"""

import copy
import time
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filters.embeddings import Encoder, Loaded
from schemas.errors import InputError
from schemas.stage import with_ledger
from schemas.tables import HEAT_MAPS

if TYPE_CHECKING:
    import torch

_MOST_ROWS = 16  # at a time: the graph of a large model's last blocks is some hundred megabytes a row

Span = tuple[int, int]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PairMatrix:
    """Attributions of the similarity of one caption and one picture to pairs of a token and a patch."""

    tokens: list[str]
    """The caption's T tokens, as the caption writes them."""
    spans: list[Span]
    """Where they stand in the caption."""
    matrix: Floats
    """T x P."""
    placeless: Floats
    """T: the same for the image features that have no place, such as the class token."""
    grid: tuple[int, int]
    """Rows and columns of the P patches."""
    left_side: float
    """f(a, b) - f(r, b) - f(a, s) + f(r, s), which `matrix` and `placeless` add up to."""


class Attribution:
    """Turn pictures, captions and words of the captions into heat maps of these words.

    The text's features are its token embeddings; the reference has the padding token's in place of every token of the
    caption. The image's are the input of the block at three quarters of a transformer's depth: the nearer to the
    pixels, the noisier the attributions, and the nearer to the output, the less a token is still its own patch (the
    paper's code takes the input of the last block). In a ResNet they are the output of the second of four stages, the
    finest grid worth having. The reference is a picture of the mean colour.

    The integrals are taken at `nodes` points by Gauss-Legendre quadrature. Where an encoder is smooth, the error falls
    geometrically with the number of points, that of the paper's Riemann sum only as one over it: with 8 points, 1e-6
    and 5e-2 of the whole for the image side of a small ViT. The kinks of a ResNet, and a vector that turns all at once
    somewhere on the way from padding to words, cost more: 8 points leave about 6 % of each side of shapes-clip, 24
    about 1 %. But its heat maps are settled earlier: those of 4, 8 and 16 points correlate with those of 24 by 0.99,
    0.999 and 0.9997 (medians over 240).

    Everything is computed in float32. The last bits of a row depend on the rows beside it.
    """

    version = 1

    def __init__(self, encoder: Encoder, nodes: int = 8) -> None:
        self.encoder, self.nodes = encoder, nodes

    @property
    def identity(self) -> list[Any]:
        """Stage name, version, the encoder's fingerprint and the number of quadrature points."""
        return ["attribution", self.version, self.encoder.fingerprint, self.nodes]

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn rows of key, image (encoded picture), caption and spans (a list of SPAN) into HEAT_MAPS.

        Raises InputError for a model whose tokens or patches cannot be told.
        """
        started = time.perf_counter()
        size = min(self.encoder.clip.batch_size, _MOST_ROWS)
        rows: list[dict[str, Any]] = []
        for start in range(0, table.num_rows, size):
            rows += self._rows(table.slice(start, size).to_pylist())
        result = pa.Table.from_pylist(rows, HEAT_MAPS)
        work = {"model": self.encoder.clip.model, "rows_in": table.num_rows, "rows_out": table.num_rows}
        return with_ledger(result, [{**work, "seconds": time.perf_counter() - started}])

    def _rows(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        captions = self._towers.captions([row["caption"] for row in rows])
        wanted = [_hit(places, row["spans"] or []) for places, row in zip(captions.places, rows, strict=True)]
        hits = [index for index, positions in enumerate(wanted) if positions]
        made: list[dict[str, Any]] = [{"key": row["key"]} for row in rows]
        if hits:
            pictures = self._towers.pictures(self._decoded([rows[index]["image"] for index in hits]))
            vectors = self._towers.word_vectors(captions.take(hits), [wanted[index] for index in hits])
            heat, placeless = self._towers.heat(vectors, pictures)
            height, width = pictures.grid
            for index, patches, rest in zip(hits, heat, placeless, strict=True):
                made[index] |= {"heat": patches, "rows": height, "columns": width, "total": patches.sum() + rest}
        return made

    def _decoded(self, images: list[bytes]) -> "torch.Tensor":
        import torch

        return torch.from_numpy(np.stack(self.encoder.decode(images)))

    @cached_property
    def _towers(self) -> "_Towers":
        return _Towers(self.encoder.loaded, self.encoder.clip.model, self.nodes)


def pair_matrix(encoder: Encoder, image: bytes, caption: str, nodes: int = 16) -> PairMatrix:
    """Attribute the similarity of a picture and a caption to all pairs of a token and a patch.

    Raises InputError for a model whose tokens or patches cannot be told.
    """
    stage = Attribution(encoder, nodes)
    towers = stage._towers
    captions, pictures = towers.captions([caption]), towers.pictures(stage._decoded([image]))
    [places] = captions.places
    height, width = pictures.grid
    heat: list[Floats] = [np.zeros((0, height * width), np.float32)]
    placeless: list[Floats] = [np.zeros(0, np.float32)]
    positions = list(places)
    for start in range(0, len(positions), _MOST_ROWS):
        single = [[position] for position in positions[start : start + _MOST_ROWS]]
        patches, rest = towers.heat(towers.word_vectors(captions.take([0] * len(single)), single), pictures)
        heat.append(patches)
        placeless.append(rest)
    return PairMatrix(
        [caption[start:end] for start, end in places.values()],
        list(places.values()),
        np.concatenate(heat),
        np.concatenate(placeless),
        pictures.grid,
        towers.left_side(captions, pictures),
    )


@dataclass(frozen=True)
class _Captions:
    ids: "torch.Tensor"  # rows x length
    places: list[dict[int, Span]]  # per row, by position in the sequence: where a token stands in the caption

    def take(self, rows: list[int]) -> "_Captions":
        return _Captions(self.ids[rows], [self.places[row] for row in rows])


@dataclass(frozen=True)
class _Pictures:
    features: "torch.Tensor"  # rows x tokens x channels, or rows x channels x height x width
    reference: "torch.Tensor"  # the same for one row
    blank: "torch.Tensor"  # the picture that the reference is made of: 1 x 3 x height x width
    grid: tuple[int, int]


class _Towers:
    """A dual encoder in float32, as functions of features in place of words and pixels."""

    def __init__(self, loaded: Loaded, name: str, nodes: int) -> None:
        self._loaded, self._name = loaded, name
        if not hasattr(getattr(loaded.model, "text", loaded.model), "token_embedding"):
            raise InputError(f"model {name}: attribution needs a text tower of open_clip's own; take another judge")
        self._model = _in_float32(loaded.model)
        self._embedding: Any = getattr(self._model, "text", self._model).token_embedding
        self._block, self._prefix, self._grid = self._site()
        points, weights = np.polynomial.legendre.leggauss(nodes)  # from -1 to 1
        self._nodes = [(float(at), float(weight)) for at, weight in zip((points + 1) / 2, weights / 2, strict=True)]

    def captions(self, captions: list[str]) -> _Captions:
        ids = self._loaded.tokenize(captions)
        places = token_places(self._loaded.tokenize, captions)
        if places is None:
            raise InputError(f"model {self._name}: its tokenizer does not tell where its tokens stand in a caption")
        return _Captions(ids.to(self._loaded.device), places)

    def pictures(self, pictures: "torch.Tensor") -> _Pictures:
        """Compute the features of pictures that `preprocess.picture` made."""
        import torch

        numbers = self._loaded.preprocess.batch(pictures.to(self._loaded.device)).float()
        blank = torch.zeros_like(numbers[:1])  # of the mean colour, which preprocessing subtracts
        seen: list[torch.Tensor] = []
        hook = self._block.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
        try:
            with torch.no_grad():
                self._model.encode_image(torch.cat([numbers, blank]))
        finally:
            hook.remove()
        [features] = seen
        height, width = self._grid or features.shape[2:]
        return _Pictures(features[:-1], features[-1:], blank, (height, width))

    def word_vectors(self, captions: _Captions, wanted: list[list[int]]) -> "torch.Tensor":
        """Compute what the tokens at the wanted positions of each caption give to its vector: rows x D."""
        import torch
        from torch.nn.attention import SDPBackend, sdpa_kernel

        reference, way = self._embedded(captions)
        part = way * _at(wanted, captions.ids)[..., None]
        total = torch.zeros((), device=way.device)
        # Of all implementations of attention only this one has second derivatives.
        with sdpa_kernel(SDPBackend.MATH):
            for at, weight in self._nodes:
                point = (reference + at * way).requires_grad_()
                vectors = self._text(captions.ids, point)
                # J^T u is linear in u, so that its gradient by u along a part is J part. Forward mode is no faster, and
                # brings in parts of PyTorch that are on their way out.
                u = torch.zeros_like(vectors, requires_grad=True)
                [pulled] = torch.autograd.grad(vectors, point, u, create_graph=True)
                total = total + weight * torch.autograd.grad(pulled, u, part)[0]
        return total

    def heat(self, vectors: "torch.Tensor", pictures: _Pictures) -> tuple[Floats, Floats]:
        """Attribute the product of each vector and its picture's vector to patches: rows x P, and the rest: rows.

        There is a picture a vector, or one for all.
        """
        import torch

        way = pictures.features - pictures.reference
        way = way.expand(len(vectors), *way.shape[1:])
        slope = torch.zeros_like(way)
        for at, weight in self._nodes:
            point = (pictures.reference + at * way).requires_grad_()
            product = (vectors * self._image(pictures.blank, point)).sum()
            slope += weight * torch.autograd.grad(product, point)[0]
        channels = 1 if way.ndim == 4 else 2
        found = (way * slope).sum(channels).flatten(1).cpu().numpy()
        return found[:, self._prefix :], found[:, : self._prefix].sum(1)

    def left_side(self, captions: _Captions, pictures: _Pictures) -> float:
        """Compute f(a, b) - f(r, b) - f(a, s) + f(r, s) of one caption and one picture."""
        import torch

        reference, way = self._embedded(captions)
        with torch.no_grad():
            text = self._text(captions.ids, reference + way) - self._text(captions.ids, reference)
            image = self._image(pictures.blank, pictures.features) - self._image(pictures.blank, pictures.reference)
            return float((text * image).sum())

    def _embedded(self, captions: _Captions) -> tuple["torch.Tensor", "torch.Tensor"]:
        """The reference's token embeddings, and the way from there to the captions': rows x length x channels."""
        embedded = self._embedding(captions.ids).detach()
        tokenizer = getattr(self._loaded.tokenize, "tokenizer", None)
        padding = self._embedding.weight[0 if tokenizer is None else tokenizer.pad_token_id].detach()
        way = (embedded - padding) * _at([list(places) for places in captions.places], captions.ids)[..., None]
        return embedded - way, way

    def _text(self, ids: "torch.Tensor", features: "torch.Tensor") -> "torch.Tensor":
        """Compute text vectors from token embeddings: rows x D, of unit length."""
        import torch

        hook = self._embedding.register_forward_hook(lambda *_: features)
        try:
            return torch.nn.functional.normalize(self._model.encode_text(ids), dim=-1)
        finally:
            hook.remove()

    def _image(self, blank: "torch.Tensor", features: "torch.Tensor") -> "torch.Tensor":
        """Compute image vectors from features: rows x D, of unit length."""
        import torch

        # What goes in at the front is one picture, whatever comes out at the end.
        hook = self._block.register_forward_pre_hook(lambda *_: features)
        try:
            return torch.nn.functional.normalize(self._model.encode_image(blank), dim=-1)
        finally:
            hook.remove()

    def _site(self) -> tuple[Any, int, tuple[int, int] | None]:
        """The module whose input is attributed to, how many of its tokens have no place, and the grid of the rest.

        Without a grid the input is a feature map, which has its own.
        """
        visual = self._model.visual
        trunk: Any = getattr(visual, "trunk", None)  # of timm
        if hasattr(visual, "layer3"):
            return visual.layer3, 0, None
        if hasattr(visual, "transformer"):
            blocks, prefix, grid = visual.transformer.resblocks, 1, visual.grid_size
        elif hasattr(trunk, "num_prefix_tokens") and hasattr(getattr(trunk, "patch_embed", None), "grid_size"):
            blocks, prefix, grid = trunk.blocks, trunk.num_prefix_tokens, trunk.patch_embed.grid_size
        else:
            raise InputError(f"model {self._name}: attribution needs a ViT or CLIP's own ResNet; take another judge")
        return blocks[len(blocks) * 3 // 4], prefix, grid


def token_places(tokenize: Any, captions: list[str]) -> list[dict[int, Span]] | None:
    """Find where the tokens that an open_clip tokenizer makes of captions stand in them.

    Returns for each caption, by a token's position in the sequence, its characters in the caption as it came: before
    the tokenizer mended, trimmed and lowered it. Tokens that begin, end or fill the sequence are left out. Returns
    nothing for a tokenizer that cannot tell.
    """
    clean = getattr(tokenize, "clean_fn", None)
    # Some drop tokens at random, or put another between.
    if clean is None or getattr(tokenize, "reduction_fn", None) or getattr(tokenize, "tokenizer_mode", ""):
        return None
    cleaned = [clean(caption) for caption in captions]
    if hasattr(tokenize, "byte_encoder"):
        found = [_byte_pair_places(tokenize, text) for text in cleaned]
    elif getattr(tokenize.tokenizer, "is_fast", False):
        found = _fast_places(tokenize, cleaned)
    else:
        return None
    return [
        {position: _back(span, caption, origins) for position, span in places.items()}
        for places, caption, origins in zip(found, captions, map(_origins, captions, cleaned), strict=True)
    ]


def _byte_pair_places(tokenize: Any, text: str) -> dict[int, Span]:
    """Do what SimpleTokenizer.encode does, and keep the places."""
    places: list[Span] = []
    for word in tokenize.pat.finditer(text):
        # To each byte the character that it is part of.
        owners = [at for at, character in enumerate(word[0], word.start()) for _ in character.encode()]
        coded = "".join(tokenize.byte_encoder[byte] for byte in word[0].encode())
        begin = 0
        for token in tokenize.bpe(coded).split(" "):
            end = begin + len(token.removesuffix("</w>"))  # a character a byte
            places.append((owners[begin], owners[end - 1] + 1))
            begin = end
    room = tokenize.context_length - 2  # for all but the tokens that begin and end the sequence
    return dict(enumerate(places[:room], start=1))


def _fast_places(tokenize: Any, texts: list[str]) -> list[dict[int, Span]]:
    length = {"max_length": tokenize.context_length, "padding": "max_length", "truncation": True}
    encoded = tokenize.tokenizer(texts, **length, return_offsets_mapping=True)
    return [
        {at: span for at, (span, text) in enumerate(zip(spans, encoded.sequence_ids(row), strict=True)) if text == 0}
        for row, spans in enumerate(encoded["offset_mapping"])
    ]


def _origins(caption: str, cleaned: str) -> list[Span]:
    """Find for each character of a cleaned caption the characters of the caption that it came from."""
    before, after = ([character.lower() for character in text] for text in (caption, cleaned))
    origins: list[Span] = []
    for kind, start, end, first, last in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        for offset in range(last - first):
            origins.append((start + offset, start + offset + 1) if kind == "equal" else (start, end))
    return origins


def _back(span: Span, caption: str, origins: list[Span]) -> Span:
    """Turn a token's place in a cleaned caption into its place in the caption; the space before it is no part of it."""
    if span[0] == span[1]:
        return 0, 0
    start, end = origins[span[0]][0], origins[span[1] - 1][1]
    return end - len(caption[start:end].lstrip()), end


def _hit(places: dict[int, Span], spans: list[dict[str, int]]) -> list[int]:
    """Return the positions of tokens that share a character with a span."""
    return [
        position
        for position, (start, end) in places.items()
        if any(max(start, span["start"]) < min(end, span["end"]) for span in spans)
    ]


def _at(positions: list[list[int]], ids: "torch.Tensor") -> "torch.Tensor":
    """Return 1 at the positions of each row and 0 elsewhere: rows x length."""
    import torch

    marks = torch.zeros(ids.shape, device=ids.device)
    for row, at in zip(marks, positions, strict=True):
        row[at] = 1
    return marks


def _in_float32(model: Any) -> Any:
    import torch

    if all(parameter.dtype == torch.float32 for parameter in model.parameters()):
        return model
    return copy.deepcopy(model).float()
