"""The table of signs, one row per sign; rows have no order (see rows.py)."""

from __future__ import annotations

from modelhub.detect.rules.rows import BARE, CTRL, NET, TEXT, VAE, Sign
from modelhub.detect.rules.transformer_signs import TRANSFORMER_SIGNS, UNET_SIGNS

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
        (("{component}.width", "in"), ("{component}.width", "out")),
    ),
    Sign("te:width", ("text_model_encoder_layers_#_mlp_fc1",), TEXT, (("{component}.width", "in"),)),
    Sign("te:width", ("text_model_encoder_layers_#_mlp_fc2",), TEXT, (("{component}.width", "out"),)),
    Sign("te:clip-old", ("^encoder_layers_#_self_attn",), ("te", "te2")),
    Sign("te:clip-old", ("^embeddings_token_embedding",), TEXT),
    Sign("te:openclip", ("^resblocks_#_", "^transformer_resblocks_#_"), TEXT),
    Sign(
        "te:openclip-width",
        ("^resblocks_#_ln_1_weight", "^transformer_resblocks_#_ln_1_weight"),
        TEXT,
        (("{component}.width", "rows"),),
    ),
    Sign("te:t5", ("encoder_block_#_layer_#", "^enc_blk_#_attn"), TEXT),
    Sign("te:t5-width", ("encoder_block_#_layer_#_SelfAttention_q",), TEXT, (("{component}.width", "in"),)),
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
        (("{component}.width", "in"),),
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
    *TRANSFORMER_SIGNS,
    *UNET_SIGNS,
    *CONTROL,
    *ADAPTERS,
    *TEXT_ENCODERS,
    *VAES,
    *UPSCALERS,
    *OTHERS,
)
