"""The statements of a newcomer's guide, each with command lines and the essence of their answers in two languages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A command line for a statement of the guide, its exit code, and words of its answer in English and Chinese.

    Rows run in their order, on one library.
    """

    statement: str
    line: str
    code: int
    english: tuple[str, ...]
    chinese: tuple[str, ...]


def _row(
    statement: str, line: str, english: str | tuple[str, ...], chinese: str | tuple[str, ...], code: int = 0
) -> Row:
    return Row(
        statement=statement,
        line=f"modelhub {line}",
        code=code,
        english=(english,) if isinstance(english, str) else english,
        chinese=(chinese,) if isinstance(chinese, str) else chinese,
    )


_FIVE_TYPES = ("base", "vae", "lora", "embedding", "hypernetwork")
_FITTING = ("vae-ft-mse-840000-ema-pruned", "墨心 MoXin", "EasyNegative, 鸣人", "anime_3")

ROWS: tuple[Row, ...] = (
    _row("a folder of downloads", "add downloads", "1 dangerous, 10 added.", "危险 1 个，已添加 10 个。", 4),
    # .ckpt and .safetensors are the common suffixes; a checkpoint is like a saved game; the guide says TensorFlow.
    _row("suffixes", "explain", (".safetensors", ".ckpt", *_FIVE_TYPES[1:]), ("文件与后缀", ".ckpt", "模型类型")),
    _row("suffixes", "explain .ckpt", ("PyTorch", "saved game", "TensorFlow"), ("PyTorch", "存档", "TensorFlow")),
    _row("suffixes", "explain .safetensors", "cannot run code", "不会执行代码"),
    _row("suffixes", "explain checkpoint", "as in a game", "类似游戏存档"),
    _row("PyTorch's suffixes", "explain pt", "PyTorch's", "PyTorch 的文件"),
    _row("PyTorch's suffixes", "explain .pth", "one format with four suffixes", "后缀不同，格式相同"),
    _row("PyTorch's suffixes", "explain pkl", ".pkl", "小段程序"),
    # A .ckpt may hold code, and is large with the optimizer's state.
    _row(
        "malicious code",
        "inspect downloads/free-upgrade.ckpt",
        ("dangerous", "Runs os.system"),
        ("危险", "会运行 os.system"),
    ),
    _row("malicious code", "show free-upgrade", ("Warning", "Do not load it"), ("警告", "不要加载")),
    _row("training state", "explain full", "optimizer", "优化器"),
    _row("training state", "explain 优化器", "optimizer", "优化器"),
    _row("training state", "convert v1-4-pruned --variant emaonly", "with `--to FILE`", "用 `--to FILE`", 1),
    # Prefer safetensors.
    _row(
        "prefer safetensors", "pull v1-1", ("can run code", "Use `--convert`"), ("可能执行代码", "使用 `--convert`"), 4
    ),
    _row("prefer safetensors", "pull v1-2 --convert", "sd-v1-2.safetensors", "sd-v1-2.safetensors"),
    # The full file for training, safetensors for pictures.
    _row("for training", "explain training", "`--for render`", "`--for render`"),
    _row("for training", "pull v1-5 --for 训练 --dry-run", "→ v1-5-pruned.safetensors", "→ v1-5-pruned.safetensors"),
    _row("for pictures", "pull v1-5 --for 出图 --dry-run", "→ v1-5-pruned-emaonly.safetensors", "最适合出图"),
    # Five types, in the guide's words.
    _row("five types", "list --type 底模", ("Counterfeit-V3.0", "6 models"), ("底模", "6 个模型")),
    _row("five types", "list --type LORA", ("墨心 MoXin", "1 model,"), ("LoRA", "1 个模型")),
    _row("five types", "list --type 超网络", ("anime_3", "hypernetwork"), ("anime_3", "超网络")),
    _row("five types", "list --type 'textual inversion'", ("鸣人", "embedding"), ("鸣人", "Embedding")),
    _row(
        "five types", "list 大模型", "Did you mean `modelhub list type:base`?", "是否想输入 `modelhub list type:base`？"
    ),
    # A VAE is a filter for the colors; which of mine fits; some bases have one; a blue picture at the last step.
    _row("VAE", "explain VAE", ("filter for the colors", "dull", "blue"), ("调色滤镜", "发灰", "蓝")),
    _row("VAE", "explain 蓝色废图", "Set SD VAE to Automatic", "把 SD VAE 设为 Automatic"),
    _row("VAE", "list type:base -has:vae", ("Counterfeit-V3.0", "1 model,"), ("Counterfeit-V3.0", "1 个模型")),
    _row(
        "VAE",
        "show Counterfeit",
        ("It has no VAE", 'modelhub pull "SD VAE ft-MSE"', "these may fit: kl-f8-anime2.vae"),
        ("不带 VAE", 'modelhub pull "SD VAE ft-MSE"', "kl-f8-anime2.vae"),
    ),
    _row("VAE", "pull 'SD VAE ft-MSE'", "under `SD VAE`", "`SD VAE`"),
    _row(
        "VAE",
        "show Counterfeit-V3.0",
        "the library has vae-ft-mse-840000-ema-pruned",
        "模型库中有 vae-ft-mse-840000-ema-pruned",
    ),
    _row("VAE", "show v1-4-pruned-emaonly", "leave SD VAE at Automatic", "SD VAE（外挂 VAE 模型）保持 Automatic"),
    _row("VAE", "show kl-f8", ("blue or ruined picture", "Automatic"), ("发蓝或变成废图", "Automatic")),
    # A LoRA needs a base, and a trigger word.
    _row("LoRA", "explain lora", ("trigger word", "10 to 400 MB"), ("触发词", "10 到 400 MB")),
    _row(
        "LoRA",
        "pull civitai:14171",
        ("Trigger word: jellyfishforest", "<lora:jellyfishforest:0.8> jellyfishforest", "Needs a base"),
        ("触发词：jellyfishforest", "<lora:jellyfishforest:0.8> jellyfishforest", "需要 sd1 架构的底模"),
    ),
    _row("LoRA", "list --trigger jellyfishforest", "1 model,", "1 个模型"),
    _row("LoRA", "show 墨心", ("Trigger word: shuimo", "`Load LoRA`"), ("触发词：shuimo", "`Load LoRA`")),
    # An embedding is one word; negative ones; ComfyUI's spelling.
    _row("embedding", "explain 'textual inversion'", ("one word", "4 to 200 kB"), ("一个词", "4 到 200 kB")),
    _row("embedding", "show 鸣人", "ComfyUI embedding:鸣人", ("提示词", "ComfyUI embedding:鸣人")),
    _row("embedding", "show EasyNegative", "into the negative prompt", "写进负面提示词"),
    _row("embedding", "explain 负面提示词", ("badhandv4", "EasyNegative"), ("badhandv4", "EasyNegative")),
    # Hypernetworks are rarely used.
    _row("hypernetwork", "explain 超网络", "rarely used", "很少使用"),
    _row("hypernetwork", "show anime_3", "<hypernet:anime_3:1.0>", "<hypernet:anime_3:1.0>"),
    # pruned and pruned-emaonly; the truth about VRAM.
    _row("pruned", "list v1-4", ("pruned-emaonly", "2 models"), ("pruned-emaonly", "2 个模型")),
    _row("pruned", "explain pruned", ("right to fine-tune", "Civitai"), ("适合微调", "Civitai")),
    _row("pruned", "explain pruned-emaonly", "right one for pictures", "出图就选它"),
    _row("pruned", "explain single", "one weight set", "一套权重"),
    _row("pruned", "show v1-4-pruned", "right for fine-tuning", "适合微调"),
    _row("VRAM", "explain 显存", "makes no difference", "没有影响"),
    # Four styles.
    _row("styles", "explain 风格", ("official", "anime", "realistic", "2.5d"), ("官方", "二次元", "真实系", "2.5D")),
    _row("styles", "list --style 动漫", ("Counterfeit-V3.0", "anime"), ("Counterfeit-V3.0", "二次元")),
    _row("styles", "list --style 真实", ("麦橘写实", "realistic"), ("麦橘写实", "真实系")),
    _row("styles", "list --style 2.5D", ("国风3 GuoFeng3.2", "2.5d"), ("国风3 GuoFeng3.2", "2.5D")),
    _row("styles", "list --style 官方", "1 model,", "1 个模型"),
    _row("styles", "list --style 国风", "Did you mean `modelhub list --style 2.5d`?", "不是有效的风格", 2),
    _row("styles", "known 2.5D", ("GuoFeng3.4", "DreamShaper"), ("GuoFeng3.4", "可按名称下载")),
    _row("styles", "known 古风", "Did you mean `modelhub known 2.5d`?", "是否想输入 `modelhub known 2.5d`？", 3),
    # Official models, at the addresses of the guide.
    _row("official 1.x", "pull CompVis/stable-diffusion", "Stable Diffusion 1.1", "上没有权重", 3),
    _row("official 1.x", "pull https://github.com/CompVis/stable-diffusion", "without weights", "没有权重", 3),
    _row("official 1.x", "pull v1-3 --convert --dry-run", "Stable Diffusion 1.3 is", "Stable Diffusion 1.3 将从"),
    _row("official 1.x", "pull v1-4 --convert --dry-run", "Stable Diffusion 1.4 is", "Stable Diffusion 1.4 将从"),
    _row("official 1.5", "pull runwayml/stable-diffusion-v1-5 --dry-run", "was removed from the hub", "已从 Hub 移除"),
    _row(
        "official 1.5",
        "pull https://huggingface.co/spaces/runwayml/stable-diffusion-v1-5 --dry-run",
        "Stable Diffusion 1.5 is pulled instead",
        "改为下载 Stable Diffusion 1.5",
    ),
    _row("official 1.5", "pull 'sd 1.5' --dry-run", "Stable Diffusion 1.5 is", "Stable Diffusion 1.5 将从"),
    _row("official 2.x", "pull 2-0 --dry-run", "Stable Diffusion 2.0 is", "Stable Diffusion 2.0 将从"),
    _row("official 2.x", "pull 2-1", ("base · sd2", "This is Stable Diffusion 2.1."), ("底模 · sd2", "这是")),
    _row("official 2.x", "pull stabilityai/stable-diffusion-2-1 --dry-run", "was removed", "已从 Hub 移除"),
    # Anything: each version is itself.
    _row("Anything", "pull 万象熔炉", ("Anything V5", "Anything XL"), ("可能指以下模型之一", "Anything XL"), 2),
    _row("Anything", "pull 'anything v1'", "not published any more", "已不再以固定的地址发布", 3),
    _row("Anything", "pull 'Anything V2.1'", "modelhub pull 'Anything V3'", "modelhub pull 'Anything V3'", 3),
    _row("Anything", "pull 'Anything V3'", "AnythingXL_v30.ckpt", "已拒绝 AnythingXL_v30.ckpt", 4),
    _row("Anything", "pull 'anything v5 prt' --dry-run", "civitai:9409@30163", "civitai:9409@30163"),
    _row("Anything", "pull Prt", "Did you mean `modelhub pull 'Anything V5'`?", "是否想输入", 2),
    _row(
        "Anything",
        "pull '万象熔炉 V5'",
        ("version V5 (SD 1.5), one of 4: the version that is Anything V5", "base · sd1"),
        ("版本 V5（SD 1.5），选自 4 个版本：Anything V5 就是这个版本", "底模 · sd1"),
    ),
    _row(
        "Anything", "下载 'anything v5'", "Use `modelhub pull 'anything v5'`", "改用 `modelhub pull 'anything v5'`", 2
    ),
    _row("Anything", "pull anything-v5-prt-re.safetensors", "This is Anything V5.", "这是 Anything V5。"),
    _row("Anything", "show 'Anything V5'", ("for SD 1.5", "anime"), ("适用于 SD 1.5", "无需署名", "二次元")),
    _row("Anything", "known 万象熔炉", "no lasting address", "没有固定地址"),
    # Realistic Vision, not the one of few steps.
    _row("Realistic Vision", "pull 'realistic vision'", "version V5.1 (VAE) (SD 1.5)", "版本 V5.1 (VAE)（SD 1.5）"),
    # GuoFeng3, whose three files are asked about.
    _row("GuoFeng3", "pull 国风3", ("3 models", "--file GuoFeng3.4.safetensors"), "3 个同样合适的模型", 2),
    _row("GuoFeng3", "pull GuoFeng3.4", "This is GuoFeng3.4.", "这是 GuoFeng3.4。"),
    _row("GuoFeng3", "show GuoFeng3.4", "2.5d (95% sure)", "2.5D（把握 95%）"),
    # The models must fit each other.
    _row("fitting", "explain 'stable diffusion'", "fit each other", "必须匹配"),
    _row("fitting", "show GuoFeng3.2", _FITTING, ("可搭配", *_FITTING)),
)
