"""The words of queries and settings: fields, states, orders, UIs and the choices of commands."""

from __future__ import annotations

from modelhub.words.row import Row, Rows

# The fields of the query language.
FIELDS: Rows = (
    Row("added", ("date",), ("添加", "添加时间", "日期")),
    Row("arch", ("architecture",), ("架构", "模型架构")),
    Row("broken", ("damaged",), ("损坏",)),
    Row("duplicate", ("duplicates",), ("重复",)),
    Row("format", (), ("格式",)),
    Row("has", ("contains",), ("含", "包含", "含有")),
    Row("name", (), ("名称", "名字", "模型名")),
    Row("path", ("folder",), ("路径", "文件夹", "目录")),
    Row("precision", (), ("精度",)),
    Row("rendered", (), ("渲染", "渲染测试")),
    Row("root", (), ("根目录",)),
    Row("size", (), ("大小", "体积")),
    Row("source", (), ("来源",)),
    Row("state", (), ("状态",)),
    Row("style", (), ("风格", "画风")),
    Row("tag", ("tags",), ("标签",)),
    Row("trigger", ("triggers", "trigger word", "trigger words"), ("触发词", "触发")),
    Row("type", (), ("类型", "种类")),
    Row("used", (), ("使用",)),
    Row("variant", (), ("变体",)),
    Row("verdict", ("safety",), ("安全", "判定", "安全性")),
    Row("sort", ("order",), ("排序",)),
)

# The fields that `set` takes.
USER_FIELDS: Rows = (
    Row("name", (), ("名称", "名字", "模型名")),
    Row("type", (), ("类型", "种类")),
    Row("architecture", ("arch",), ("架构", "模型架构")),
    Row("subtype", (), ("子类型",)),
    Row("style", (), ("风格", "画风")),
    Row("triggers", ("trigger", "trigger word", "trigger words"), ("触发词", "触发")),
    Row("notes", ("note",), ("备注", "笔记")),
    Row("variant", (), ("变体",)),
    Row("prediction", (), ("预测", "预测类型")),
)

SORTS: Rows = (
    Row("name", (), ("名称", "名字")),
    Row("type", (), ("类型", "种类")),
    Row("architecture", ("arch",), ("架构",)),
    Row("size", (), ("大小", "体积")),
    Row("added", ("date", "time"), ("添加", "添加时间", "时间", "日期")),
    Row("relevance", (), ("相关", "相关性", "相关度")),
)

YES_NO: Rows = (
    Row("yes", ("y", "true", "1", "on"), ("是", "有", "对")),
    Row("no", ("n", "false", "0", "off"), ("否", "没有", "无", "不是")),
)

STATES: Rows = (
    Row("present", (), ("存在",)),
    Row("missing", ("gone", "lost"), ("缺失", "丢失", "不见")),
    Row("unavailable", ("unreachable",), ("不可用", "无法访问")),
)

VERDICTS: Rows = (
    Row("safe", (), ("安全",)),
    Row("safe-legacy", (), ("旧格式安全", "安全（旧格式）")),
    Row("suspicious", (), ("可疑",)),
    Row("dangerous", ("unsafe", "malicious"), ("危险", "恶意")),
    Row("unrecognised", ("unrecognized",), ("无法识别", "未识别")),
)

RENDERED: Rows = (
    Row("ok", ("good", "works"), ("正常",)),
    Row("bad", ("failed",), ("失败", "不正常")),
    Row("never", (), ("从未", "未测", "没测过")),
    Row("not-tested", ("untested",), ("未测试",)),
)

SOURCES: Rows = (
    Row("huggingface", ("HF",), ("抱脸", "抱抱脸")),
    Row("civitai", (), ("C站",)),
    Row("modelscope", (), ("魔搭", "魔搭社区")),
    Row("url", ("address", "web"), ("网址",)),
    Row("local", (), ("本地",)),
)

# 秋叶整合包 is A1111 in a package. Its launcher, 绘世, starts ComfyUI and Forge as well.
UIS: Rows = (
    Row(
        "a1111",
        ("webui", "sd webui", "automatic1111", "automatic", "stable diffusion webui", "sd webui aki", "webui aki"),
        ("秋叶", "秋葉", "秋叶整合包", "秋葉整合包", "秋叶webui"),
        ("绘世", "绘世启动器", "秋叶启动器", "整合包"),
    ),
    Row("forge", ("webui forge", "sd webui forge", "stable diffusion webui forge")),
    Row("forge-neo", ("neo", "webui forge neo", "sd webui forge neo")),
    Row("comfyui", ("comfy", "comfyui aki"), ("秋叶comfyui", "秋叶comfyui整合包", "comfyui整合包")),
    Row("sdnext", ("vlad", "vladmandic")),
    Row("fooocus"),
    Row("swarmui", ("swarm", "stable swarm", "stable swarm ui")),
    Row("stability-matrix"),
    Row("invokeai", ("invoke",)),
    Row("library", (), ("模型库",)),
)

PURPOSES: Rows = (
    Row(
        "render",
        ("rendering", "generate", "generation", "inference", "pictures", "images"),
        ("出图", "生图", "画图", "绘图", "生成", "渲染", "推理"),
    ),
    Row("train", ("training", "fine-tune", "fine-tuning"), ("训练", "微调", "炼丹")),
)

MODES: Rows = (
    Row("move", (), ("移动", "剪切")),
    Row("copy", (), ("复制", "拷贝")),
    Row("hardlink", (), ("硬链接",)),
    Row("symlink", ("soft link", "symbolic link"), ("软链接", "符号链接"), ("link", "链接")),
    Row("reflink", ("clone",)),
)

DUPLICATES: Rows = (
    Row("leave", ("keep",), ("保留", "留下")),
    Row("trash", ("recycle bin",), ("回收站",), ("delete", "remove", "删除")),
)

GROUPINGS: Rows = (
    Row("architecture", ("arch",), ("架构",)),
    Row("style", (), ("风格", "画风")),
)

DEVICES: Rows = (
    Row("auto", (), ("自动",)),
    Row("cpu", ("processor",), ("处理器",)),
    Row("cuda", ("gpu", "nvidia"), ("显卡",)),
    Row("mps", ("metal",)),
)
