"""The miniature's networks: SD1's structure, every key of it, with small widths.

Where shapes do not tell, SD1's own choice holds (8 heads in the UNet, quick GELU, 12 text layers, epsilon prediction);
GroupNorm has as many groups as divide all widths, at most 32: 16 in the UNet, 8 in the VAE.
"""

from __future__ import annotations

import gzip
from pathlib import Path

from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

ROOT = Path(__file__).resolve().parents[2]
VOCABULARY = ROOT / "modelhub" / "render" / "data" / "bpe_simple_vocab_16e6.txt.gz"
SCALE = 0.18215
"""SD1's latent scale: the VAE is folded so that latents times this have unit variance."""

TEXT_WIDTH = 40
UNET_WIDTHS = (32, 48, 64, 64)
VAE_WIDTHS = (24, 40, 48, 48)
_MERGES = 49152 - 256 - 2


def make_unet() -> UNet2DConditionModel:
    """Build a UNet of SD1's structure: attention on three levels, two residual blocks each."""
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=4,
        out_channels=4,
        block_out_channels=UNET_WIDTHS,
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=8,
        norm_num_groups=16,
    )


def make_vae() -> AutoencoderKL:
    """Build a KL autoencoder of SD1's structure: factor 8, four latent channels."""
    return AutoencoderKL(
        sample_size=128,
        latent_channels=4,
        layers_per_block=2,
        block_out_channels=VAE_WIDTHS,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=8,
        scaling_factor=SCALE,
    )


def make_text_encoder() -> CLIPTextModel:
    """Build CLIP's text model with SD1's twelve layers and whole vocabulary."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=49408,
            hidden_size=TEXT_WIDTH,
            intermediate_size=4 * TEXT_WIDTH,
            num_hidden_layers=12,
            num_attention_heads=1,
            hidden_act="quick_gelu",
            bos_token_id=49406,
            eos_token_id=49407,
            pad_token_id=49407,
            projection_dim=TEXT_WIDTH,
        )
    )


def make_scheduler() -> DDIMScheduler:
    """Return SD1's noise schedule."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type="epsilon",
    )


def make_tokenizer() -> CLIPTokenizer:
    """Build CLIP's tokenizer from the packaged vocabulary."""
    lines = gzip.decompress(VOCABULARY.read_bytes()).decode("utf-8").split("\n")
    merges = [(first, second) for first, second in (line.split() for line in lines[1 : _MERGES + 1])]
    symbols = _byte_symbols()
    tokens = [*symbols, *(symbol + "</w>" for symbol in symbols), *("".join(pair) for pair in merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: at for at, token in enumerate(tokens)}, merges=merges, model_max_length=77)


def _byte_symbols() -> list[str]:
    """Return GPT-2's printable stand-ins for the 256 bytes, in its order."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(byte) for byte in shown] + [chr(256 + at) for at in range(len(hidden))]


def make_pipeline(*, vae: AutoencoderKL, unet: UNet2DConditionModel, text: CLIPTextModel) -> StableDiffusionPipeline:
    """Put the parts together as diffusers renders with them, without safety checker and hub."""
    pipe = StableDiffusionPipeline(
        vae=vae,
        unet=unet,
        text_encoder=text,
        tokenizer=make_tokenizer(),
        scheduler=make_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe
