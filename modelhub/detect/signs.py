"""Signs: what in a tensor's name tells a network apart. One row a sign; rows have no order.

Patterns are plain pieces of the name in its one spelling (see names.py): `^` binds to the start of the name after its
component prefix, `$` to the end, `#` is a counting number. A sign's group is the word before its colon.
"""

from __future__ import annotations

from dataclasses import dataclass

NET = ("", "net")
CTRL = ("", "control", "net")
TEXT = ("", "te", "te2", "te3")
VAE = ("", "vae")
BARE = ("",)
Probes = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign. `network`: a plain tensor with it belongs to a whole network, not to a delta."""

    name: str
    patterns: tuple[str, ...]
    spaces: tuple[str, ...] = NET
    probes: Probes = ()
    plain: bool | None = None

    def fits(self, space: str, skeleton: str, delta: bool) -> bool:
        """Whether a name carries this sign."""
        if space not in self.spaces or (self.plain is not None and self.plain == delta):
            return False
        return any(_matches(p, skeleton) for p in self.patterns)


def _matches(pattern: str, skeleton: str) -> bool:
    start, end = pattern[0] == "^", pattern[-1] == "$"
    core = pattern[start : len(pattern) - end]
    if start and end:
        return skeleton == core
    if start:
        return skeleton.startswith(core)
    return skeleton.endswith(core) if end else core in skeleton


def _net(name: str, *patterns: str, probes: Probes = ()) -> Sign:
    return Sign(name, patterns, NET, probes)


_HIDDEN: Probes = (("hidden", "in"),)

# Transformers. The first word is the family's name in architectures.py.
TRANSFORMERS = (
    _net("bfl:double", "double_blocks_#_img_", "double_blocks_#_txt_", "double_blocks_#_processor_"),
    _net("bfl:single", "single_blocks_#_linear", "single_blocks_#_modulation", "single_blocks_#_processor_"),
    _net("bfl:modulation", "double_blocks_#_img_mod_", "double_blocks_#_txt_mod_", "single_blocks_#_modulation_"),
    _net(
        "bfl:hidden",
        "double_blocks_#_img_attn_qkv",
        "double_blocks_#_txt_attn_qkv",
        "single_blocks_#_linear1",
        "double_blocks_#_processor_qkv",
        probes=_HIDDEN,
    ),
    _net("bfl:qkv", "double_blocks_#_img_attn_qkv", "double_blocks_#_txt_attn_qkv", probes=(("bfl.qkv", "out"),)),
    _net("bfl:mlp", "double_blocks_#_img_mlp_0", "double_blocks_#_txt_mlp_0", "double_blocks_#_img_mlp_#", probes=()),
    _net("bfl:linear1", "single_blocks_#_linear1", probes=(("bfl.linear1", "out"),)),
    _net("bfl:linear2", "single_blocks_#_linear2", probes=(("bfl.linear2", "in"),)),
    _net("bfl:guidance", "guidance_in_"),
    _net("bfl:vector", "^vector_in_"),
    _net("flux2:modulation", "double_stream_modulation", "single_stream_modulation"),
    _net("flux2:fused", "single_transformer_blocks_#_attn_to_qkv_mlp_proj"),
    _net("chroma:guidance", "distilled_guidance_layer"),
    _net("chroma:nerf", "nerf_blocks_#", "nerf_final_layer"),
    _net("hunyuan-video:refiner", "individual_token_refiner", "token_refiner_refiner_blocks"),
    _net("hunyuan-video:names", "img_mod_linear", "img_mlp_fc#", "img_mlp_fc1", "txt_mlp_fc1", "img_attn_q_norm"),
    _net(
        "mmdit:single",
        "^single_transformer_blocks_#_attn_to_",
        "^single_transformer_blocks_#_proj_",
        "^single_transformer_blocks_#_norm_linear",
    ),
    _net(
        "mmdit:double",
        "^transformer_blocks_#_attn_",
        "^transformer_blocks_#_norm1_context",
        "^transformer_blocks_#_ff_context",
    ),
    _net(
        "mmdit:hidden",
        "^transformer_blocks_#_attn_to_q",
        "^transformer_blocks_#_attn_to_k",
        "^transformer_blocks_#_attn_to_v",
        "^transformer_blocks_#_attn_add_k_proj",
        "^transformer_blocks_#_attn_add_q_proj",
        "^transformer_blocks_#_attn_add_v_proj",
        "^transformer_blocks_#_attn_to_add_out",
        "^transformer_blocks_#_ff_net_#_proj",
        "^transformer_blocks_#_ff_context_net_#_proj",
        "^single_transformer_blocks_#_attn_to_q",
        "^single_transformer_blocks_#_attn_to_k",
        "^single_transformer_blocks_#_attn_to_v",
        "^single_transformer_blocks_#_proj_mlp",
        "^single_transformer_blocks_#_norm_linear",
        probes=_HIDDEN,
    ),
    _net("flux:in", "^img_in_weight", "^img_in$", "^x_embedder_weight", "^x_embedder$", probes=(("flux.in", "in"),)),
    _net("mmdit:embedder", "^time_text_embed_timestep"),
    _net("mmdit:guidance", "time_text_embed_guidance_embedder"),
    _net("sd3:joint", "joint_blocks_#_x_block", "joint_blocks_#_context_block"),
    _net("sd3:hidden", "joint_blocks_#_x_block_attn_qkv", "joint_blocks_#_context_block_attn_qkv", probes=_HIDDEN),
    _net("sd3:attn2", "joint_blocks_#_x_block_attn2", "^transformer_blocks_#_attn2_add"),
    _net(
        "qwen:mod",
        "transformer_blocks_#_img_mod_#",
        "transformer_blocks_#_txt_mod_#",
        "transformer_blocks_#_img_mlp_net",
        "transformer_blocks_#_txt_mlp_net",
    ),
    _net("auraflow:joint", "joint_transformer_blocks_#"),
    _net("auraflow:original", "double_layers_#_attn_w", "single_layers_#_attn_w"),
    _net("dit:attn1", "^transformer_blocks_#_attn1_", "^transformer_blocks_#_attn2_"),
    _net(
        "dit:hidden",
        "^transformer_blocks_#_attn1_to_q",
        "^transformer_blocks_#_attn1_to_k",
        "^transformer_blocks_#_attn1_to_v",
        "^transformer_blocks_#_attn2_to_q",
        probes=_HIDDEN,
    ),
    _net("dit:linear-conv", "^transformer_blocks_#_ff_conv_inverted"),
    _net("dit:cogvideo", "^patch_embed_text_proj", "^transformer_blocks_#_norm1_norm_"),
    _net("ltx:original", "^patchify_proj"),
    _net("pixart:original", "cross_attn_kv_linear", "cross_attn_q_linear", "csize_embedder_", "ar_embedder_"),
    _net("pixart:hidden", "blocks_#_cross_attn_q_linear", probes=_HIDDEN),
    _net("pixart:micro", "csize_embedder_", "ar_embedder_", "adaln_single_emb_resolution_embedder"),
    _net("hunyuan-dit:original", "attn1_Wqkv", "attn2_kv_proj", "attn2_q_proj", "mlp_t5_"),
    _net("hunyuan-dit:diffusers", "^time_extra_emb_pooler", "^text_embedding_padding"),
    _net(
        "lumina:blocks",
        "context_refiner_#_attention",
        "noise_refiner_#_attention",
        "layers_#_attention_qkv",
        "layers_#_attention_to_q",
        "layers_#_attention_to_k",
        "layers_#_attention_to_v",
        "layers_#_adaLN_modulation",
    ),
    _net(
        "lumina:hidden",
        "layers_#_attention_qkv",
        "layers_#_attention_to_q",
        "layers_#_attention_to_k",
        "layers_#_attention_to_v",
        "refiner_#_attention_qkv",
        probes=_HIDDEN,
    ),
    _net(
        "wan:blocks",
        "^blocks_#_self_attn_q$",
        "^blocks_#_self_attn_q_weight",
        "^blocks_#_cross_attn_k$",
        "^blocks_#_cross_attn_q$",
        "^blocks_#_self_attn_k$",
        "^blocks_#_self_attn_v$",
        "^blocks_#_self_attn_o$",
        "^blocks_#_cross_attn_v$",
        "^blocks_#_cross_attn_o$",
        "^blocks_#_ffn_#",
        "^condition_embedder_time_proj",
        "^blocks_#_ffn_net",
    ),
    _net(
        "wan:hidden",
        "^blocks_#_self_attn_q",
        "^blocks_#_cross_attn_q",
        "^blocks_#_ffn_0",
        "^blocks_#_self_attn_k",
        "^blocks_#_self_attn_v",
        "^blocks_#_self_attn_o",
        probes=_HIDDEN,
    ),
    _net(
        "cosmos:blocks",
        "blocks_#_self_attn_q_proj",
        "blocks_#_self_attn_k_proj",
        "blocks_#_self_attn_v_proj",
        "blocks_#_self_attn_output_proj",
        "blocks_#_cross_attn_k_proj",
        "blocks_#_cross_attn_q_proj",
        "blocks_#_cross_attn_v_proj",
        "blocks_#_cross_attn_output_proj",
        "blocks_#_adaln_modulation_self_attn",
        "blocks_#_mlp_layer#",
        "blocks_#_mlp_layer1",
        "blocks_#_mlp_layer2",
    ),
    _net("cosmos:hidden", "^blocks_#_self_attn_q_proj", "^blocks_#_cross_attn_q_proj", probes=_HIDDEN),
    _net("anima:adapter", "llm_adapter_"),
    _net(
        "krea2:blocks",
        "^blocks_#_attn_wq",
        "^blocks_#_attn_wk",
        "^blocks_#_attn_wv",
        "^blocks_#_attn_wo",
        "^blocks_#_attn_gate",
    ),
    _net("krea2:hidden", "^blocks_#_attn_wq", "^blocks_#_attn_wk", "^blocks_#_attn_wv", probes=_HIDDEN),
    _net("hidream:blocks", "double_stream_blocks_#_block", "single_stream_blocks_#_block"),
    _net("mochi:blocks", "^t5_yproj", "^blocks_#_attn_qkv_x", "^blocks_#_attn_qkv_y"),
    _net("cascade:c", "^clip_txt_pooled_mapper", "^clip_img_mapper"),
    _net("cascade:b", "^effnet_mapper"),
    _net(
        "cascade:blocks",
        "^down_blocks_#_#_channelwise",
        "^up_blocks_#_#_channelwise",
        "^down_blocks_#_#_attention_",
        "^up_blocks_#_#_attention_",
        "^down_blocks_#_#_mapper",
        "^up_blocks_#_#_mapper",
    ),
)

# Extras of UNets.
UNETS = (
    _net("svd:time", "_time_stack_", "_time_mixer", "_temporal_transformer_blocks_", "_temporal_res_block_"),
    _net("kolors:hid", "^encoder_hid_proj_weight", "^encoder_hid_proj$"),
    _net("kandinsky:image", "^add_embedding_image_", "^encoder_hid_proj_image_embeds", "^encoder_hid_proj_norm"),
    _net("if:added", "_attn_add_k_proj_weight$", "^add_embedding_pool"),
    Sign("prediction:v", ("^v_pred$",), ("", "net")),
    Sign("prediction:ztsnr", ("^ztsnr$",), ("", "net")),
    Sign("prediction:edm", ("^edm_mean", "^edm_std")),
    Sign("prediction:edm-v", ("^edm_vpred_sigma",)),
)

CONTROL = (
    Sign("control:ldm", ("^zero_convs_#", "^input_hint_block_#", "^middle_block_out_#"), CTRL),
    Sign("control:diffusers", ("^controlnet_cond_embedding", "^controlnet_down_blocks", "^controlnet_mid_block"), CTRL),
    Sign(
        "control:transformer",
        (
            "^controlnet_blocks_#",
            "^controlnet_single_blocks_#",
            "^controlnet_x_embedder",
            "^pos_embed_input",
            "^controlnet_transformer_blocks",
        ),
        CTRL,
    ),
    Sign("control:lora", ("^lora_controlnet$",), CTRL),
    Sign("control:lllite", ("^lllite_",), CTRL),
    Sign("control:xs", ("^control_to_base_", "^ctrl_to_base"), CTRL),
    Sign("control:union", ("^controlnet_mode_embedder", "^control_add_embedding", "^task_embedding"), CTRL),
    Sign("control:hint8", ("^input_hint_block_#",), CTRL),
)

ADAPTERS = (
    Sign("ip:image", ("^image_proj_", "^ip_adapter_proj_model"), BARE),
    Sign("ip:plus", ("^image_proj_latents", "^image_proj_perceiver"), BARE),
    Sign("ip:attention", ("^ip_adapter_#",), BARE),
    Sign("ip:context", ("^ip_adapter_#_to_k_ip",), BARE, (("context", "in"),)),
    Sign("ip:flux", ("ip_adapter_double_stream",), NET),
    Sign("ip:lora", ("^ip_adapter_#_to_q", "^ip_adapter_#_to_k"), BARE, plain=False),
    Sign("t2i:body", ("^body_#_block#", "^body_#_block1", "^body_#_in_conv", "^adapter_body_#"), BARE),
    Sign("t2i:style", ("^style_embedding$", "^transformer_layes_#"), BARE),
    Sign("motion:modules", ("_motion_modules_#", "^motion_modules_#"), NET),
    Sign("motion:frames", ("_pos_encoder_pe$",), NET, (("frames", "in"),)),
)

TEXT_ENCODERS = (
    Sign("te:clip", ("text_model_encoder_layers_#",), TEXT),
    Sign(
        "te:width",
        (
            "text_model_encoder_layers_#_self_attn_k_proj",
            "text_model_encoder_layers_#_self_attn_q_proj",
            "text_model_encoder_layers_#_self_attn_v_proj",
            "text_model_encoder_layers_#_self_attn_out_proj",
        ),
        TEXT,
        (("{space}.width", "in"), ("{space}.width", "out")),
    ),
    Sign("te:width", ("text_model_encoder_layers_#_mlp_fc1",), TEXT, (("{space}.width", "in"),)),
    Sign("te:width", ("text_model_encoder_layers_#_mlp_fc2",), TEXT, (("{space}.width", "out"),)),
    Sign("te:clip-old", ("^encoder_layers_#_self_attn",), ("te", "te2")),
    Sign("te:clip-old", ("^embeddings_token_embedding",), TEXT),
    Sign("te:openclip", ("^resblocks_#_", "^transformer_resblocks_#_"), TEXT),
    Sign(
        "te:openclip-width",
        ("^resblocks_#_ln_1_weight", "^transformer_resblocks_#_ln_1_weight"),
        TEXT,
        (("{space}.width", "rows"),),
    ),
    Sign("te:t5", ("encoder_block_#_layer_#", "^enc_blk_#_attn"), TEXT),
    Sign("te:t5-width", ("encoder_block_#_layer_#_SelfAttention_q",), TEXT, (("{space}.width", "in"),)),
    Sign(
        "te:llm",
        (
            "^layers_#_self_attn_q_proj",
            "^model_layers_#_self_attn_q_proj",
            "^language_model_layers_#",
            "^language_model_model_layers_#",
            "^model_language_model_layers_#",
            "^blk_#_attn_q",
        ),
        TEXT,
    ),
    Sign(
        "te:llm-width",
        (
            "^layers_#_self_attn_q_proj_weight",
            "^model_layers_#_self_attn_q_proj_weight",
            "^language_model_layers_#_self_attn_q_proj_weight",
        ),
        TEXT,
        (("{space}.width", "in"),),
    ),
    Sign("te:visual", ("^visual_blocks_#", "^model_visual_blocks_#"), TEXT),
    Sign(
        "vision:clip",
        ("^vision_model_encoder_layers_#", "^visual_transformer_resblocks_#", "^embeddings_patch_embedding"),
        ("", "vision"),
    ),
    Sign("vision:dino", ("^encoder_layer_#_attention_attention", "^dinov2_"), ("", "vision")),
)

VAES = (
    Sign(
        "vae:ldm",
        ("^decoder_up_#_block_#", "^encoder_down_#_block_#", "^decoder_mid_block_", "^encoder_mid_block_"),
        VAE,
    ),
    Sign(
        "vae:diffusers",
        (
            "^decoder_up_blocks_#_resnets",
            "^encoder_down_blocks_#_resnets",
            "^decoder_mid_block_resnets",
            "^encoder_mid_block_resnets",
        ),
        VAE,
    ),
    Sign("vae:latent", ("^decoder_conv_in_weight$",), VAE, (("latent", "in"),)),
    Sign("vae:wide", ("^decoder_conv_in_weight$",), VAE, (("vae.width", "out"),)),
    Sign("vae:temporal", ("_time_stack_", "_time_conv_out", "_temporal_res_block_", "decoder_conv_out_time_mix"), VAE),
    Sign("vae:norm-latent", ("^bn_running_mean$",), VAE),
    Sign(
        "vae:wan",
        (
            "^decoder_middle_#_residual",
            "^decoder_upsamples_#_",
            "^encoder_downsamples_#_",
            "^decoder_up_blocks_#_upsamplers_#_resample",
        ),
        VAE,
    ),
    Sign("vae:ltx", ("^per_channel_statistics_", "_res_blocks_#_conv#_conv", "_res_blocks_#_conv1_conv"), VAE),
    Sign("vae:dc", ("^encoder_stages_#_", "^decoder_stages_#_"), VAE),
    Sign("vae:vq", ("^vquantizer_", "^quantize_embedding"), VAE),
    Sign("vae:quant", ("^quant_conv_", "^post_quant_conv_"), VAE),
    Sign("vae:tiny", ("^encoder_layers_#_conv_#", "^decoder_layers_#_conv_#"), VAE),
    Sign("approx:tiny", ("^#_conv_#_weight$",), BARE),
)

UPSCALERS = (
    Sign("upscaler:esrgan", ("^RRDB_trunk_#_RDB", "^model_#_sub_#_RDB", "^model_#_sub_#_rdb"), BARE),
    Sign("upscaler:realesrgan", ("^body_#_rdb",), BARE),
    Sign("upscaler:compact", ("^body_#_weight$",), BARE),
    Sign("upscaler:swinir", ("_residual_group_blocks_#_attn_relative", "_residual_group_blocks_#_norm"), BARE),
    Sign("upscaler:hat", ("_residual_group_blocks_#_conv_block", "_residual_group_overlap_attn"), BARE),
    Sign("upscaler:dat", ("^layers_#_blocks_#_attn_attns", "^before_RG_"), BARE),
    Sign("upscaler:omnisr", ("^residual_layer_#_residual_layer",), BARE),
    Sign("upscaler:span", ("^block_#_c1_r_",), BARE),
    Sign("upscaler:scunet", ("^m_down#_#", "^m_down1_#"), BARE),
    Sign("upscaler:cugan", ("^unet1_conv", "^unet2_conv"), BARE),
    Sign("upscaler:plksr", ("^feats_#_lk_", "^feats_#_channe_mixer"), BARE),
)

OTHERS = (
    Sign("other:captioner", ("^text_decoder_bert_", "^text_decoder_cls"), BARE),
    Sign("other:latent", ("^latent_tensor$", "^latents$", "^latent_format_version"), BARE),
    Sign("other:redux", ("^redux_up_", "^redux_down_"), BARE),
    Sign("other:segmenter", ("^mask_decoder_", "^prompt_encoder_"), BARE),
    Sign("other:optimizer", ("^state_#_exp_avg", "^exp_avg", "^state_#_step"), BARE),
    Sign("other:photomaker", ("^id_encoder_", "^id_adapter_", "^pulid_"), BARE),
    Sign("other:face", ("^stylegan_decoder_", "^retina", "^arc_face"), BARE),
    Sign("other:detector", ("^model_#_m_#_cv#", "^model_#_cv#_conv"), BARE),
)

SIGNS = (
    *TRANSFORMERS,
    *UNETS,
    *CONTROL,
    *ADAPTERS,
    *TEXT_ENCODERS,
    *VAES,
    *UPSCALERS,
    *OTHERS,
)

# Groups whose plain tensors mean that a whole denoising network is in the file.
NETWORK_GROUPS = frozenset(
    {
        "bfl",
        "flux2",
        "chroma",
        "hunyuan-video",
        "mmdit",
        "sd3",
        "qwen",
        "auraflow",
        "dit",
        "pixart",
        "hunyuan-dit",
        "lumina",
        "wan",
        "cosmos",
        "anima",
        "krea2",
        "hidream",
        "mochi",
        "cascade",
        "ltx",
    }
)
