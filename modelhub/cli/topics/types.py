"""The types of models: what each is, how large it is, and how it is used."""

from __future__ import annotations

from modelhub.cli.topics.topic import Topic, TopicGroup, models

TYPES = TopicGroup(
    "Types of models",
    (
        Topic(
            word="checkpoint",
            summary="A checkpoint (here: `base`) is a whole image generator in one file, 2 to 7 GB.",
            more=(
                "It holds the UNet that paints, the text encoder that reads the prompt, and usually the VAE that turns"
                " the result into pixels. Everything else is added on top of one.",
                "The word means a saved state, as in a game: training saves one from time to time.",
                "Models of one architecture (sd1, sd2, sdxl …) work only with add-ons that were made for it.",
                "To train on, take the full file; for pictures, the small safetensors file.",
            ),
            also=("base", "model", "type", "types"),
            examples=models("type:base"),
            main=True,
        ),
        Topic(
            word="vae",
            summary="A VAE turns what the UNet paints into pixels, like a filter for the colors; 100 to 800 MB.",
            more=(
                "Pictures that come out gray, dull or washed out are a sign that the base has none inside, or a broken"
                " one: choose a VAE of the same architecture in the UI (A1111: the setting SD VAE; Forge: VAE /"
                " Text Encoder; ComfyUI: the node Load VAE).",
                "Most bases have a VAE inside; `modelhub show` says so. Then leave SD VAE at Automatic."
                " `modelhub list type:base -has:vae` lists those without.",
                "A VAE that does not fit can ruin the picture at the last step: the preview looks right, and the result"
                " is a blue or gray mess. Set SD VAE to Automatic then, or choose another.",
                "Black pictures mean that the VAE overflows in half precision: see `modelhub explain needs-fp32-vae`.",
            ),
            also=("blue", "blue picture", "gray picture", "dull", "sd vae", "automatic"),
            examples=models("type:vae"),
            main=True,
        ),
        Topic(
            word="lora",
            summary="A LoRA is an add-on that teaches a base a character, a style or an object; 10 to 400 MB.",
            more=(
                "It works only on bases of its own architecture, and most need their trigger word in the prompt."
                " `modelhub show` names both.",
                "A1111 and Forge: write `<lora:name:0.8>` and the trigger word into the prompt. `name` is that of the"
                " file without its suffix, 0.8 the strength.",
                "ComfyUI: text in the prompt loads nothing. Add the node Load LoRA between the checkpoint and the"
                " sampler, choose the file there, and write only the trigger word into the prompt.",
                "LoCon, LoHa, LoKr and DoRA are relatives that are used in the same way.",
            ),
            also=("loras", "lycoris"),
            examples=models("type:lora"),
            main=True,
        ),
        Topic(
            word="embedding",
            summary="An embedding (textual inversion) packs a character or a style into one word; 4 to 200 kB.",
            more=(
                "A1111 and Forge: write the name of its file without the suffix into the prompt.",
                "ComfyUI: write `embedding:NAME`.",
                "Many of them (EasyNegative, badhandv4, names with bad or -neg) are made from bad pictures and belong"
                " in the negative prompt: see `modelhub explain negative`.",
            ),
            also=("textual inversion", "ti"),
            examples=models("type:embedding"),
            main=True,
        ),
        Topic(
            word="hypernetwork",
            summary="A hypernetwork is a set of small networks that change the attention of a base; 20 to 200 MB.",
            more=(
                "An older way to teach a style, mostly replaced by LoRA and rarely used.",
                "A1111: write `<hypernet:name:1.0>` into the prompt. ComfyUI: the node HypernetworkLoader.",
            ),
            examples=models("type:hypernetwork"),
            main=True,
        ),
        Topic(
            word="stable-diffusion",
            summary="Stable Diffusion is put together from several models that must fit each other.",
            more=(
                "The base paints. A VAE makes the colors right if the base has none. LoRAs, embeddings and"
                " hypernetworks add characters and styles. A UI, such as A1111, Forge or ComfyUI, runs them all.",
                "They fit when they have one architecture: an sd1 LoRA does nothing good on an sdxl base."
                " `modelhub show BASE` lists what of your library fits it.",
            ),
            also=("sd", "stable diffusion", "diffusion", "fit", "fits"),
            main=True,
        ),
        Topic(
            word="controlnet",
            summary="A ControlNet adds a picture as a condition: a pose, lines, a depth map; 300 MB to 5 GB.",
            more=("A1111 needs the extension sd-webui-controlnet; Forge has it built in; ComfyUI: Apply ControlNet.",),
            also=("control", "control-lora", "lllite", "union", "sparsectrl"),
            examples=models("type:controlnet"),
        ),
        Topic(
            word="t2i-adapter",
            summary="A T2I-Adapter does what a ControlNet does with a smaller network; about 80 to 300 MB.",
            more=("It is loaded in the same places as a ControlNet.",),
            examples=models("type:t2i-adapter"),
        ),
        Topic(
            word="ip-adapter",
            summary="An IP-Adapter uses a picture as a prompt: a face, a style, a composition.",
            more=("It needs the CLIP vision model that it was trained with.",),
            also=("faceid", "plus"),
            examples=models("type:ip-adapter"),
        ),
        Topic(
            word="upscaler",
            summary="An upscaler enlarges finished pictures, two or four times; 2 to 70 MB.",
            more=("It works with pictures of every base. In A1111 it is in the tab Extras, and in the highres fix.",),
            also=("upscale", "esrgan"),
            examples=models("type:upscaler"),
        ),
        Topic(
            word="text-encoder",
            summary="A text encoder turns the prompt into numbers that the UNet understands: CLIP, T5, Qwen3.",
            more=(
                "sd1, sd2 and sdxl bases have theirs inside. The bases of newer architectures often come without: they"
                " load it from a file of its own.",
            ),
            also=("text_encoder", "text_encoder_2", "text_encoder_3", "clip", "t5"),
            examples=models("type:text-encoder"),
        ),
        Topic(
            word="clip-vision",
            summary="A CLIP vision model turns a picture into numbers; IP-Adapters and some video models need it.",
            also=("image_encoder", "vision"),
            examples=models("type:clip-vision"),
        ),
        Topic(
            word="motion-module",
            summary="A motion module (AnimateDiff) makes a base paint a short film instead of one picture.",
            also=("motion_modules", "animatediff", "motion"),
            examples=models("type:motion-module"),
        ),
        Topic(
            word="vae-approx",
            summary="A tiny decoder (TAESD) that draws the preview while the UNet paints; a few MB.",
            more=("It replaces a VAE where speed counts more than quality.",),
            also=("taesd", "tiny"),
            examples=models("type:vae-approx"),
        ),
        Topic(
            word="unet",
            summary="The UNet is the network that paints: it removes noise from the latent picture, step by step.",
            more=(
                "Every base has one inside. The type `unet` is that network alone in a file: ComfyUI loads it with Load"
                " Diffusion Model, and it needs a VAE and text encoders from files of their own.",
                "The UNet of newer architectures is a transformer (DiT); the word stays.",
            ),
            also=("ema_unet", "dit", "transformer", "diffusion model"),
            examples=models("type:unet"),
        ),
        Topic(
            word="other",
            summary="A model that helps others: a face restorer, a detector, a segmenter, a captioner.",
            also=(
                "face-restorer",
                "detector",
                "segmenter",
                "captioner",
                "redux",
                "identity-adapter",
                "optimizer-state",
            ),
            examples=models("type:other"),
        ),
        Topic(
            word="unknown",
            summary="modelhub could not find out what it is; a wrong answer would be worse.",
            more=(
                "`modelhub inspect FILE --why` shows what was looked at; `modelhub set MODEL type=lora` overrides it.",
            ),
            examples=models("type:unknown", usable=False),
        ),
    ),
)
