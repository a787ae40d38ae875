"""What learns between two frozen encoders: token projectors (arXiv 2409.19425)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_FIRST_SCALE = 1 / 0.07  # of cosines (CLIP, arXiv 2103.00020)


class TokenProjector(nn.Module):
    """P(x) = A n + B gelu(C n) with n = layernorm(x): a linear map, and beside it a perceptron of one hidden layer.

    The paper's "token projector", which it takes for local tokens and class tokens alike; biases are left out of the
    formula. Its code drops a tenth of n while it learns, which is left out here: training runs as evaluation does.
    """

    def __init__(self, width: int, projected: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.straight = nn.Linear(width, projected)
        self.bent = nn.Sequential(nn.Linear(width, projected), nn.GELU(), nn.Linear(projected, projected))

    def forward(self, tokens: Tensor) -> Tensor:
        """Project tokens: ... x width to ... x projected."""
        normed = self.norm(tokens)
        projected: Tensor = self.straight(normed) + self.bent(normed)
        return projected


class Head(nn.Module):
    """layernorm(h + B gelu(h)) with h = A x: what the paper's code has behind the mean of a text's projected tokens."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second, self.norm = nn.Linear(width, width), nn.Linear(width, width), nn.LayerNorm(width)

    def forward(self, vectors: Tensor) -> Tensor:
        """Turn vectors into others of the same width."""
        first = self.first(vectors)
        turned: Tensor = self.norm(first + self.second(F.gelu(first)))
        return turned


class Projectors(nn.Module):
    """The learned part of a dual encoder: features of frozen encoders in, vectors of one space out.

    A picture is P(first) + mean of P'(cells): that of its class token (or of the mean of all places), and the mean of
    those of its cells. A text is Head(mean of P''(tokens)). This is the paper's best combination, that of its
    released configuration (DINOv2 with All-Roberta-Large).
    """

    def __init__(self, vision_width: int, text_width: int, width: int, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.whole = TokenProjector(vision_width, width)
            self.parts = TokenProjector(vision_width, width)
            self.words = TokenProjector(text_width, width)
            self.said = Head(width)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(_FIRST_SCALE)))

    def pictures(self, features: Tensor) -> Tensor:
        """Project rows x (1 + cells) x vision width to rows x width."""
        features = features.float()
        parts: Tensor = self.parts(features[:, 1:])
        projected: Tensor = self.whole(features[:, 0]) + parts.mean(1)
        return projected

    def captions(self, features: Tensor) -> Tensor:
        """Project rows x length x (text width + 1), whose last number is 1 where there is a token, to rows x width."""
        features = features.float()
        states, there = features[..., :-1], features[..., -1:]
        mean = (self.words(states) * there).sum(1) / there.sum(1).clamp(min=1)
        projected: Tensor = self.said(mean)
        return projected
