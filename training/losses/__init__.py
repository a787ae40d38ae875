"""What training makes small: one file a loss, and the list of them."""

from training.losses.ce_clip import CECLIP
from training.losses.contrastive import Contrastive
from training.losses.differences import Differences
from training.losses.distillation import Distillation
from training.losses.eqsim import EqSim
from training.losses.grouped import Grouped
from training.losses.loss import Loss
from training.losses.negclip import NegCLIP
from training.losses.own_negatives import OwnNegatives
from training.losses.paraphrases import Paraphrases
from training.losses.triplet_clip import TripletCLIP

__all__ = ["LOSSES", "Loss"]
LOSSES: dict[str, type[Loss]] = {
    "contrastive": Contrastive,
    "grouped": Grouped,
    "negclip": NegCLIP,
    "ce_clip": CECLIP,
    "eqsim": EqSim,
    "triplet_clip": TripletCLIP,
    "own_negatives": OwnNegatives,
    "paraphrases": Paraphrases,
    "differences": Differences,
    "distillation": Distillation,
}
