"""Train the small inpainting pipeline of the shapes world, a StableDiffusionInpaintPipeline in half precision.

    python -m models.train_inpaint

Three parts. The text encoder is the lower half of shapes-clip's, which has learned to read: it is taken as it is. The
VAE learns to draw pictures, whole ones and ones with a part hidden. The UNet learns to fill in what is hidden, so that
the caption is true of the whole; on the way it also says what each place will show, by a head that is thrown away.
Run again after an interruption, it goes on from its last checkpoint in `--work`.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionInpaintPipeline, UNet2DConditionModel
from safetensors.torch import load_file
from transformers import CLIPTextConfig, CLIPTextModel, PreTrainedTokenizerFast

from generators.shapes.world import ATTRIBUTES
from models.edits import Edits, kept_edits
from models.training import Course, rows_of

HERE = Path(__file__).resolve().parent
READER = HERE / "shapes-clip"
CONTEXT, WIDTH, LAYERS, HEADS = 40, 192, 3, 6  # of the text encoder: half the layers of its source
LATENTS, GRID = 4, 16  # channels, and places along a side; the pipeline takes no other number of channels
ROWS = 40_000
VAE_STEPS, VAE_BATCH = 1200, 32
UNET_STEPS, UNET_BATCH = 4500, 64
_CLASSES = [1 + len(values) for values in ATTRIBUTES.values()]  # of each patch


def make_vae() -> AutoencoderKL:
    """Build the autoencoder, 64x64 pixels to 16x16 latents: few channels where pictures are large, more where small."""
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(24, 56, 96),
        layers_per_block=1,
        latent_channels=LATENTS,
        norm_num_groups=8,
        sample_size=64,
        mid_block_add_attention=False,
    )


def make_unet() -> UNet2DConditionModel:
    """Build the denoiser: it sees noisy latents, the mask, and the latents of the picture with the part hidden."""
    return UNet2DConditionModel(
        sample_size=GRID,
        in_channels=2 * LATENTS + 1,
        out_channels=LATENTS,
        block_out_channels=(48, 96, 160),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
    )


def make_scheduler() -> DDIMScheduler:
    """Build the noise schedule: it ends in noise alone (arXiv 2305.08891), and latents are not clipped."""
    return DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        clip_sample=False,
        set_alpha_to_one=False,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )


def make_text_encoder() -> CLIPTextModel:
    """Take the token embeddings and the lower layers of shapes-clip's text tower, in the names of transformers."""
    config = CLIPTextConfig(
        vocab_size=512, hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, max_position_embeddings=CONTEXT, hidden_act="gelu", projection_dim=WIDTH,
        pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    encoder = CLIPTextModel(config)
    source = {name: value.float() for name, value in load_file(READER / "open_clip_model.safetensors").items()}
    taken = {
        "embeddings.token_embedding.weight": source["token_embedding.weight"],
        "embeddings.position_embedding.weight": source["positional_embedding"],
        "final_layer_norm.weight": torch.ones(WIDTH),
        "final_layer_norm.bias": torch.zeros(WIDTH),
    }
    for layer in range(LAYERS):
        theirs, ours = f"transformer.resblocks.{layer}.", f"encoder.layers.{layer}."
        for kind in ("weight", "bias"):
            for name, part in zip("qkv", source[f"{theirs}attn.in_proj_{kind}"].chunk(3), strict=True):
                taken[f"{ours}self_attn.{name}_proj.{kind}"] = part
            for new, old in (
                ("self_attn.out_proj", "attn.out_proj"),
                ("layer_norm1", "ln_1"),
                ("layer_norm2", "ln_2"),
                ("mlp.fc1", "mlp.c_fc"),
                ("mlp.fc2", "mlp.c_proj"),
            ):
                taken[f"{ours}{new}.{kind}"] = source[f"{theirs}{old}.{kind}"]
    prefix = "text_model." if any(name.startswith("text_model.") for name in encoder.state_dict()) else ""
    encoder.load_state_dict({prefix + name: value for name, value in taken.items()}, strict=False)
    return encoder.eval().requires_grad_(False)


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Take shapes-clip's tokenizer, which is told how long captions may be."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(READER)
    tokenizer.model_max_length = CONTEXT
    return tokenizer


class Drawing(torch.nn.Module):
    """The VAE, and a head that says from the latents what each place shows: so that they are easy to tell apart."""

    def __init__(self) -> None:
        super().__init__()
        self.vae = make_vae().to(memory_format=torch.channels_last)
        self.head = torch.nn.Conv2d(LATENTS, sum(_CLASSES), 2, stride=2)


def train_vae(edits: Edits, work: Path, until: int | None = None) -> AutoencoderKL:
    """Train the VAE to draw pictures again, things more exactly than backgrounds."""
    torch.manual_seed(0)
    drawing = Drawing()
    course = Course(drawing, VAE_STEPS, 2e-3, work / "shapes-inpaint-vae.pt", decay=0.0)
    for step in course.steps(until):
        rows = rows_of(len(edits), VAE_BATCH, step)
        pictures, masks = _pixels(edits.pictures[rows]), torch.from_numpy(edits.masks[rows])[:, None]
        labels = torch.from_numpy(edits.patches[rows]).long()
        hidden = torch.arange(len(rows))[:, None, None, None] % 4 == 0
        seen = torch.where(masks & hidden, 0.0, pictures).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            spread = drawing.vae.encode(seen).latent_dist
            noise = torch.randn(spread.mean.shape, generator=torch.Generator().manual_seed(step))
            drawn = drawing.vae.decode(spread.mean + spread.std * noise).sample.float()
            told = drawing.head(spread.mean).float().flatten(2)
        there = (labels[:, :, 0] > 0).float().reshape(-1, 1, 8, 8)
        weight = 1 + 3 * F.interpolate(there, scale_factor=8)
        wrong = drawn - seen
        loss = (weight * (wrong.abs() + wrong.square())).mean() + 1e-5 * spread.kl().mean() / 64
        course.learn(loss + 0.02 * _told_wrong(told[~hidden.flatten()], labels[~hidden.flatten()]).mean())
    return drawing.vae.eval()


class Filling(torch.nn.Module):
    """The UNet, and a head that says half-way what each place of the picture to come shows."""

    def __init__(self) -> None:
        super().__init__()
        self.unet = make_unet()
        self.head = torch.nn.Conv2d(160, sum(_CLASSES), 1)
        self.unet.up_blocks[0].register_forward_hook(self._keep)

    def _keep(self, _module: Any, _given: Any, found: torch.Tensor) -> None:
        self.half_way = found


def train_unet(lessons: dict[str, torch.Tensor], work: Path, until: int | None = None) -> UNet2DConditionModel:
    """Train the UNet to take the noise away, by its velocity (arXiv 2202.00512)."""
    torch.manual_seed(0)
    filling, scheduler = Filling(), make_scheduler()
    course = Course(filling, UNET_STEPS, 1e-3, work / "shapes-inpaint-unet.pt", decay=0.02)
    many = len(lessons["latents"])
    for step in course.steps(until):
        rows = torch.from_numpy(rows_of(many, UNET_BATCH, step))
        dice = torch.Generator().manual_seed(step)
        latents, mask = lessons["latents"][rows].float(), lessons["masks"][rows]
        noise = torch.randn(latents.shape, generator=dice)
        times = torch.randint(0, 1000, (len(rows),), generator=dice)
        silent = torch.rand(len(rows), generator=dice) < 0.1  # learns to draw without a caption too, for guidance
        words = lessons["words"][torch.where(silent, 0, 1 + rows)].float()
        noisy = scheduler.add_noise(latents, noise, times)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            given = torch.cat([noisy, mask, lessons["hidden"][rows].float()], 1)
            guess = filling.unet(given, times, words).sample
            told = filling.head(filling.half_way)
        weight = 0.1 + mask  # what is seen is put back anyway
        wrong = (guess.float() - scheduler.get_velocity(latents, noise, times)).square()
        told_wrong = _told_wrong(told.float().flatten(2), lessons["labels"][rows].long())
        coarse = F.max_pool2d(weight, 2).flatten(1)
        loss = (weight * wrong).sum() / (weight.sum() * LATENTS)
        course.learn(loss + 0.1 * (told_wrong * coarse).sum() / coarse.sum())
    return filling.unet.eval()


@torch.inference_mode()
def prepare(edits: Edits, vae: AutoencoderKL, text_encoder: CLIPTextModel, tokenizer: Any) -> dict[str, torch.Tensor]:
    """Encode pictures and captions once; row 0 of `words` is the empty caption."""
    parts: dict[str, list[torch.Tensor]] = {"latents": [], "hidden": [], "masks": []}
    for start in range(0, len(edits), 100):
        rows = slice(start, start + 100)
        pictures, masks = _pixels(edits.pictures[rows]), torch.from_numpy(edits.masks[rows])[:, None]
        for name, seen in (("latents", pictures), ("hidden", torch.where(masks, 0.0, pictures))):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                mean = vae.encode(seen).latent_dist.mean
            parts[name].append((mean.float() * vae.config["scaling_factor"]).half())
        parts["masks"].append(F.interpolate(masks.float(), size=(GRID, GRID)))
    captions = ["", *edits.captions.tolist()]
    words = []
    for start in range(0, len(captions), 200):
        tokens = tokenizer(captions[start : start + 200], padding="max_length", max_length=CONTEXT, truncation=True)
        words.append(text_encoder(torch.tensor(tokens["input_ids"]))[0].half())
    return {name: torch.cat(several) for name, several in parts.items()} | {
        "words": torch.cat(words),
        "labels": torch.from_numpy(edits.patches),
    }


@torch.inference_mode()
def set_scale(vae: AutoencoderKL, edits: Edits) -> None:
    """Let latents have a standard deviation of 1 after scaling."""
    latents = vae.encode(_pixels(edits.pictures[:500])).latent_dist.mean
    vae.register_to_config(scaling_factor=float(1 / latents.std()))


def _told_wrong(told: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of what is said of each patch: rows x patches."""
    parts = torch.split(told, _CLASSES, 1)
    losses = [F.cross_entropy(p, labels[:, :, k], reduction="none") for k, p in enumerate(parts)]
    return torch.stack(losses).sum(0)


def _pixels(pictures: Any) -> torch.Tensor:
    return torch.from_numpy(pictures).movedim(-1, 1).float() / 127.5 - 1


def main() -> None:
    """Read the command line and train."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--work", type=Path, default=HERE / "work", help="lessons and checkpoints rest here")
    arguments.add_argument("--out", type=Path, default=HERE / "shapes-inpaint")
    arguments.add_argument("--steps", type=int, help="stop the UNet after this step, to go on later")
    given = arguments.parse_args()
    edits = kept_edits(given.work, ROWS, seed=1)
    vae, text_encoder, tokenizer = train_vae(edits, given.work), make_text_encoder(), make_tokenizer()
    set_scale(vae, edits)
    unet = train_unet(prepare(edits, vae, text_encoder, tokenizer), given.work, given.steps)
    pipeline = StableDiffusionInpaintPipeline(
        vae=vae, text_encoder=text_encoder, tokenizer=tokenizer, unet=unet, scheduler=make_scheduler(),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipeline.to(dtype=torch.float16).save_pretrained(given.out, safe_serialization=True)


if __name__ == "__main__":
    main()
