"""Models small enough for a test, in the very formats of the real ones."""

import json
from pathlib import Path
from typing import Any


def make_tiny_clip(folder: Path) -> str:
    """Save a dual encoder of a few thousand random weights; returns its `local-dir:` name."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
        "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
    }
    preprocess = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": preprocess}))
    torch.manual_seed(0)
    model = open_clip.CLIP(**config)
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return f"local-dir:{folder}"


def make_tiny_language_model(folder: Path) -> str:
    """Save a causal language model of random weights with a small tokenizer; returns its folder."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator(["A dog runs through the grass ."], trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(fast), **sizes)).save_pretrained(folder)
    return str(folder)


def make_tiny_inpainter(folder: Path, xl: bool = False, unsafe: bool = False) -> str:
    """Save a Stable Diffusion inpainting pipeline of random weights, 32x32 pixels; returns its folder.

    `xl` makes it one of Stable Diffusion XL; `unsafe` gives it a safety checker that rejects every picture.
    """
    import diffusers

    parts = _stable_diffusion_parts(9, xl)
    if xl:
        diffusers.StableDiffusionXLInpaintPipeline(**parts).save_pretrained(folder)
        return str(folder)
    checker, extractor = _tiny_safety_checker() if unsafe else (None, None)
    diffusers.StableDiffusionInpaintPipeline(
        **parts, safety_checker=checker, feature_extractor=extractor, requires_safety_checker=unsafe
    ).save_pretrained(folder)
    return str(folder)


def make_tiny_instructor(folder: Path, xl: bool = False) -> str:
    """Save an InstructPix2Pix pipeline of random weights, 32x32 pixels; returns its folder."""
    import diffusers

    parts = _stable_diffusion_parts(8, xl)
    if xl:
        diffusers.StableDiffusionXLInstructPix2PixPipeline(**parts).save_pretrained(folder)
        return str(folder)
    diffusers.StableDiffusionInstructPix2PixPipeline(
        **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    ).save_pretrained(folder)
    return str(folder)


def make_tiny_flux(folder: Path, kind: str) -> str:
    """Save a Flux pipeline of random weights, `Fill` or `Kontext`; returns its folder."""
    import diffusers
    import torch
    from transformers import CLIPTextModel, T5Config, T5EncoderModel

    torch.manual_seed(0)
    vae = diffusers.AutoencoderKL(
        **_VAE, latent_channels=4, use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.1, scaling_factor=0.4
    )
    latents = 4 * 4  # a pixel of packed latents is 2x2 of them
    transformer = diffusers.FluxTransformer2DModel(
        in_channels=latents + (latents + 4 * 2 * 2 if kind == "Fill" else 0), out_channels=latents,
        num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=32, pooled_projection_dim=32, axes_dims_rope=(4, 4, 8), guidance_embeds=True,
    )  # fmt: skip
    tokenizer = _tiny_tokenizer()
    t5 = T5Config(vocab_size=len(tokenizer), d_model=32, d_kv=16, d_ff=37, num_layers=1, num_heads=2)
    getattr(diffusers, f"Flux{kind}Pipeline")(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
        vae=vae,
        text_encoder=CLIPTextModel(_text_config(tokenizer)),
        tokenizer=tokenizer,
        text_encoder_2=T5EncoderModel(t5),
        tokenizer_2=tokenizer,
        transformer=transformer,
    ).save_pretrained(folder)
    return str(folder)


_VAE = {
    "block_out_channels": (8, 16),
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2,
    "norm_num_groups": 8,
    "sample_size": 32,
}  # fmt: skip


def _stable_diffusion_parts(channels: int, xl: bool) -> dict[str, Any]:
    import diffusers
    import torch
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    torch.manual_seed(0)
    tokenizer = _tiny_tokenizer()
    more: dict[str, Any] = {}
    if xl:
        more = {"addition_embed_type": "text_time", "addition_time_embed_dim": 8,
                "projection_class_embeddings_input_dim": 6 * 8 + 32}  # fmt: skip
    parts = {
        "vae": diffusers.AutoencoderKL(**_VAE, latent_channels=4),
        "unet": diffusers.UNet2DConditionModel(
            sample_size=16, in_channels=channels, out_channels=4, block_out_channels=(16, 32), layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=64 if xl else 32, attention_head_dim=2, norm_num_groups=8, **more,
        ),
        "scheduler": diffusers.EulerDiscreteScheduler(beta_schedule="scaled_linear", steps_offset=1),
        "text_encoder": CLIPTextModel(_text_config(tokenizer)),
        "tokenizer": tokenizer,
    }  # fmt: skip
    if xl:
        parts |= {"text_encoder_2": CLIPTextModelWithProjection(_text_config(tokenizer)), "tokenizer_2": tokenizer}
    return parts


def _text_config(tokenizer: Any) -> Any:
    from transformers import CLIPTextConfig

    return CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=37, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=77, projection_dim=32, hidden_act="gelu",
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip


