"""The words in front of results, in the language in use: statuses, states and verdicts, which JSON has in English."""

from __future__ import annotations

from modelhub.language import _


def result_word(word: str) -> str:
    """Return a status, state, verdict or reason as it is shown; one that a plug-in has added is shown as it is."""
    return _words().get(word, word)


def _words() -> dict[str, str]:
    return {
        "added": _("added"),
        "unchanged": _("unchanged"),
        "updated": _("updated"),
        "moved": _("moved"),
        "another copy": _("another copy"),
        "back again": _("back again"),
        "missing": _("missing"),
        "unavailable": _("unavailable"),
        "dangerous": _("dangerous"),
        "suspicious": _("suspicious"),
        "unrecognised": _("unrecognised"),
        "broken": _("broken"),
        "unpacked": _("unpacked"),
        "passed over": _("passed over"),
        "not found": _("not found"),
        "failed": _("failed"),
        "outdated": _("outdated"),
        "gone": _("gone"),
        "found": _("found"),
        "registered": _("registered"),
        "known": _("known"),
        "deleted": _("deleted"),
        "refused": _("refused"),
        "ready": _("ready"),
        "trashed": _("trashed"),
        "to the trash": _("to the trash"),
        "unreadable": _("unreadable"),
        "with its model": _("with its model"),
        "no place": _("no place"),
        "in place": _("in place"),
        "duplicate": _("duplicate"),
        "collision": _("collision"),
        "in use": _("in use"),
        "still changing": _("still changing"),
        "a link": _("a link"),
        "not sure": _("not sure"),
        "unknown": _("unknown"),
        "held": _("held"),
        "pulled": _("pulled"),
        "no source": _("no source"),
        "ok": _("ok"),
        "noted": _("noted"),
        "changed": _("changed"),
    }
