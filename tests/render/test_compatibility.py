"""An adapter fits the bases whose widths agree with its own."""

from __future__ import annotations

import pytest

from modelhub.domain import Detection, Format, ModelType
from modelhub.formats.header import Header, TensorInfo
from modelhub.render.compatibility import Interface, fits, read_interface

CROSS = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
TOKENS = "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"
TOKENS_2 = "conditioner.embedders.1.model.token_embedding.weight"
DECODER = "first_stage_model.decoder.conv_in.weight"
LORA = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
LORA_TEXT = "lora_te_text_model_encoder_layers_0_self_attn_q_proj"


def interface(type_: ModelType, shapes: dict[str, tuple[int, ...]], architecture: str | None = None) -> Interface:
    """Return the interface of a header with these shapes."""
    header = Header(format=Format.SAFETENSORS, size=1, tensors={n: TensorInfo("F16", s) for n, s in shapes.items()})
    return read_interface(header, Detection(type=type_, architecture=architecture))


def base(context: int, *texts: int) -> Interface:
    """Return the interface of a base with these widths."""
    shapes = {CROSS: (320, context), DECODER: (512, 4, 3, 3)}
    return interface(
        ModelType.BASE, shapes | {name: (49408, w) for name, w in zip((TOKENS, TOKENS_2), texts, strict=False)}
    )


SD1, SD2, SDXL = base(768, 768), base(1024, 1024), base(2048, 768, 1280)


@pytest.mark.parametrize(
    ("adapter", "wanted"),
    [
        (interface(ModelType.LORA, {f"{LORA}.lora_down.weight": (4, 768)}), (True, False, False)),
        (interface(ModelType.LORA, {f"{LORA}.lora_down.weight": (4, 2048)}), (False, False, True)),
        (interface(ModelType.LORA, {"unet.x.attn2.to_k.lora_A.weight": (4, 1024)}), (False, True, False)),
        (interface(ModelType.LORA, {f"{LORA}.hada_w1_b": (4, 768)}), (True, False, False)),
        (interface(ModelType.LORA, {f"{LORA_TEXT}.lora_down.weight": (4, 1024)}), (False, True, False)),
        (interface(ModelType.LORA, {"lora_unet_x.lokr_w1": (4, 4)}, "sd2"), (True, True, True)),
        (interface(ModelType.EMBEDDING, {"emb_params": (2, 768)}), (True, False, False)),
        (interface(ModelType.EMBEDDING, {"clip_g": (2, 1280), "clip_l": (2, 768)}), (False, False, True)),
        (interface(ModelType.EMBEDDING, {"string_to_param.*": (2, 1024)}), (False, True, False)),
        (interface(ModelType.HYPERNETWORK, {"320.0.linear.0.weight": (9, 320), "768.0.linear.0.weight": (9, 768)}),
         (True, False, False)),
        (interface(ModelType.VAE, {"decoder.conv_in.weight": (512, 4, 3, 3)}), (True, True, True)),
        (interface(ModelType.VAE, {"decoder.conv_in.weight": (512, 16, 3, 3)}), (False, False, False)),
    ],
)  # fmt: skip
def test_an_adapter_fits_bases_of_its_width(adapter: Interface, wanted: tuple[bool, bool, bool]) -> None:
    """Each adapter fits those of SD1, SD2 and SDXL that have its width."""
    assert tuple(fits(adapter, base) for base in (SD1, SD2, SDXL)) == wanted


def test_the_architecture_decides_where_shapes_show_no_width() -> None:
    """A LoRA of factored parts fits the bases of its architecture."""
    adapter = interface(ModelType.LORA, {"lora_unet_x.lokr_w1": (4, 4)}, "sdxl")
    assert fits(adapter, interface(ModelType.BASE, {}, "sdxl"))
    assert not fits(adapter, interface(ModelType.BASE, {}, "sd1"))


def test_ema_copies_of_the_weights_are_ignored() -> None:
    """EMA weights have the same names behind another prefix, and do not count."""
    shapes = {"model_ema.diffusion_model.x.attn2.to_k.weight": (320, 5), CROSS: (320, 768)}
    assert interface(ModelType.BASE, shapes).contexts == {768}
