"""Topics about the weights in a file, and their number format."""

from __future__ import annotations

from modelhub.cli.topics.topic import Topic, TopicGroup, models

_VRAM = (
    "It needs as much video memory (VRAM) as the other variants: a UI loads one set of weights either way. What differs"
    " is the room on the disk and the time to load."
)

WEIGHTS = TopicGroup(
    "Weights in a file",
    (
        Topic(
            word="pruned",
            summary="A pruned file has everything removed that only training needs.",
            more=(
                "Here `pruned` holds both weight sets, the latest and the averaged one (EMA): right to fine-tune."
                " `pruned-emaonly` holds the averaged one alone: half as large, and right for pictures.",
                "All of them need the same video memory (VRAM): a UI loads one set of weights either way. What differs"
                " is the room on the disk and the time to load.",
                "A page may mean something else: on Civitai, Pruned is only the publisher's label for the smaller file,"
                " often one weight set in half precision. modelhub looks into the file.",
            ),
            also=("variant",),
            examples=models("variant:pruned"),
            main=True,
        ),
        Topic(
            word="ema",
            summary="EMA is a moving average of the weights, kept while a model is trained.",
            more=(
                "For pictures the averaged weights are the better ones; to train on, you want both sets. A file called"
                " -emaonly holds only the average, -nonema or -noema only the latest.",
            ),
            examples=models("variant:pruned"),
            main=True,
        ),
        Topic(
            word="pruned-emaonly",
            summary="A file with the averaged weights (EMA) alone: the right one for pictures.",
            more=("To fine-tune, take the `pruned` file with both sets.", _VRAM),
            also=("emaonly",),
            examples=models("variant:pruned-emaonly"),
            main=True,
        ),
        Topic(
            word="pruned-noema",
            summary="A file with the latest weights alone, without the average: right to train on.",
            more=("For pictures the averaged weights are a little smoother.",),
            also=("noema", "nonema"),
            examples=models("variant:pruned-noema"),
        ),
        Topic(
            word="vram",
            summary="VRAM is the memory of the graphics card; the networks that paint must fit into it.",
            more=(
                "sd1 needs about 4 GB, sdxl about 8 GB. fp16 needs half as much as fp32, fp8 half of that. Whether a"
                " file is full, pruned or emaonly makes no difference: a UI loads one set of weights either way.",
            ),
            also=("video memory", "gpu memory", "memory"),
            main=True,
        ),
        Topic(
            word="full",
            summary="A file with everything that training left: both weight sets and the training state.",
            more=(
                "Good to go on training, wasteful for pictures: the optimizer's state alone is twice as large as the"
                " weights. `modelhub convert --variant no-training-state` removes it.",
                "As the algorithm of a LoRA, `full` means whole differences of weights instead of low-rank ones.",
            ),
            also=("training state", "optimizer"),
            examples=models("variant:full"),
        ),
        Topic(
            word="single",
            summary="A file with one weight set, as most community models have: right for pictures.",
            more=("Whether it is the averaged or the latest set cannot be seen, and hardly matters.",),
            examples=models("variant:single"),
        ),
        Topic(
            word="ema-orphan",
            summary="A file with averaged weights but without a main set: no UI loads it as it is.",
            examples=models("variant:ema-orphan"),
        ),
        Topic(
            word="training",
            summary="For training take the full or the pruned file; for pictures the small safetensors file.",
            more=("`modelhub pull SOURCE --for train` and `--for render` choose between them.",),
            also=("train", "render", "fine-tune", "fine-tuning", "finetune"),
            main=True,
        ),
        Topic(
            word="precision",
            summary="The number format of the weights: more bits are more exact and need more room.",
            more=(
                "fp16 is the usual one for pictures: half the size of fp32 and nearly the same picture. fp32 is for"
                " training. bf16 is as small as fp16 and overflows less. fp8 and fewer bits save memory and lose some"
                " detail.",
                "`modelhub convert MODEL --precision fp16` writes a smaller copy.",
            ),
            main=True,
        ),
        Topic(
            word="fp16",
            summary="16 bits for each number (half precision): the usual format for pictures.",
            more=("Half the size of fp32, and nearly the same picture.",),
            also=("half",),
            examples=models("precision:fp16"),
        ),
        Topic(
            word="fp32",
            summary="32 bits for each number (full precision): the format for training.",
            more=("UIs turn it into fp16 when they load it, so for pictures it only needs more room on the disk.",),
            also=("fp64",),
            examples=models("precision:fp32"),
        ),
        Topic(
            word="bf16",
            summary="16 bits for each number with the range of fp32: newer models are trained in it.",
            more=("Graphics cards before NVIDIA's 30 series are slow with it.",),
            examples=models("precision:bf16"),
        ),
        Topic(
            word="fp8",
            summary="8 bits or fewer for each number: much smaller, with some loss.",
            more=("Made for large models such as FLUX on small cards.",),
            also=("fp4", "int8", "nf4", "quantization", "quantized"),
            examples=models("precision:fp8"),
        ),
        Topic(
            word="mixed",
            summary="No number format has a clear majority in this file.",
            examples=models("precision:mixed"),
        ),
    ),
)
