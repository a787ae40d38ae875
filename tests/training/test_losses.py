"""Each loss: its value on a case computed by hand, the sign of its gradient, and what it leaves alone."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from schemas.operations import OPERATIONS
from tests.training.vectors import at, encoded
from training.encoded import Encoded
from training.losses import LOSSES, Loss
from training.losses.ce_clip import CECLIP, adapted, intra_modal, ranking
from training.losses.contrastive import Contrastive
from training.losses.differences import Differences
from training.losses.distillation import Distillation
from training.losses.eqsim import EqSim, equivariance, symmetry
from training.losses.grouped import Grouped
from training.losses.negclip import NegCLIP
from training.losses.own_negatives import OwnNegatives, focal
from training.losses.paraphrases import Paraphrases, apart, distance
from training.losses.triplet_clip import TripletCLIP

NONE = torch.zeros(len(OPERATIONS))


def turned(degrees: float) -> float:
    """The cosine of an angle."""
    return math.cos(math.radians(degrees))


def entropy(right: float, *wrong: float) -> float:
    """-log of the share of `right` in a softmax."""
    return math.log(sum(math.exp(one) for one in (right, *wrong))) - right


def whole(**more: object) -> Encoded:
    """One minimal pair: image at 0 degrees, caption at 10, wrong caption at 60, edited picture at 90."""
    return encoded(at(0), at(10), at(60)[:, None], edits=at(90), **more)  # type: ignore[arg-type]


def slope(loss: Loss, batch: Encoded, name: str) -> Tensor:
    """How a loss changes with some vectors of a batch."""
    leaf = getattr(batch, name).clone().requires_grad_()
    loss(batch.with_parts({name: leaf})).backward()  # type: ignore[no-untyped-call]
    assert leaf.grad is not None
    return leaf.grad


def nearer(loss: Loss, batch: Encoded, name: str, to: Tensor, than: Tensor | float = 0.0) -> bool:
    """Whether a step down the loss brings some vectors nearer to others (or more so than to a second lot)."""
    gradient, own = slope(loss, batch, name), getattr(batch, name)
    assert gradient.abs().sum() > 0
    moved = torch.nn.functional.normalize(own - 1e-3 * gradient, dim=-1)
    return bool((((moved - own) * (to - than)).sum(-1) > 0).all())


def test_contrast_is_the_mean_of_both_directions() -> None:
    batch = encoded(at(0, 90), at(10, 70), at(40, 50)[:, None])
    to_caption = (entropy(turned(10), turned(70)) + entropy(turned(20), turned(80))) / 2
    to_image = (entropy(turned(10), turned(80)) + entropy(turned(20), turned(70))) / 2
    assert Contrastive()(batch).item() == pytest.approx((to_caption + to_image) / 2, abs=1e-6)
    assert nearer(Contrastive(), batch, "images", batch.captions, batch.captions.flip(0))


def test_negclip_has_a_column_for_every_negative_that_is_there() -> None:
    negatives = torch.stack([at(40, 50), torch.cat([at(30), torch.zeros(1, 2)])], 1)
    batch = encoded(at(0, 90), at(10, 70), negatives)
    to_caption = (
        entropy(turned(10), turned(70), turned(40), turned(50), turned(30))
        + entropy(turned(20), turned(80), turned(50), turned(40), turned(60))
    ) / 2
    to_image = (entropy(turned(10), turned(80)) + entropy(turned(20), turned(70))) / 2
    assert NegCLIP()(batch).item() == pytest.approx((to_caption + to_image) / 2, abs=1e-6)
    assert not nearer(NegCLIP(), encoded(at(0), at(10), at(20)[:, None]), "negatives", at(0)[:, None])


def test_grouped_holds_everything_of_the_pair_against_everything() -> None:
    to_caption = (entropy(turned(10), turned(60)) + entropy(turned(30), turned(80))) / 2
    to_picture = (entropy(turned(10), turned(80)) + entropy(turned(30), turned(60))) / 2
    assert Grouped()(whole()).item() == pytest.approx((to_caption + to_picture) / 2, abs=1e-6)


def test_grouped_holds_no_true_caption_against_an_edited_picture() -> None:
    batch = whole(still_true=torch.tensor([True]))
    to_caption = (entropy(turned(10), turned(60)) + 0) / 2
    to_picture = (0 + entropy(turned(30), turned(60))) / 2
    assert Grouped()(batch).item() == pytest.approx((to_caption + to_picture) / 2, abs=1e-6)


def test_grouped_without_pictures_is_negclip() -> None:
    batch = encoded(at(0, 90), at(10, 70), at(40, 50)[:, None])
    assert Grouped()(batch).item() == pytest.approx(NegCLIP()(batch).item(), abs=1e-6)


def test_cross_modal_ranking_asks_for_a_threshold() -> None:
    batch = encoded(at(0), at(10), torch.stack([at(60), at(20)], 1), scale=torch.tensor(5.0))
    hinges = [5 * turned(60) - 5 * turned(10), 5 * turned(20) - 5 * turned(10)]
    asked = NONE.clone()
    asked[0] = 0.5
    assert ranking(batch, asked).item() == pytest.approx(sum(max(0, 0.5 + one) for one in hinges) / 2, abs=1e-5)
    there = batch.with_parts({"has_negative": torch.tensor([[False, True]])})
    assert ranking(there, asked).item() == pytest.approx(0.5 + hinges[1], abs=1e-5), "what is not valid counts nowhere"


def test_thresholds_follow_the_gap_of_their_own_operation() -> None:
    kinds = torch.tensor([[0, 2]])
    batch = encoded(at(0), at(10), torch.stack([at(60), at(5)], 1), kinds=kinds, scale=torch.tensor(5.0))
    found = adapted(batch, NONE + 1)
    assert found[0].item() == pytest.approx(5 * (turned(10) - turned(60)), abs=1e-5)
    assert found[2].item() == 0, "no threshold asks for a wrong caption to be nearer"
    assert found[1].item() == 1, "what the batch has nothing of stays"
    CECLIP()(batch)
    assert batch.memory[f"ce_clip.threshold.{OPERATIONS[0]}"] == pytest.approx(found[0].item(), abs=1e-5)


def test_intra_modal_contrast_drives_a_caption_from_its_negatives() -> None:
    batch = encoded(at(0), at(10), torch.stack([at(60), at(20)], 1))
    assert intra_modal(batch).item() == pytest.approx(entropy(turned(10), turned(50), turned(10)), abs=1e-6)
    alone = CECLIP(ranking=0, intra_modal=1)
    # The image at 0 degrees: so that nothing but the negatives moves the caption beyond it.
    away = encoded(at(10), at(10), at(60)[:, None])
    assert not nearer(alone, away, "captions", at(60)), "the public code's head draws it there"


def test_equivariance_is_the_squared_difference_of_changes() -> None:
    s00, s01, s10, s11 = turned(10), turned(60), turned(80), turned(30)
    of_captions, of_images = (s00 - s01) - (s11 - s10), (s00 - s10) - (s11 - s01)
    assert equivariance(whole(), 0.0).item() == pytest.approx(of_captions**2 + of_images**2, abs=1e-6)
    assert equivariance(whole(), 1.0).item() == 0
    assert equivariance(whole(still_true=torch.tensor([True])), 0.0).item() == 0
    # Changes that are alike cost nothing: the second pair mirrors the first.
    mirrored = encoded(at(0), at(10), at(80)[:, None], edits=at(90))
    assert equivariance(mirrored, 0.0).item() == pytest.approx(0, abs=1e-6)


def test_eqsim_brings_the_smaller_change_up_and_the_larger_down() -> None:
    batch = whole()
    before = equivariance(batch, 0.0)
    gradient = slope(EqSim(easy=0), batch, "negatives")
    after = equivariance(batch.with_parts({"negatives": batch.negatives - 0.05 * gradient}), 0.0)
    assert after < before


def test_symmetry_is_of_all_pairs_of_a_batch() -> None:
    batch = encoded(at(0, 90), at(10, 70))
    assert symmetry(batch).item() == pytest.approx(2 * (turned(70) - turned(80)) ** 2 / 4, abs=1e-6)


def test_triplets_are_told_from_both_sides() -> None:
    first = (entropy(turned(10), turned(60)) + 0) / 2
    second = (entropy(turned(30), turned(80)) + 0) / 2
    assert TripletCLIP()(whole()).item() == pytest.approx(first + second, abs=1e-6)
    assert TripletCLIP()(whole(still_true=torch.tensor([True]))).item() == pytest.approx(first, abs=1e-6)


def test_focal_loss_by_hand() -> None:
    p = math.exp(1.0) / (math.exp(1.0) + math.exp(0.5))
    right, wrong, there = torch.tensor([1.0]), torch.tensor([[0.5, 9.0]]), torch.tensor([[True, False]])
    trusted = torch.ones(1)
    expected = -(0.98 * (1 - p) ** 2 * math.log(p) + 0.02 * p**2 * math.log(1 - p))
    assert focal(right, wrong, there, trusted, 2.0, 0.02).item() == pytest.approx(expected, abs=1e-6)
    assert focal(right, wrong, there, trusted, 0.0, 0.0).item() == pytest.approx(-math.log(p), abs=1e-6), (
        "cross entropy"
    )
    assert focal(right, wrong, torch.tensor([[False, False]]), trusted, 2.0, 0.02).item() == 0


def test_own_negatives_choose_in_all_four_directions() -> None:
    plain = OwnNegatives(gamma=0, smoothing=0)
    parts = [entropy(turned(10), turned(60)), entropy(turned(30), turned(80)), entropy(turned(10), turned(80)),
             entropy(turned(30), turned(60))]  # fmt: skip
    assert plain(whole()).item() == pytest.approx(sum(parts) / 4, abs=1e-6)
    # Of a caption that is true of both pictures only what truth decides is asked.
    still = plain(whole(still_true=torch.tensor([True]))).item()
    assert still == pytest.approx((parts[0] + parts[3]) / 4, abs=1e-6)
    text = encoded(at(0), at(10), at(60)[:, None])
    assert plain(text).item() == pytest.approx(parts[0], abs=1e-6)
    assert not nearer(OwnNegatives(), text, "images", at(60))


def test_own_negatives_hold_nothing_against_others() -> None:
    one = encoded(at(0), at(10), at(60)[:, None])
    two = encoded(at(0, 0), at(10, 10), at(60, 60)[:, None])
    assert OwnNegatives()(two).item() == pytest.approx(OwnNegatives()(one).item(), abs=1e-6)


def test_paraphrases_are_drawn_near_and_kept_from_negatives() -> None:
    batch = encoded(at(0), at(10), at(60)[:, None], paraphrases=at(30))
    assert distance(batch).item() == pytest.approx(2 - 2 * turned(20), abs=1e-6)
    assert apart(batch).item() == pytest.approx(entropy(turned(20), turned(50)), abs=1e-6)
    assert nearer(Paraphrases(), batch, "paraphrases", at(10))
    assert not nearer(Paraphrases(distance=0, apart=1), batch, "negatives", at(10)[:, None])


def test_a_difference_points_where_the_pictures_go() -> None:
    batch = encoded(at(0, 90), at(0, 90), at(60, 20)[:, None], edits=at(90, 180), differences=at(120, 200))
    # From 0 to 90 degrees the way points to 135, from 90 to 180 to 225.
    to_change = (entropy(turned(15), turned(105)) + entropy(turned(25), turned(65))) / 2
    to_words = (entropy(turned(15), turned(65)) + entropy(turned(25), turned(105))) / 2
    assert Differences()(batch).item() == pytest.approx((to_change + to_words) / 2, abs=1e-5)
    assert nearer(Differences(), batch, "differences", at(135, 225), at(225, 135))


def test_distillation_keeps_vectors_where_they_were() -> None:
    batch = encoded(at(0), at(10), taught_images=at(20), taught_captions=at(10))
    assert Distillation()(batch).item() == pytest.approx(2 - 2 * turned(20), abs=1e-6)
    assert nearer(Distillation(), batch, "images", at(20))


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_missing_gives_a_gradient_of_nothing(name: str) -> None:
    batch = encoded(at(0, 90), at(10, 70), taught_images=at(0, 90), taught_captions=at(10, 70))
    for part in ("images", "captions", "negatives", "edits", "paraphrases", "differences"):
        leaf = getattr(batch, part).clone().requires_grad_()
        loss = LOSSES[name]()(batch.with_parts({part: leaf}))
        assert torch.isfinite(loss)
        if loss.requires_grad:
            loss.backward()  # type: ignore[no-untyped-call]
            assert leaf.grad is None or torch.isfinite(leaf.grad).all()
            if part not in {"images", "captions"} and leaf.grad is not None:
                assert not leaf.grad.any(), part


def test_a_weight_is_of_a_row_and_its_gradient() -> None:
    trusted = encoded(at(0, 90), at(10, 70), at(60, 20)[:, None])
    doubted = trusted.with_parts({"weights": torch.tensor([1.0, 0.25])})
    # In what is of each row alone, a row's part and its gradient shrink by its weight, and the other's stay.
    before, after = (slope(OwnNegatives(), batch, "images") for batch in (trusted, doubted))
    assert torch.allclose(after, before * torch.tensor([[1.0], [0.25]]), atol=1e-7)
    assert before[1].abs().sum() > 0
    # ALIP: the mean over rows of weight x (CE(i2t) + CE(t2i)) / 2; others' weights raise nothing.
    rows = [
        (entropy(turned(10), turned(70)) + entropy(turned(10), turned(80))) / 2,
        (entropy(turned(20), turned(80)) + entropy(turned(20), turned(70))) / 2,
    ]
    assert Contrastive()(doubted).item() == pytest.approx((rows[0] + 0.25 * rows[1]) / 2, abs=1e-6)


@pytest.mark.parametrize("name", sorted(set(LOSSES) - {"paraphrases", "distillation"}))
def test_every_loss_about_pictures_and_captions_heeds_weights(name: str) -> None:
    batch = encoded(
        at(0, 90), at(10, 70), at(60, 20)[:, None], edits=at(80, 170), differences=at(120, 200),
        scale=torch.tensor(2.0),
    )  # fmt: skip
    loss = LOSSES[name](easy=0) if name == "eqsim" else LOSSES[name]()  # its easy pairs are of two rows
    whole_, half = (loss(replace(batch, weights=torch.full((2,), weight), memory={})).item() for weight in (1.0, 0.5))
    assert half == pytest.approx(whole_ / 2, rel=1e-5)
    assert whole_ != 0
