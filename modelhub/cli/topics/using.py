"""Prompts, styles, UIs, and where models come from."""

from __future__ import annotations

from modelhub.cli.topics.topic import Topic, TopicGroup, models

USING = TopicGroup(
    "Using models",
    (
        Topic(
            word="style",
            summary="The style is what a base is made to draw: official, anime, realistic or 2.5d.",
            more=(
                "`official`: the publishers' own releases. `anime`: drawings in the Japanese manner. `realistic`:"
                " photographs. `2.5d`: between the two, as GuoFeng and ReV Animated. `unknown`: modelhub cannot"
                " tell.",
                "modelhub decides by known files, tags, names and training data, and states its confidence. Your own"
                " value overrides it: `modelhub set MODEL style=anime`. `modelhub known anime` lists well-known ones.",
            ),
            examples=models(
                "style:official type:base", "style:anime type:base", "style:realistic type:base", "style:2.5d type:base"
            ),
            main=True,
        ),
        Topic(
            word="official",
            summary="The models that their publishers trained from the start, such as Stable Diffusion 1.5.",
            more=("They can draw everything and nothing especially well; most others are fine-tuned from them.",),
            examples=models("style:official type:base"),
        ),
        Topic(
            word="anime",
            summary="Models for drawings in the Japanese manner, such as Anything, Counterfeit and MeinaMix.",
            more=("Their prompts are often lists of tags: 1girl, solo, red hair.",),
            examples=models("style:anime type:base"),
        ),
        Topic(
            word="realistic",
            summary="Models for pictures like photographs, such as Realistic Vision and epiCRealism.",
            examples=models("style:realistic type:base"),
        ),
        Topic(
            word="2.5d",
            summary="Models between drawings and photographs, such as GuoFeng3, ReV Animated and DreamShaper.",
            examples=models("style:2.5d type:base"),
        ),
        Topic(
            word="trigger",
            summary="A trigger word in the prompt activates what a LoRA was trained on.",
            more=(
                "Without it many LoRAs do little. modelhub finds it in the file's training data and on the page of its"
                " publisher: `modelhub enrich MODEL` looks it up. Your own: `modelhub set MODEL triggers=word1,word2`.",
                "`modelhub list trigger:WORD` finds the models that a word belongs to.",
            ),
            also=("triggers", "trigger word", "trigger words", "activation", "words"),
            examples=models("type:lora"),
            main=True,
        ),
        Topic(
            word="negative",
            summary="A negative embedding belongs in the negative prompt: it is made from bad pictures.",
            more=(
                "EasyNegative, badhandv4 and names with bad, neg or negative are of this kind. In the positive prompt"
                " they spoil every picture. A1111 and Forge: write the file's name. ComfyUI: `embedding:NAME`.",
            ),
            also=("negative embedding", "negative prompt", "easynegative", "badhandv4"),
            examples=models("type:embedding", negative=True),
            main=True,
        ),
        Topic(
            word="prompt",
            summary="The prompt is what you want to see in words; UIs load add-ons by it in different ways.",
            more=(
                "A1111 and Forge: `<lora:name:0.8>` loads a LoRA, `<hypernet:name:1.0>` a hypernetwork, and an"
                " embedding's file name is its word.",
                "ComfyUI: `embedding:NAME` for embeddings. LoRAs and hypernetworks are nodes: text loads none of them.",
                "`modelhub show MODEL` prints the line to paste for each.",
            ),
            also=("prompts", "syntax"),
            main=True,
        ),
        Topic(
            word="steps",
            summary="Steps are how often the UNet improves a picture; 20 to 30 are usual, 1 to 8 for distilled ones.",
            more=(
                "The sampler decides how each step is computed, the seed with which noise the picture begins: the same"
                " seed, prompt and settings give the same picture.",
            ),
            also=("sampler", "sampling", "seed", "scheduler"),
        ),
        Topic(
            word="cfg",
            summary="CFG (guidance) is how strongly the prompt steers; 5 to 8 are usual, 1 turns it off.",
            more=("Distilled models and FLUX want a value near 1; more burns the colors.",),
            also=("guidance", "cfg scale"),
        ),
        Topic(
            word="latent",
            summary="The latent is the small, compressed picture that the UNet works on; the VAE makes pixels of it.",
        ),
        Topic(
            word="workflow",
            summary="A workflow is a graph of ComfyUI's nodes; it names the models that it needs by their files.",
        ),
        Topic(
            word="ui",
            summary="A UI is a program that makes pictures with models: A1111, Forge, ComfyUI and others.",
            more=(
                "`a1111` is the Stable Diffusion web UI; `forge` and `forge-neo` come from it. `comfyui` works with"
                " nodes. `sdnext`, `fooocus`, `swarmui`, `stability-matrix` and `invokeai` are others.",
                "`modelhub sort --layout a1111` moves models to where a UI looks for them; `modelhub link` shows a UI"
                " the library.",
            ),
            also=("uis", "a1111", "forge", "forge-neo", "sdnext", "fooocus", "swarmui", "stability-matrix", "invokeai"),
            main=True,
        ),
        Topic(
            word="comfyui",
            summary="ComfyUI makes pictures with a graph of nodes, and spells some things in its own way.",
            more=(
                "Embeddings are written `embedding:NAME` in the prompt. A LoRA is loaded by the node Load LoRA; text"
                " such as `<lora:…>` does nothing. A file in a sub-folder is listed as `folder/name.safetensors`.",
            ),
            also=("comfy", "node", "nodes"),
        ),
        Topic(
            word="hash",
            summary="A hash is a short number computed from all bytes of a file: equal files have equal ones.",
            more=(
                "`sha256` is what the hubs state. `autov1`, `autov2` and `autov3` are the short ones of A1111 and"
                " Civitai; `blake3` and `crc32` are fast.",
            ),
            also=("sha256", "autov1", "autov2", "autov3", "blake3", "crc32", "hashes"),
        ),
        Topic(
            word="source",
            summary="The source is where a model came from; `modelhub pull` can get it from there again.",
            more=(
                "`huggingface`, `civitai` and `modelscope` are hubs, `url` is any other address, and `local` a file"
                " that was on this computer already.",
            ),
            also=("huggingface", "civitai", "modelscope", "url", "local", "hub"),
        ),
        Topic(
            word="library",
            summary="The library is the folder with your models and the catalog of what is known about them.",
            more=("`modelhub add FOLDER` catalogs models where they are; `modelhub pull` puts new ones into it.",),
            also=("catalog",),
        ),
    ),
)
