"""Architectures, what is inside of a model, and how it was trained."""

from __future__ import annotations

from modelhub.cli.topics.topic import Topic, TopicGroup, models

NETWORKS = TopicGroup(
    "Architectures and parts",
    (
        Topic(
            word="architecture",
            summary="An architecture is the shape of the networks: add-ons work only on bases that share it.",
            more=(
                "modelhub reads it from the file itself: sd1, sd2, sdxl, sd3, flux … Where a file fits several, as many"
                " VAEs do, all of them are named.",
            ),
            also=("arch", "family"),
            main=True,
        ),
        Topic(
            word="sd1",
            summary="sd1 is Stable Diffusion 1.1 to 1.5: pictures of 512 pixels, and the most add-ons of all.",
            more=(
                "Most anime and realistic models of the guides are fine-tuned from 1.5. Needs about 4 GB of video"
                " memory.",
            ),
            examples=models("arch:sd1 type:base"),
            main=True,
        ),
        Topic(
            word="sd2",
            summary="sd2 is Stable Diffusion 2.0 and 2.1: pictures of 512 or 768 pixels, with few add-ons.",
            more=("The ones for 768 pixels predict v: A1111 needs a .yaml file beside some of them.",),
            examples=models("arch:sd2 type:base"),
            main=True,
        ),
        Topic(
            word="sdxl",
            summary="sdxl is Stable Diffusion XL: pictures of 1024 pixels, bases of 6.5 to 7 GB.",
            more=(
                "Pony, Illustrious and NoobAI are fine-tuned so far that add-ons made for one work best on that one."
                " Needs about 8 GB of video memory.",
            ),
            also=("pony", "illustrious", "noobai"),
            examples=models("arch:sdxl type:base"),
            main=True,
        ),
        Topic(
            word="sdxl-refiner",
            summary="The refiner is a second SDXL network that paints the last steps; few people still use it.",
            also=("refiner",),
            examples=models("arch:sdxl-refiner"),
        ),
        Topic(
            word="sd3",
            summary="sd3 is Stable Diffusion 3 and 3.5: a transformer with three text encoders.",
            also=("sd3-medium", "sd3.5-medium", "sd3.5-large"),
            examples=models("arch:sd3"),
        ),
        Topic(
            word="flux",
            summary="FLUX.1 is a large transformer of Black Forest Labs: 12 to 24 GB, or less in few bits.",
            more=(
                "It comes as `dev` (with guidance), `schnell` (few steps), `fill` (inpainting) and `control`. The file"
                " often holds the network alone: it needs the VAE `ae` and the text encoders CLIP-L and T5.",
                "flux2 is its successor, chroma a relative without guidance.",
            ),
            also=("flux2", "chroma", "dev", "schnell", "fill"),
            examples=models("arch:flux"),
            main=True,
        ),
        Topic(
            word="video",
            summary="svd, wan, ltx-video, hunyuan-video, cogvideox and mochi are models that make films.",
            more=("ComfyUI runs them; A1111 does not.",),
            also=("svd", "wan", "ltx-video", "hunyuan-video", "cogvideox", "mochi"),
            examples=models("arch:wan"),
        ),
        Topic(
            word="other architectures",
            summary="Newer picture models that ComfyUI runs, each with add-ons of its own.",
            more=(
                "qwen-image, z-image, lumina2, kolors, pixart, sana, auraflow, hunyuan-dit, hidream, anima,"
                " stable-cascade, cosmos-predict2 and krea2.",
            ),
            also=(
                "qwen-image",
                "z-image",
                "lumina2",
                "kolors",
                "pixart",
                "sana",
                "auraflow",
                "hunyuan-dit",
                "hidream",
                "anima",
                "stable-cascade",
                "cosmos-predict2",
                "krea2",
                "alpha",
                "sigma",
            ),
        ),
        Topic(
            word="component",
            summary="A component is one network inside a file: `unet`, `vae`, `text_encoder` and others.",
            more=(
                "`modelhub show` lists them as inside; `modelhub list has:vae` finds the models with one.",
                "`depth_model`, `safety_checker` and `image_encoder` are helpers that some bases bring along.",
            ),
            also=("components", "inside", "has", "depth_model", "safety_checker"),
            main=True,
        ),
        Topic(
            word="subtype",
            summary="A subtype is a base or an adapter for a special task, such as inpainting.",
            more=(
                "`inpainting` fills a masked area and gives poor results as an ordinary base. `instruct-pix2pix` edits"
                " a picture by words. `depth` follows a depth map.",
            ),
            also=("inpainting", "instruct-pix2pix", "depth"),
        ),
        Topic(
            word="prediction",
            summary="Prediction is what the network computes at each step: epsilon, v, or flow.",
            more=(
                "The UI must know it: a v model that is run as epsilon paints noise or brown mud. Most say so by"
                " themselves; for others, A1111 needs a .yaml file beside the model and ComfyUI ModelSamplingDiscrete.",
                "`epsilon`: sd1, sdxl and most others. `v`: sd2 for 768 pixels and some sdxl models. `flow`: sd3, flux"
                " and newer ones. `edm`, `edm-v`: CosXL, Playground, svd.",
            ),
            also=("epsilon", "v", "v-prediction", "eps", "flow", "edm", "edm-v", "ztsnr"),
        ),
        Topic(
            word="algorithm",
            summary="The algorithm of a LoRA is the way in which it stores its changes; all are used alike.",
            more=(
                "`lora` and `locon` are low-rank pairs, `loha` and `lokr` products of them, `dora` adds a scale."
                " `oft` and `boft` rotate, `ia3` and `norm` only scale, `glora` mixes, and `full` stores whole"
                " differences.",
                "A1111 and ComfyUI load all common ones; a UI that skips one shows no effect.",
            ),
            also=("locon", "loha", "lokr", "dora", "oft", "boft", "ia3", "glora", "norm"),
            examples=models("type:lora"),
        ),
        Topic(
            word="rank",
            summary="The rank of a LoRA is its size: more can hold more, and need not look better; 4 to 128.",
            also=("dim", "network dim", "alpha rank"),
        ),
        Topic(
            word="vectors",
            summary="The vectors of an embedding are how many words of the prompt it takes up; 1 to 75.",
            also=("vector",),
            examples=models("type:embedding"),
        ),
        Topic(
            word="distilled",
            summary="A distilled model (Turbo, Lightning, LCM, Hyper, DMD2) needs 1 to 8 steps and a CFG near 1.",
            more=(
                "With the usual 20 steps and CFG 7 its pictures are burnt. Take the ordinary version to begin with.",
            ),
            also=("turbo", "lightning", "lcm", "hyper", "dmd2"),
        ),
        Topic(
            word="merge",
            summary="A merge is a model that was mixed from others; most community models are merges.",
            also=("merged",),
        ),
    ),
)
