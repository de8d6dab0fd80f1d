"""Keys of the Windows registry that belong to a shortcut: only the current user's, and only their default values."""

from __future__ import annotations

import hashlib
from pathlib import PureWindowsPath
from typing import Any, Protocol

from modelhub.desktop.shortcut import Piece

CLASSES = r"Software\Classes"


class Registry(Protocol):
    """The current user's registry, as far as it is needed. Raises OSError."""

    def read(self, key: str) -> str | None:
        """Return the default value of a key, None without such a key."""

    def write(self, key: str, value: str) -> None:
        """Make the key with its default value."""

    def delete(self, key: str) -> None:
        """Delete a key without sub-keys, and the parents below Classes that it leaves with nothing in them."""


class RegistryHandler:
    """The handler of registry keys of the current user."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def digest(self, place: str, mark: str) -> str | None:
        """Return the digest of the default value."""
        value = self.registry.read(place)
        return None if value is None else hashlib.sha256(value.encode()).hexdigest()

    def planned(self, piece: Piece) -> str:
        """Return the digest of the value."""
        return hashlib.sha256(piece.data).hexdigest()

    def write(self, piece: Piece, mark: str) -> str:
        """Make the key."""
        self.registry.write(piece.place, piece.data.decode())
        return self.planned(piece)

    def remove(self, place: str, mark: str) -> None:
        """Delete the key."""
        self.registry.delete(place)


class UserRegistry:
    """HKEY_CURRENT_USER by the standard library's winreg, which only Windows has."""

    def read(self, key: str) -> str | None:
        """See Registry."""
        winreg = import_winreg()
        try:
            with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key) as opened:
                return str(winreg.QueryValueEx(opened, "")[0])
        except FileNotFoundError:
            return None

    def write(self, key: str, value: str) -> None:
        """See Registry."""
        winreg = import_winreg()
        with winreg.CreateKey(winreg.HKEY_CURRENT_USER, key) as opened:
            winreg.SetValueEx(opened, "", 0, winreg.REG_SZ, value)

    def delete(self, key: str) -> None:
        """See Registry."""
        winreg = import_winreg()
        user = winreg.HKEY_CURRENT_USER
        winreg.DeleteKey(user, key)
        for parent in PureWindowsPath(key).parents:
            if not str(parent).startswith(CLASSES + "\\"):
                return
            with winreg.OpenKey(user, str(parent)) as opened:
                keys, values, _ = winreg.QueryInfoKey(opened)
            if keys or values:
                return
            winreg.DeleteKey(user, str(parent))


def import_winreg() -> Any:
    """Import the standard library's `winreg`, which only Windows has. Raise ImportError elsewhere."""
    import importlib

    return importlib.import_module("winreg")
