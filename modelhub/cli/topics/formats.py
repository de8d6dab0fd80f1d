"""File formats and suffixes."""

from __future__ import annotations

from modelhub.cli.topics.topic import Topic, TopicGroup, models

FORMATS = TopicGroup(
    "Files and suffixes",
    (
        Topic(
            word="safetensors",
            summary="A .safetensors file holds numbers and nothing else: opening it cannot run code.",
            more=(
                "It also loads faster and is often smaller, because it has no training state. Prefer it to .ckpt and"
                " .pt. `modelhub convert` makes one from an old file.",
            ),
            also=("sft", "format", "formats", "suffix"),
            examples=models("format:safetensors"),
            main=True,
        ),
        Topic(
            word="ckpt",
            summary="A .ckpt file is a checkpoint in PyTorch's old format; it can hold code.",
            more=(
                "The name is short for checkpoint, as in a saved game. Some guides say that it comes from TensorFlow,"
                " which uses the same suffix for its own files; those of Stable Diffusion are written by PyTorch.",
                "Inside is a pickle: opening one can run anything that its author wrote. modelhub scans it without"
                " running it. Prefer the safetensors file, or make one with `modelhub convert`.",
            ),
            also=("ckpt file",),
            examples=models("format:torch-zip", "format:torch-legacy", suffix=".ckpt"),
            main=True,
        ),
        Topic(
            word="pt",
            summary="A .pt file is PyTorch's; embeddings, hypernetworks, VAEs and old LoRAs have this suffix.",
            more=(
                ".pt, .pth, .pkl and .bin are one format with four suffixes, as .ckpt is: a pickle that can hold code."
                " UIs look at the suffix, so keep the one that a file came with.",
            ),
            also=("pth", "th", "torch", "pytorch"),
            examples=models("format:torch-zip", "format:torch-legacy", suffix=".pt"),
            main=True,
        ),
        Topic(
            word="bin",
            summary="A .bin file is PyTorch's too: embeddings and the parts of diffusers folders have this suffix.",
            more=("It can hold code, as every pickle can. Where there is a .safetensors beside it, take that.",),
            examples=models("format:torch-zip", "format:torch-legacy", suffix=".bin"),
        ),
        Topic(
            word="pickle",
            summary="A pickle is Python's format inside .ckpt, .pt, .pth, .pkl and .bin files; it is a small program.",
            more=(
                "Opening one can run anything that its author wrote. modelhub never loads them: it reads their"
                " instructions and reports what they would do. `modelhub convert` rewrites the harmless ones as"
                " safetensors.",
            ),
            also=("pkl",),
            examples=models("format:torch-zip"),
            main=True,
        ),
        Topic(
            word="torch-zip",
            summary="PyTorch's format since 2020: a zip archive with a pickle and the numbers.",
            more=("Its suffixes are .ckpt, .pt, .pth and .bin.",),
            examples=models("format:torch-zip"),
        ),
        Topic(
            word="torch-legacy",
            summary="PyTorch's format before 2020: several pickles, then the numbers.",
            examples=models("format:torch-legacy"),
        ),
        Topic(
            word="gguf",
            summary="A .gguf file holds quantized weights of large networks, such as FLUX, in few bits.",
            more=("ComfyUI needs the extension ComfyUI-GGUF; Forge loads it as it is.",),
            examples=models("format:gguf"),
        ),
        Topic(
            word="diffusers",
            summary="A diffusers folder is a model in many files, with a model_index.json that lists its parts.",
            more=("Programs in Python use it. UIs want one file; `modelhub pull` takes that where there is one.",),
            also=("diffusers folder", "model_index"),
            examples=models("format:diffusers"),
        ),
        Topic(
            word="onnx",
            summary="An .onnx file is a network for other programs than A1111 and ComfyUI: taggers, face tools.",
            more=("A1111, Forge and ComfyUI do not load it as a base, a LoRA or a VAE.",),
        ),
        Topic(
            word="yaml",
            summary="A .yaml file beside a checkpoint describes its network; A1111 needs it for some sd2 models.",
            more=("It must have the name of the model: `model.yaml` beside `model.ckpt`. modelhub moves it along.",),
            also=("yml", "config"),
        ),
        Topic(
            word="vae.pt",
            summary="A .vae.pt file is a VAE: A1111 loads it by itself with the checkpoint that has the same name.",
            more=("SD VAE must be at Automatic for that. `.vae.safetensors` and `.vae.ckpt` work in the same way.",),
            also=("vae.safetensors", "vae.ckpt"),
        ),
        Topic(
            word="zip",
            summary="An archive of models: `modelhub add` unpacks a .zip and checks each model in it.",
            more=("Archives of other programs (.7z, .rar) must be unpacked first.",),
            also=("7z", "rar", "tar", "archive"),
        ),
        Topic(
            word="sidecar",
            summary="A small file beside a model that belongs to it: a preview, notes, facts of its page.",
            more=("It has the name of the model: `x.png`, `x.civitai.info`, `x.json`. modelhub moves it along.",),
            also=("json", "civitai.info", "preview", "png", "txt"),
        ),
        Topic(
            word="unfinished",
            summary="A download that has not ended: .part, .crdownload, .aria2 and the like are not models yet.",
            more=("Finish the download, or run `modelhub pull` again: it resumes.",),
            also=("part", "crdownload", "aria2", "download", "tmp"),
        ),
    ),
)
