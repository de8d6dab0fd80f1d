"""Names that people type for commands, and the commands of modelhub that do the same."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from modelhub.cli.quoting import quote_argument
from modelhub.cli.registry import COMMANDS
from modelhub.errors import UsageError
from modelhub.language import _, translate
from modelhub.words import fold

HELP_WORDS = ("help", "man", "usage", "?", "帮助", "说明")
_USE = "Use `{command}` instead."
_SHORTEST_TERM = 2  # characters
_CLOSE = 0.75  # similarity of a mistyped command; less would point at what was not meant


@dataclass(frozen=True, slots=True)
class PointerRow:
    """Words for a command, and the command to put before the arguments.

    `hint`: the sentence that names it. `begin`: arguments that always come first.
    """

    command: str
    words: tuple[str, ...]
    hint: str = _USE
    begin: tuple[str, ...] = ()


POINTERS: tuple[PointerRow, ...] = (
    PointerRow("show", ("info", "details", "view", "describe", "查看", "详情", "信息", "显示")),
    PointerRow("rm", ("delete", "remove", "del", "uninstall", "erase", "删除", "移除", "卸载")),
    PointerRow("pull", ("download", "get", "install", "fetch", "下载", "安装", "获取")),
    PointerRow(
        "search",
        ("find", "查找", "寻找"),
        "Use `{command}` for the models that you have, and `modelhub pull SOURCE` to download one.",
    ),
    PointerRow("search", ("搜索", "检索", "搜")),
    PointerRow("list", ("ls", "dir", "models", "all", "列表", "列出", "清单", "模型")),
    PointerRow("sort", ("move", "mv", "organize", "organise", "tidy", "整理", "移动", "分类", "归类")),
    PointerRow(
        "pull",
        ("update", "upgrade", "更新", "升级"),
        "`modelhub outdated` shows what is new; `{command}` downloads it.",
        ("--update",),
    ),
    PointerRow("render-test", ("test", "render", "测试", "渲染", "出图")),
    PointerRow("verify", ("check", "validate", "检查", "校验", "验证")),
    PointerRow("scan", ("scan-folder", "rescan", "refresh", "扫描", "刷新")),
    PointerRow("add", ("scan-folders", "catalog", "register", "添加", "加入", "导入文件夹")),
    PointerRow("inspect", ("identify", "detect", "recognize", "analyze", "识别", "鉴定", "分析")),
    PointerRow("explain", ("whatis", "glossary", "解释", "什么是", "术语")),
    PointerRow("known", ("popular", "famous", "recommend", "推荐", "知名")),
    PointerRow("set", ("edit", "修改", "编辑")),
    PointerRow("set", ("rename", "重命名", "改名"), "Use `modelhub set MODEL name=NAME`."),
    PointerRow("tag", ("label", "标签", "打标签")),
    PointerRow("convert", ("to-safetensors", "prune", "转换", "转格式")),
    PointerRow("list", ("duplicates", "dedupe", "dedup", "去重", "重复"), begin=("--duplicates",)),
    PointerRow("undo", ("revert", "撤销", "撤回")),
    PointerRow("history", ("log", "runs", "历史", "记录")),
    PointerRow("watch", ("monitor", "监视", "监控")),
    PointerRow("shortcut", ("desktop", "icon", "快捷方式"), begin=("install",)),
    PointerRow("link", ("ui", "uis", "connect", "webui", "comfyui", "链接", "连接")),
    PointerRow("export", ("backup", "save", "导出", "备份")),
    PointerRow("import", ("load", "导入")),
    PointerRow("config", ("settings", "options", "preferences", "设置", "配置"), begin=("show",)),
    PointerRow("doctor", ("diagnose", "status", "health", "诊断", "体检")),
    PointerRow("--version", ("version", "版本")),
)


def is_help(name: str) -> bool:
    """Return whether a word requests help."""
    return fold(name) in {fold(word) for word in HELP_WORDS}


def find_command(name: str) -> str | None:
    """Return the command that a word stands for, such as `pull` for "download"; None for an unknown word."""
    if name in COMMANDS:
        return name
    row = _row(name)
    return row.command if row is not None and row.command in COMMANDS else None


def pointer(name: str, arguments: Sequence[str], *, commands: Collection[str] = ()) -> UsageError | None:
    """Return the error that points from a word to the command, with the user's own arguments; None for another word.

    A word that `explain` has a topic for points there. A word that is nearer to one of the further `commands`, those
    of plug-ins, is another word.
    """
    from difflib import get_close_matches

    if get_close_matches(name.lower(), commands, n=1, cutoff=_CLOSE):
        return None
    row = _row(name) or _nearest_row(name)
    if row is not None:
        return _error(name, row.hint, row.command, (*row.begin, *arguments))
    if len(fold(name)) < _SHORTEST_TERM:
        return None
    from modelhub.cli.topics.registry import find_topic  # only unknown commands need the topics

    return _error(name, _USE, "explain", (name, *arguments)) if find_topic(name) else None


def _error(name: str, hint: str, command: str, arguments: Sequence[str]) -> UsageError:
    line = " ".join(("modelhub", command, *map(quote_argument, arguments)))
    return UsageError(_("There is no command `{name}`.", name=name), translate(hint).format(command=line))


def _row(name: str) -> PointerRow | None:
    plain = fold(name)
    return next((row for row in POINTERS for word in row.words if fold(word) == plain), None)


def _nearest_row(name: str) -> PointerRow | None:
    """Return the row that a mistyped word is most like; None where a command of modelhub is as near."""
    from difflib import get_close_matches

    rows = {word: row for row in POINTERS for word in row.words if len(word) > 3}
    near = get_close_matches(name.lower(), [*COMMANDS, *rows], n=1, cutoff=_CLOSE)
    return rows.get(near[0]) if near else None
