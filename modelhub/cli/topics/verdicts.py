"""Topics about judgments on a file: safety, state, and the results of render tests and verification."""

from __future__ import annotations

from modelhub.cli.topics.topic import Topic, TopicGroup, models

VERDICTS = TopicGroup(
    "What modelhub says about a file",
    (
        Topic(
            word="verdict",
            summary="A safety verdict says whether loading a file could run code: safe … dangerous.",
            more=(
                "modelhub reads a file without running it. What is not known to be harmless is suspicious, and what is"
                " known to be harmful is dangerous. No verdict promises that pictures will be good.",
            ),
            also=("safety", "virus", "malware", "scan"),
            main=True,
        ),
        Topic(
            word="safe",
            summary="The file contains only data: loading it cannot run code.",
            examples=models("verdict:safe"),
        ),
        Topic(
            word="safe-legacy",
            summary="An old format that could hold code, and in which only data and harmless helpers were found.",
            more=("You can use it. `modelhub convert` makes a safetensors file of it.",),
            examples=models("verdict:safe-legacy"),
        ),
        Topic(
            word="suspicious",
            summary="The file contains something that is not on the list of harmless things.",
            more=("Load it only if you trust its source; a safetensors version of it is better.",),
            examples=models("verdict:suspicious", usable=False),
        ),
        Topic(
            word="dangerous",
            summary="Loading the file can run code. Do not load it; delete it.",
            more=("`modelhub inspect FILE` names what it would run. Report it to the place that it came from.",),
            examples=models("verdict:dangerous", usable=False),
            main=True,
        ),
        Topic(
            word="unrecognised",
            summary="The file has a format that modelhub cannot read, so nothing is promised about it.",
            also=("unrecognized",),
            examples=models("verdict:unrecognised", usable=False),
        ),
        Topic(
            word="state",
            summary="The state says whether a file is where it was: present, missing or unavailable.",
            more=(
                "A `missing` file was moved or deleted: `modelhub scan` finds moved ones. An `unavailable` one is on a"
                " drive that is not connected.",
            ),
            also=("present", "missing", "unavailable", "moved", "back again", "unreadable"),
            examples=models("state:missing", usable=False),
        ),
        Topic(
            word="broken",
            summary="The file is damaged or cut off: no UI can load it as it is. Download it again.",
            also=("damaged", "truncated", "cut"),
            examples=models("broken:yes", usable=False),
            main=True,
        ),
        Topic(
            word="duplicate",
            summary="The same file is in several places; `modelhub list --duplicates` shows them.",
            also=("another copy", "copy", "duplicates"),
            examples=models("duplicate:yes"),
        ),
        Topic(
            word="added",
            summary="`modelhub add` and `scan` say what became of each file.",
            more=(
                "`added`: it is new in the catalog. `unchanged`: it is as it was. `updated`: its content has changed."
                " `moved`: it is in another place. `unpacked`: it came out of an archive. `passed over`: it is not a"
                " model. `failed`: it could not be read. `not found`: nothing is at this path.",
            ),
            also=("unchanged", "updated", "unpacked", "passed over", "failed", "not found"),
        ),
        Topic(
            word="render-test",
            summary="A render test makes small pictures with a model and says whether it works.",
            more=(
                "`ok` means that it does. `not-tested`, `out-of-memory`, `timeout` and `crash` are about this machine:"
                " nothing is proven about the model.",
            ),
            also=("ok", "not-tested", "never", "bad", "rendered", "out-of-memory", "timeout", "crash", "noted"),
            examples=models("rendered:ok"),
            main=True,
        ),
        Topic(
            word="needs-fp32-vae",
            summary="The model works, but its VAE overflows in half precision: pictures come out black.",
            more=(
                "Run the VAE in full precision: A1111 and Forge with `--no-half-vae`, ComfyUI with `--fp32-vae`; or"
                " use sdxl-vae-fp16-fix.",
            ),
            also=("nan-vae", "nan-unet", "nan", "black", "black picture"),
            examples=models("rendered:ok type:vae"),
        ),
        Topic(
            word="no-effect",
            summary="The add-on does not change the picture: it is made for another base, or its file is empty.",
            more=("`negligible` means that it changes it by very little.",),
            also=("negligible",),
        ),
        Topic(
            word="noise",
            summary="The picture is noise, one color, or out of range: the network or the VAE does not work.",
            more=("The verdicts are `noise`, `uniform` and `clipped`. Another VAE or another base may help.",),
            also=("uniform", "clipped"),
        ),
        Topic(
            word="incompatible",
            summary="The add-on does not fit the base that it was tested on.",
            more=(
                "`incompatible`: its networks have another shape. `incomplete`: some of its weights are missing."
                " `load-error`: it could not be loaded.",
            ),
            also=("incomplete", "load-error"),
        ),
    ),
)