def _tiny_tokenizer() -> Any:
    """A byte-level tokenizer that begins and ends a text as CLIP's does, of 77 tokens at most."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = ["<s>", "</s>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE({word: index for index, word in enumerate(words)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="</s>", model_max_length=77
    )


def _tiny_safety_checker() -> tuple[Any, Any]:
    import torch
    from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor

    sizes = {"hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = CLIPConfig(vision_config={**sizes, "image_size": 32, "patch_size": 16}, projection_dim=32)
    checker = StableDiffusionSafetyChecker(config)
    with torch.no_grad():
        checker.concept_embeds_weights.fill_(-1.0)  # any similarity is above this threshold
    size = {"height": 32, "width": 32}
    return checker, CLIPImageProcessor(size=size, crop_size=size)


def make_tiny_segmenter(folder: Path) -> str:
    """Save a CLIPSeg model of random weights; returns its folder."""
    import torch
    from transformers import CLIPSegConfig, CLIPSegForImageSegmentation, CLIPSegProcessor, ViTImageProcessor

    tokenizer = _tiny_tokenizer()
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 2}
    special = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = CLIPSegConfig(
        text_config={**sizes, **special, "vocab_size": len(tokenizer), "max_position_embeddings": 77},
        vision_config={**sizes, "image_size": 32, "patch_size": 8},
        projection_dim=16, reduce_dim=16, extract_layers=[0, 1, 2], decoder_num_attention_heads=2,
        decoder_intermediate_size=32,
    )  # fmt: skip
    torch.manual_seed(0)
    CLIPSegForImageSegmentation(config).save_pretrained(folder)
    pictures = ViTImageProcessor(size={"height": 32, "width": 32})
    CLIPSegProcessor(pictures, tokenizer).save_pretrained(folder)
    return str(folder)


def make_tiny_dual_encoder(folder: Path, kind: str) -> str:
    """Save a dual encoder of transformers of random weights, `clip`, `siglip` or `siglip2`; returns its folder."""
    import torch
    import transformers

    # transformers reads any tokenizer of a SigLIP 2 as one of Gemma's.
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *"abcdefghijklmnopqrstuvwxyz"]
    vocabulary = {token: n for n, token in enumerate(tokens)}
    tokenizer = transformers.Siglip2Tokenizer(vocab=vocabulary) if kind == "siglip2" else _tiny_tokenizer()
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    special = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id}
    text = {**sizes, **special, "vocab_size": len(tokenizer), "max_position_embeddings": 24}
    size = {"height": 32, "width": 32}
    torch.manual_seed(0)
    if kind == "clip":
        vision = {**sizes, "image_size": 32, "patch_size": 8}
        config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)
        model, pictures = transformers.CLIPModel(config), transformers.CLIPImageProcessor(size=size, crop_size=size)
    elif kind == "siglip":
        vision = {**sizes, "image_size": 32, "patch_size": 8}
        config = transformers.SiglipConfig(text_config=text, vision_config=vision)
        model, pictures = transformers.SiglipModel(config), transformers.SiglipImageProcessor(size=size)
    else:
        vision = {**sizes, "num_patches": 16, "patch_size": 8}
        config = transformers.Siglip2Config(text_config=text, vision_config=vision)
        model = transformers.Siglip2Model(config)
        pictures = transformers.Siglip2ImageProcessor(patch_size=8, max_num_patches=16)
    model.save_pretrained(folder)
    pictures.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def make_tiny_vision(folder: Path, kind: str) -> str:
    """Save an encoder of pictures of random weights, a `vit` or `convnet` of timm or one of transformers (`dinov2`);
    returns its folder."""
    import torch

    torch.manual_seed(0)
    if kind == "dinov2":
        from transformers import BitImageProcessor, Dinov2WithRegistersConfig, Dinov2WithRegistersModel

        sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "mlp_ratio": 2}
        config = Dinov2WithRegistersConfig(**sizes, image_size=32, patch_size=8, num_register_tokens=2)
        Dinov2WithRegistersModel(config).save_pretrained(folder)
        size = {"height": 32, "width": 32}
        BitImageProcessor(do_center_crop=False, size=size).save_pretrained(folder)
        return str(folder)
    import timm
    from timm.models import save_for_hf

    name = {"vit": "test_vit", "convnet": "test_resnet"}[kind]
    more = {"img_size": 32, "patch_size": 8} if kind == "vit" else {}
    model = timm.create_model(name, pretrained=False, num_classes=0, **more)
    model.pretrained_cfg |= {"input_size": (3, 32, 32), "num_classes": 0}
    save_for_hf(model, str(folder), model_args=more or None, safe_serialization=True)
    return str(folder)


def make_tiny_projectors(folder: Path) -> str:
    """Save projectors that have learned nothing between a tiny encoder of pictures and a language model, beside these;
    returns their folder."""
    from filters.projected.model import ProjectedModel
    from schemas.config import Compute
    from schemas.projected import Projected

    vision, text = make_tiny_clip(folder / "vision"), make_tiny_language_model(folder / "text")
    told = Projected(vision=vision, text=text, width=16, grid=2, context_length=24)
    model = ProjectedModel(told, Compute(device="cpu", dtype="float32"), 4)
    model.save(folder / "projectors", dict(model.untrained(0).state_dict()))
    return str(folder / "projectors")
