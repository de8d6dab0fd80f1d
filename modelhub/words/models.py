"""The words for what a model is: its type, style, variant, precision and format.

The Chinese words are those of the community's guides and of the Chinese translations of A1111 and ComfyUI.
"""

from __future__ import annotations

from modelhub.words.row import Row, Rows

TYPES: Rows = (
    Row(
        "base",
        ("checkpoint", "ckpt", "model", "base model", "main model", "full checkpoint", "stable diffusion checkpoint"),
        ("大模型", "底模", "底模型", "主模型", "基础模型", "基底模型", "基模", "检查点"),
    ),
    Row(
        "vae",
        ("variational autoencoder", "autoencoder", "AutoencoderKL"),
        ("变分自编码器", "变分自动编码器", "美化模型", "外挂VAE"),
    ),
    Row(
        "lora",
        ("lycoris", "locon", "loha", "lokr", "dora", "low-rank adaptation", "LoRA network"),
        ("低秩适应",),
        ("小模型",),
    ),
    Row(
        "embedding",
        ("textual inversion", "TI", "textual inversion embedding"),
        ("嵌入", "嵌入式", "嵌入式模型", "嵌入向量", "词嵌入", "文本反转", "文本反演", "文本嵌入"),
    ),
    Row("hypernetwork", ("hypernet",), ("超网络", "超网路", "超網路", "超網絡")),
    Row("controlnet", ("CN",), ("控制网", "控制网络")),
    Row("t2i-adapter", ("T2I", "text-to-image adapter"), ("T2I适配器",)),
    Row("ip-adapter", ("IPA", "image prompt adapter"), ("IP适配器", "图像提示适配器")),
    Row(
        "upscaler",
        ("upscale", "ESRGAN", "super resolution"),
        ("放大", "放大器", "放大算法", "超分", "超分辨率", "高清放大"),
    ),
    Row("text-encoder", ("CLIP", "text encoders"), ("文本编码器", "文本编码")),
    Row("clip-vision", ("vision encoder", "image encoder"), ("CLIP视觉", "CLIP视觉编码器", "视觉编码器", "图像编码器")),
    Row("motion-module", ("AnimateDiff",), ("运动模块",)),
    Row("vae-approx", ("TAESD", "approximate VAE", "preview VAE"), ("近似VAE", "VAE近似")),
    Row("unet", ("diffusion model", "DiT"), (), ("transformer",)),
    Row("other", (), ("其他", "其它")),
    Row("unknown", ("unrecognized", "unidentified"), ("未知", "不明", "未识别")),
)

STYLES: Rows = (
    Row("official", ("original",), ("官方", "官方系", "官模", "原版")),
    Row(
        "anime",
        ("2D", "animation"),
        ("动漫", "動漫", "二次元", "动画", "動畫", "动漫系", "二次元系", "动漫风", "二次元风", "日漫"),
        ("manga", "cartoon", "comic", "漫画", "卡通"),
    ),
    Row(
        "realistic",
        ("real", "realism", "photo", "photos", "photorealistic", "photorealism", "photoreal", "photographic"),
        ("真实", "真實", "真实系", "写实", "寫實", "写实系", "真实风", "写实风", "真人", "三次元", "照片", "摄影"),
    ),
    # GuoFeng, a model in the Chinese style, is 2.5D; the Chinese style as such is not.
    Row(
        "2.5d",
        ("2.5", "semi-realistic", "half-realistic"),
        ("2.5次元", "二点五次元", "半写实", "2.5维"),
        ("国风", "古风", "中国风", "guofeng", "3D", "三维"),
    ),
    Row("unknown", (), ("未知", "不明")),
)

VARIANTS: Rows = (
    Row("full", ("unpruned", "training"), ("完整", "完整版", "未剪枝", "未修剪")),
    Row("pruned", (), ("剪枝", "剪枝版", "修剪", "修剪版")),
    Row("pruned-emaonly", ("emaonly", "only EMA"), ("仅EMA", "只有EMA", "仅含EMA"), ("ema",)),
    Row("pruned-noema", ("noema", "nonema", "without EMA", "pruned-nonema"), ("无EMA", "不含EMA", "非EMA")),
    Row("single", ("one set",), ("单组权重", "单一权重")),
    Row("ema-orphan"),
    Row("unknown", (), ("未知", "不明")),
)

# What `convert` can keep.
WEIGHT_SETS: Rows = (
    Row("emaonly", ("pruned-emaonly", "EMA", "only EMA"), ("仅EMA", "只有EMA", "仅含EMA")),
    Row("noema", ("nonema", "pruned-noema", "without EMA", "pruned-nonema"), ("无EMA", "不含EMA", "非EMA")),
    Row(
        "no-training-state",
        ("pruned", "without training state", "no optimizer"),
        ("剪枝", "剪枝版", "修剪", "修剪版"),
    ),
)

PRECISIONS: Rows = (
    Row("fp64", ("float64", "f64", "double", "double precision"), ("双精度",)),
    Row(
        "fp32",
        ("float32", "f32", "float", "full", "full precision", "single precision", "32 bit"),
        ("单精度", "全精度"),
    ),
    Row("fp16", ("float16", "f16", "half", "half precision", "16 bit"), ("半精度",)),
    Row("bf16", ("bfloat16", "bfloat", "brain float")),
    Row("fp8", ("float8", "f8", "fp8 e4m3", "fp8 e4m3fn", "fp8 e5m2", "e4m3", "e4m3fn", "e5m2"), (), ("8 bit",)),
    Row("fp4", ("float4", "f4"), (), ("4 bit",)),
    Row("int8", ("i8",)),
    Row("mixed", ("mixed precision",), ("混合", "混合精度")),
    Row("unknown", (), ("未知", "不明")),
)

FORMATS: Rows = (
    Row("safetensors", ("safetensor",)),
    Row("torch-zip", ("torch", "pytorch"), (), ("ckpt", "pt", "pth", "bin")),
    Row("torch-legacy", ("old torch",)),
    Row("pickle", ("pkl",)),
    Row("gguf"),
    Row("diffusers", ("diffusers folder",)),
    Row("unknown", (), ("未知", "不明")),
)

# The networks inside a file.
COMPONENTS: Rows = (
    Row("unet", ("diffusion model", "DiT"), (), ("transformer",)),
    Row("ema_unet", ("EMA",)),
    Row("vae", ("variational autoencoder", "autoencoder"), ("变分自编码器", "变分自动编码器", "美化模型")),
    Row("text_encoder", ("CLIP",), ("文本编码器",)),
    Row("text_encoder_2"),
    Row("text_encoder_3"),
    Row("controlnet", (), ("控制网", "控制网络")),
    Row("depth_model", ("depth",)),
    Row("image_encoder", ("clip vision",), ("图像编码器", "视觉编码器")),
    Row("safety_checker", (), ("安全检查器",)),
    Row("motion_modules", ("motion module",), ("运动模块",)),
    Row("lora"),
    Row("embedding", ("textual inversion",), ("嵌入", "文本反转")),
)

# What a network predicts.
PREDICTIONS: Rows = (
    Row("epsilon", ("eps", "eps prediction", "noise"), ("噪声预测",)),
    Row("v", ("v prediction", "v pred", "velocity"), ("v预测",)),
    Row("flow", ("flow matching", "rectified flow"), ("流匹配",)),
    Row("edm-v"),
)
