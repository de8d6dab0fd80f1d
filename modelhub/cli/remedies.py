"""The command line's own words for remedies: each names the flag or command that carries it out.

A remedy without a row here is shown with its own text.
"""

from __future__ import annotations

from modelhub.cli.quoting import quote_argument
from modelhub.errors import Remedy

_INSTALL = "install-"
# Key → words; `{name}` is filled from the remedy's values, inside of backticks quoted for the shell. Sorted by key.
# `{install}` is the command that installs the extra that the key is named for.
WORDS: dict[str, str] = {
    "add-folder": "`modelhub add FOLDER` adds models to a new library.",
    "add-in-place": "Run again without `--copy` and `--move`.",
    "add-local": "Add it to the library with `modelhub add {path}`.",
    "add-models-in-folder": "Add them with `modelhub add {folder}`.",
    "allow-pickle": "Use `--convert`: its tensors become a safetensors file, and nothing in it is run."
    " `--allow-pickle` keeps the pickle after a scan.",
    "allow-pickle-import": "Use `--allow-pickle`; each pickle is scanned before it is kept.",
    "check-path-or-scan": "Check the path, or run `modelhub scan` if the file was moved.",
    "check-values": "`modelhub verify --deep` names the tensors.",
    "choose-device": "Use `--device auto`; `modelhub doctor` checks the installation.",
    "choose-library": "Choose another folder with `--library` or MODELHUB_LIBRARY.",
    "choose-name": "Choose another name with `--name` or another folder with `--to`; the download is kept.",
    "choose-one-file": "Choose one file with `--file`.",
    "choose-one-selection": "Use only one of `--file`, `--all` and `--diffusers`.",
    "choose-other-file": "Choose another file with `--file`, and report it to its publisher.",
    "choose-render-selection": "Name models, or use one of `--all`, `--failed` and `--stale`.",
    "choose-target": "Choose another file with `--to FILE`.",
    "component-without-weights": "Choose a single file with `--file`, or look for another repository.",
    "convert-one": "`modelhub convert {file}` converts one of its files.",
    "convert-without-variant": "Convert it without `--variant`.",
    "delete-by-hand": "Nothing was deleted. If you are sure, delete the file by hand, then run `modelhub scan`.",
    "delete-dangerous": "Do not load it. `modelhub rm {model}` moves it to the trash.",
    "export-manifest": "`modelhub export FILE` writes one.",
    "fp32-vae": "Run the VAE in fp32 (ComfyUI `--fp32-vae`, A1111 `--no-half-vae`), or use sdxl-vae-fp16-fix.",
    "free-space-for-download": "Free some space, or choose another `--library` or fewer files with `--file`.",
    "go-online": "Run again without `--offline`.",
    "inspect": "`modelhub inspect` shows what it is.",
    "install-convert": "Install it with `{install}`.",
    "install-postgres": "Install it with `{install}`.",
    "install-render": "Install it with `{install}`.",
    "into-address": "Name it with `--into`, such as `--into {example}`.",
    "into-ui-folder": "Name the folder that {title} is installed in with `--into DIR`.",
    "keep-files": "Use `--keep-files` to delete it from the catalog only, or move that file out of the folder first.",
    "keep-pickle-with-convert": "Use `--convert --keep-pickle`.",
    "known-folders": "Known folders: {known}. `modelhub add` adds one.",
    "known-style": "`modelhub known {style}` lists the well-known models of this style.",
    "leave-out-revision": "Leave out `--revision`.",
    "list-bases": "`modelhub list --type base` shows the bases.",
    "list-broken": "`modelhub list broken:yes` shows them; `modelhub verify` checks them.",
    "list-dangerous": "`modelhub list verdict:dangerous` shows them; `modelhub rm` moves them to the trash.",
    "list-files": "`modelhub pull {reference} --dry-run` lists its files.",
    "list-missing": "`modelhub list state:missing` shows them; `modelhub scan` finds those that were moved.",
    "list-models": "`modelhub list` shows the models.",
    "list-settings": "`modelhub config show` lists all settings.",
    "list-suspicious": "`modelhub list verdict:suspicious` shows them; `modelhub inspect` shows what was found.",
    "list-vaes": "`modelhub list --type vae` shows the library's VAEs.",
    "make-private": "Make it private with `chmod 600 {file}`.",
    "name-diffusers-folder": "Name one of them, such as `modelhub pull {reference} --diffusers`.",
    "name-file": "Choose with `--file`, such as `--file {name}`, or take all of them with `--all`.",
    "name-into": "Name it with `--into DIR`, the UI's own folder or its models folder, or set sort.into.",
    "name-known-model": "Name one of them, such as `modelhub pull {name}`.",
    "name-layout": "Name it with `--layout UI`, or set sort.layout in the configuration.",
    "name-version": "If you want that version all the same, name it: `modelhub pull {reference}`.",
    "near-word": "Did you mean `{near}`?",
    "no-diffusers": "Leave out `--diffusers`; `--dry-run` shows the files.",
    "no-source": "`modelhub known` lists the models that have names. Or search at a hub and pull the address of the"
    " page or its short form: {examples}.",
    "pull-from-page": "The model is pulled with `modelhub pull {name}`.",
    "pull-instead": "The nearest known model: `modelhub pull {name}`. Or pull the address of a page that you trust.",
    "pull-near-name": "Did you mean `modelhub pull {name}`?",
    "pull-or-scan": "Pull it again, or run `modelhub scan` if you replaced it.",
    "read-suspicious": "With `--read-suspicious` only its tensors are read; nothing is executed then either.",
    "register-models": "`modelhub sort FOLDER --layout {ui} --into ADDRESS` registers the models while it runs.",
    "rename-collisions": "Rename one of them, or use `--rename`.",
    "render-longer": "Raise `--timeout`, or lower `--steps` and `--size`.",
    "render-smaller": "Use a smaller `--size`, or close other programs.",
    "repair-or-print": "Repair that line, or add by hand what `modelhub link --layout {ui} --print` prints.",
    "repair-position-ids": "`modelhub convert --repair` rewrites them as integers 0–76.",
    "save-only-tensors": "It was quarantined at {file}. Look for a safetensors version of it, or save only its tensors:"
    " `modelhub convert {file} --read-suspicious --to {name}` runs nothing.",
    "scan-again": "Run `modelhub scan`, then try again.",
    "scan-moved": "Run `modelhub scan` if it was moved.",
    "shortcut-install": "There is none yet. `modelhub shortcut install` makes one.",
    "shortcut-remove": "Remove it first with `modelhub shortcut remove {id}`.",
    "shortcut-target": "Nothing was written. Move it away, or choose another place with `--target`.",
    "shortcut-thunar": "Have Thunar rewrite it (Edit, Configure custom actions), or leave out `--target filemanager`.",
    "show-evidence": "`modelhub inspect --why` shows the evidence.",
    "show-findings": "`modelhub inspect` shows what was found.",
    "show-history": "`modelhub history` shows the runs that can be undone.",
    "show-model": "`modelhub show {model}` shows where it is.",
    "sort-links": "`modelhub sort LIBRARY --layout {ui} --into DIR --mode hardlink` links the models into it.",
    "start-or-address": "Start it, or name its address with `--into`, such as `--into {example}`.",
    "trash-duplicates": "`--duplicates trash` moves such copies to the trash.",
    "undo-number": "Name the run to undo, such as `modelhub undo 2`; `modelhub history` shows the runs.",
    "unset-hub-offline": "Unset HF_HUB_OFFLINE, or use `--offline` to work with the files in the cache.",
    "write-config": "Run `modelhub config init` to write one.",
}


def sentence(remedy: Remedy) -> str:
    """Return the sentence that the command line shows for a remedy, "" for an empty one.

    A value inside of backticks is an argument of a command, and is quoted for the shell.
    """
    words = WORDS.get(remedy.key)
    if not words:
        return remedy.text
    arguments = {name: quote_argument(value) for name, value in remedy.values.items()}
    if remedy.key.startswith(_INSTALL):
        from modelhub.cli.installation import install_command  # reads the installed package, which few remedies need

        arguments["install"] = install_command(remedy.key.removeprefix(_INSTALL))
    parts = words.split("`")
    return "`".join(part.format_map(arguments if place % 2 else remedy.values) for place, part in enumerate(parts))
