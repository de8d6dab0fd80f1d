"""Wrong usage that the parser of arguments finds, in the words of modelhub.

The parser is part of typer, which does not export the classes of these errors: they are known by their attributes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import getdoc
from typing import Any

from modelhub.cli.registry import COMMANDS
from modelhub.language import _, translate

_EXAMPLE = re.compile(r"^\s*Example: (.*)$", re.MULTILINE)
_NO_COMMAND = re.compile(r"No such command '(?P<name>.*?)'\.", re.DOTALL)
_EXTRA = re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((?P<words>.*)\)", re.DOTALL)
_NO_NUMBER = re.compile(r"'(?P<value>.*)' is not a valid (?P<kind>integer|int range|float)", re.DOTALL)
_OUT_OF_RANGE = re.compile(r"(?P<value>\S+) is not in the range")

_NO_ARGUMENTS = "NoArgsIsHelpError"  # its message is the whole help

_CLOSE = 0.7  # similarity of a mistyped option; less would suggest what was not meant


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongUsage:
    """A wrong command line: what is wrong, what to do instead, and an example of the command or ""."""

    message: str
    hint: str
    example: str


def is_usage_error(error: BaseException) -> bool:
    """Return whether the parser of arguments raised this."""
    return callable(getattr(error, "show", None)) and hasattr(error, "exit_code")


def wrong_usage(error: Any) -> WrongUsage:
    """Return the parser's error in the words of modelhub."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "modelhub"
    message, hint = _words(error, command)
    help_hint = _("`{command} --help` shows what it takes.", command=command)
    return WrongUsage(message=message, hint=hint or help_hint, example=_example(context))


def _words(error: Any, command: str) -> tuple[str, str]:
    """Return what is wrong and, where there is one, what was probably meant."""
    text = str(getattr(error, "message", "") or "")
    if hasattr(error, "possibilities"):
        return _unknown_option(error, command)
    if hasattr(error, "param_type"):
        return _("`{command}` needs {name}.", command=command, name=_name(error, plain=True)), ""
    if getattr(error, "param", None) is not None:
        return _bad_value(error, text), ""
    if text.endswith("requires an argument."):
        return _("`{option}` needs a value.", option=getattr(error, "option_name", "")), ""
    if text.endswith("does not take a value."):
        return _("`{option}` takes no value.", option=getattr(error, "option_name", "")), ""
    if match := _NO_COMMAND.match(text):
        return _unknown_command(match["name"], error, command)
    if match := _EXTRA.match(text):
        return _("`{command}` has no place for `{words}`.", command=command, words=match["words"]), ""
    if text == "Missing command." or type(error).__name__ == _NO_ARGUMENTS:
        return _("`{command}` needs a command after it.", command=command), ""
    return translate(text), ""


def _unknown_option(error: Any, command: str) -> tuple[str, str]:
    option = str(getattr(error, "option_name", ""))
    message = _("`{command}` has no option `{option}`.", command=command, option=option)
    params = error.ctx.command.params if error.ctx is not None else ()
    known = sorted(name for param in params for name in param.opts if name.startswith("--"))
    begun = [name for name in known if len(option) > len("--") and name.startswith(option)]
    near = begun or get_close_matches(option, known, n=1, cutoff=_CLOSE)
    return message, _("Did you mean `{option}`?", option=near[0]) if near else ""


def _unknown_command(name: str, error: Any, command: str) -> tuple[str, str]:
    group = error.ctx.command if error.ctx is not None else None
    known = list(getattr(group, "commands", None) or COMMANDS)  # the group lists those of plug-ins, too
    message = _("`{command}` has no command `{name}`.", command=command, name=name)
    near = get_close_matches(name.lower(), known, n=1)
    return message, _("Did you mean `{command} {name}`?", command=command, name=near[0]) if near else ""


def _bad_value(error: Any, text: str) -> str:
    option, kind = _name(error), error.param.type
    least, most = getattr(kind, "min", None), getattr(kind, "max", None)
    if match := _NO_NUMBER.search(text):
        if match["kind"].startswith("int"):
            return _("`{option}` needs a whole number, not `{value}`.", option=option, value=match["value"])
        return _("`{option}` needs a number, not `{value}`.", option=option, value=match["value"])
    if match := _OUT_OF_RANGE.search(text):
        value = match["value"]
        if least is not None and most is not None:
            words = _("`{option}` must be from {least} to {most}, not {value}.", **_fields(option, value, least, most))
        elif least is not None:
            words = _("`{option}` must be at least {least}, not {value}.", option=option, least=least, value=value)
        else:
            words = _("`{option}` must be at most {most}, not {value}.", option=option, most=most, value=value)
        return words
    return _("The value of `{option}` is not valid. {problem}", option=option, problem=translate(_sentence(text)))


def _fields(option: str, value: str, least: object, most: object) -> dict[str, object]:
    return {"option": option, "value": value, "least": least, "most": most}


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?")) else f"{text}."


def _name(error: Any, *, plain: bool = False) -> str:
    """Return the name of an option, or of an argument as the help shows it; `plain`: only options in backticks."""
    param = error.param
    if param is None:
        return str(getattr(error, "param_hint", "") or "")
    if getattr(param, "param_type_name", "") == "option":
        name = max(param.opts, key=len)
        return f"`{name}`" if plain else name
    return str(param.metavar or param.name.upper()).strip("[]")


def _example(context: Any) -> str:
    """Return the example of the command, from its own help text and in no other language."""
    callback = getattr(getattr(context, "command", None), "callback", None)
    found = _EXAMPLE.search(getdoc(callback) or "") if callback is not None else None
    return found[1].strip() if found else ""
