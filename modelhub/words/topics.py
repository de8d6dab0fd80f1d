"""The words for the topics of `explain` that are not words of another kind."""

from __future__ import annotations

from modelhub.words.row import Row, Rows

TOPICS: Rows = (
    Row(
        "checkpoint",
        ("base", "model", "ckpt file", "base model"),
        ("大模型", "底模", "底模型", "主模型", "基础模型", "检查点"),
    ),
    Row("vae", ("variational autoencoder",), ("变分自编码器", "变分自动编码器", "美化模型", "外挂VAE")),
    Row("lora", ("low-rank adaptation",)),
    Row("embedding", ("textual inversion", "TI"), ("嵌入", "嵌入式", "词嵌入", "文本反转", "文本反演", "文本嵌入")),
    Row("hypernetwork", ("hypernet",), ("超网络", "超网路")),
    Row("pruned", ("pruning",), ("剪枝", "修剪")),
    Row("ema", (), ("指数移动平均", "滑动平均")),
    Row("pickle", ("pkl",)),
    Row("safetensors", ("safetensor",)),
    Row("style", ("styles",), ("风格", "画风")),
    Row("trigger", ("triggers", "trigger word", "trigger words", "activation"), ("触发词", "触发")),
)
