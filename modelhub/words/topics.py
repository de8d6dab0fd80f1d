"""The words for the topics of `explain` that are not words of another kind."""

from __future__ import annotations

from modelhub.words.row import Row, Rows

TOPICS: Rows = (
    Row(
        "checkpoint",
        ("base", "model", "ckpt file", "base model"),
        ("大模型", "底模", "底模型", "主模型", "基础模型", "检查点", "模型"),
    ),
    Row(
        "vae",
        ("variational autoencoder",),
        ("变分自编码器", "变分自动编码器", "美化模型", "外挂VAE", "蓝色废图", "废图", "发灰", "灰蒙蒙"),
    ),
    Row("lora", ("low-rank adaptation",)),
    Row("embedding", ("textual inversion", "TI"), ("嵌入", "嵌入式", "词嵌入", "文本反转", "文本反演", "文本嵌入")),
    Row("hypernetwork", ("hypernet",), ("超网络", "超网路")),
    Row("pruned", ("pruning",), ("剪枝", "修剪")),
    Row("ema", (), ("指数移动平均", "滑动平均")),
    Row("vram", (), ("显存",)),
    Row("training", (), ("训练", "微调", "炼丹")),
    Row("full", ("optimizer", "optimizer state"), ("优化器", "优化器状态")),
    Row("precision", (), ("精度",)),
    Row("negative", (), ("负面", "负面提示词", "反向提示词", "反向", "负面嵌入")),
    Row("prompt", (), ("提示词", "咒语", "正向提示词")),
    Row("steps", (), ("步数", "迭代步数", "采样步数", "采样器", "采样", "采样方法", "随机种子", "种子")),
    Row("cfg", (), ("提示词引导系数", "引导系数", "提示词相关性")),
    Row("latent", (), ("潜空间", "潜变量")),
    Row("workflow", (), ("工作流",)),
    Row("architecture", (), ("架构", "模型架构")),
    Row("hash", (), ("哈希", "哈希值", "散列值")),
    Row("2.5d", (), ("国风", "古风", "中国风")),
    Row("verdict", (), ("安全性", "病毒")),
    Row("merge", (), ("融合模型", "合并模型", "融合")),
    Row("distilled", (), ("蒸馏", "蒸馏模型")),
    Row("component", (), ("组件",)),
    Row("sidecar", (), ("预览图",)),
    Row("subtype", (), ("重绘", "局部重绘")),
    Row("ui", (), ("界面", "整合包")),
    Row("pickle", ("pkl",)),
    Row("safetensors", ("safetensor",)),
    Row("style", ("styles",), ("风格", "画风")),
    Row("trigger", ("triggers", "trigger word", "trigger words", "activation"), ("触发词", "触发")),
)
