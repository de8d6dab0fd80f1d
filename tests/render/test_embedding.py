"""Textual inversions are read from every format and stand where diffusers would put them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

REASON = "the extra `render` is not installed: pip install 'sd-modelhub[render]'"
torch = pytest.importorskip("torch", reason=REASON)
pytest.importorskip("diffusers", reason=REASON)
pytest.importorskip("transformers", reason=REASON)

from diffusers.loaders import TextualInversionLoaderMixin  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection  # noqa: E402

from modelhub.errors import ModelhubError  # noqa: E402
from modelhub.formats.sniff import read_header  # noqa: E402
from modelhub.render.embedding import (  # noqa: E402
    Embedding,
    has_matching_widths,
    in_encoder_order,
    read_embedding,
    replace_tokens,
)
from modelhub.render.loading.tensors import load  # noqa: E402

FAMILY = Path(__file__).resolve().parents[1] / "data" / "miniature"
WIDTH = 24
MARK = "gem"
"""A word of one token that is put where the embedding's word is."""


def opened(path: Path) -> Embedding:
    """Read a file with modelhub's own reader."""
    return read_embedding(load(path), read_header(path).entries)


@pytest.fixture(scope="module")
def text_encoder() -> Any:
    """A small CLIP text encoder with the whole vocabulary, random."""
    return a_text_encoder(CLIPTextModel)


def a_text_encoder(kind: Any) -> Any:
    torch.manual_seed(4)
    config = CLIPTextConfig(
        vocab_size=49408,
        hidden_size=WIDTH,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        projection_dim=WIDTH,
        bos_token_id=49406,
        eos_token_id=49407,
        pad_token_id=49407,
    )
    return kind(config).requires_grad_(False).eval()


def ids(tokenizer: Any, prompts: list[str]) -> Any:
    """Token numbers (batch, 77)."""
    return tokenizer(prompts, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids


class DiffusersLoader(TextualInversionLoaderMixin):
    """The parts of a pipeline that diffusers' loader of textual inversions needs."""

    hf_device_map = None

    def __init__(self, tokenizer: Any, text_encoder: Any) -> None:
        self.tokenizer, self.text_encoder = tokenizer, text_encoder
        self.components = {"tokenizer": tokenizer, "text_encoder": text_encoder}


def diffusers_answer(text_encoder: Any, path: Path, prompts: list[str], word: str) -> Any:
    """Encode prompts with the word on a copy of the encoder, into which diffusers has loaded the file."""
    import copy

    from tools.miniature.networks import make_tokenizer

    tokenizer, encoder = make_tokenizer(), copy.deepcopy(text_encoder)
    loader = DiffusersLoader(tokenizer, encoder)
    loader.load_textual_inversion(str(path), token=word, local_files_only=True)
    return encoder(ids(tokenizer, loader.maybe_convert_prompt(prompts, tokenizer))).last_hidden_state


def our_answer(text_encoder: Any, path: Path, prompts: list[str], word: str) -> Any:
    """Encode the same prompts with modelhub's hook; a placeholder marks the word's tokens."""
    from tools.miniature.networks import make_tokenizer

    tokenizer, vectors = make_tokenizer(), opened(path).vectors[0]
    marked = ids(tokenizer, [prompt.replace(word, " ".join([MARK] * len(vectors))) for prompt in prompts])
    mark = tokenizer.convert_tokens_to_ids(MARK + "</w>")
    positions = torch.full((len(prompts), len(vectors)), -1)
    for row, tokens in enumerate(marked):
        found = (tokens == mark).nonzero()[:, 0]
        positions[row, : len(found)] = found
    with replace_tokens(text_encoder, positions, vectors):
        return text_encoder(marked).last_hidden_state


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("form", ["diffusers", "a1111"])
def test_it_is_what_diffusers_computes(text_encoder: Any, tmp_path: Path, count: int, form: str) -> None:
    """Every hidden state is equal to the last bit, in rows with the word and in a row without it."""
    torch.manual_seed(count)
    vectors, path, word = torch.randn(count, WIDTH) * 0.3, tmp_path / "e.bin", "<gemstone>"
    whole = {"string_to_token": {"*": 265}, "string_to_param": {"*": vectors}, "name": word, "step": 1}
    torch.save({word: vectors} if form == "diffusers" else whole, path)
    prompts = [f"a photo of {word}", f"{word} on a table, oil painting", "a photo of a cat"]
    ours, theirs = (find(text_encoder, path, prompts, word) for find in (our_answer, diffusers_answer))
    assert torch.equal(ours, theirs)
    without = text_encoder(ids_of("a photo of a")).last_hidden_state
    assert (ours[:1] - without).abs().max() > 0.01


def ids_of(prompt: str) -> Any:
    """Return the token ids of one prompt."""
    from tools.miniature.networks import make_tokenizer

    return ids(make_tokenizer(), [prompt])


def test_nothing_is_left_behind(text_encoder: Any) -> None:
    """The table, its hooks and what the encoder gives are as before, after an error too."""
    prompt, table = ids_of("a photo of a cat"), text_encoder.get_input_embeddings()
    before, weight = text_encoder(prompt).last_hidden_state, table.weight.clone()
    with pytest.raises(KeyError), replace_tokens(text_encoder, torch.tensor([[3]]), torch.ones(1, WIDTH)):
        assert not torch.equal(text_encoder(prompt).last_hidden_state, before)
        raise KeyError
    assert torch.equal(text_encoder(prompt).last_hidden_state, before)
    assert torch.equal(table.weight, weight)
    assert not table._forward_hooks


def test_only_the_positions_are_replaced(text_encoder: Any) -> None:
    """Each row has its own, -1 is none, and a word may stand in a prompt twice."""
    table, vectors = text_encoder.get_input_embeddings(), torch.stack([torch.full((WIDTH,), n) for n in (7.0, 8.0)])
    tokens = torch.arange(30).reshape(3, 10)
    positions = torch.tensor([[2, 3, 8, 9], [-1, -1, -1, -1], [5, 4, -1, -1]])
    wanted = table(tokens).clone()
    wanted[0, 2], wanted[0, 3], wanted[0, 8], wanted[0, 9] = vectors[0], vectors[1], vectors[0], vectors[1]
    wanted[2, 5], wanted[2, 4] = vectors[0], vectors[1]
    with replace_tokens(text_encoder, positions, vectors):
        assert torch.equal(table(tokens), wanted)


def test_two_embeddings_stand_in_one_prompt(text_encoder: Any) -> None:
    """Each hook replaces its own positions."""
    table, tokens = text_encoder.get_input_embeddings(), torch.arange(10)[None]
    first, second = (
        replace_tokens(text_encoder, torch.tensor([[at]]), torch.full((1, WIDTH), float(at))) for at in (2, 6)
    )
    with first, second:
        result = table(tokens)
    assert [float(result[0, at, 0]) for at in (2, 6)] == [2.0, 6.0]


def test_vectors_take_the_encoders_data_type(text_encoder: Any) -> None:
    """A bfloat16 encoder with the projection of SDXL's second."""
    encoder = a_text_encoder(CLIPTextModelWithProjection).to(torch.bfloat16)
    prompt = ids_of("a photo of a cat")
    before = encoder(prompt).text_embeds
    with replace_tokens(encoder, torch.tensor([[4]]), torch.randn(1, WIDTH)):
        changed = encoder(prompt).text_embeds
    assert changed.dtype == torch.bfloat16
    assert not torch.equal(before, changed)


@pytest.mark.parametrize(
    ("positions", "vectors", "words"),
    [
        (torch.zeros(1, 1, dtype=torch.long), torch.ones(1, WIDTH + 1), "width 24"),
        (torch.zeros(1, 1, dtype=torch.long), torch.ones(WIDTH), "width 24"),
        (torch.zeros(1, dtype=torch.long), torch.ones(1, WIDTH), "Positions of shape"),
        (torch.zeros(1, 3, dtype=torch.long), torch.ones(2, WIDTH), "Positions of shape"),
        (torch.zeros(1, 0, dtype=torch.long), torch.ones(2, WIDTH), "Positions of shape"),
        (torch.zeros(1, 1, dtype=torch.long), torch.ones(0, WIDTH), "Positions of shape"),
        (torch.zeros(2, 1, dtype=torch.long), torch.ones(1, WIDTH), "2 prompts"),
        (torch.full((1, 1), 77), torch.ones(1, WIDTH), "77 tokens"),
    ],
)
def test_what_does_not_fit_is_an_error(text_encoder: Any, positions: Any, vectors: Any, words: str) -> None:
    """Nothing is placed somewhere else instead, and no hook stays."""
    prompt = ids_of("a photo")
    with pytest.raises(ModelhubError, match=words), replace_tokens(text_encoder, positions, vectors):
        text_encoder(prompt)
    assert not text_encoder.get_input_embeddings()._forward_hooks


def test_the_three_nightgems_are_one_embedding() -> None:
    """A1111's, safetensors' and diffusers' file of the miniature family hold the same two vectors."""
    names = ("nightgem.pt", "nightgem.safetensors", "learned_embeds.safetensors")
    first, *others = (opened(FAMILY / name) for name in names)
    assert (first.tokens, first.widths) == (2, (40,))
    assert all(torch.equal(first.vectors[0], other.vectors[0]) for other in others)


def a_parameter_dict(vectors: Any) -> Any:
    """Older A1111 saved the module that held the parameters."""
    return torch.nn.ParameterDict({"*": torch.nn.Parameter(vectors)})


FORMS: dict[str, Any] = {
    "a1111": lambda v: {"string_to_token": {"*": 265}, "string_to_param": {"*": v}, "name": "w", "step": 3},
    "parameter": lambda v: {"string_to_token": {"*": 265}, "string_to_param": {"*": torch.nn.Parameter(v)}},
    "module": lambda v: {"string_to_token": {"*": torch.tensor(265)}, "string_to_param": a_parameter_dict(v)},
    "half": lambda v: {"string_to_param": {"*": v.half()}},
    "diffusers": lambda v: {"<word>": v},
    "one vector": lambda v: {"<word>": v[0]},
    "emb_params": lambda v: {"emb_params": v},
    "bare": lambda v: v,
    "one half of a pair": lambda v: {"clip_l": v},
}


@pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("form", FORMS)
def test_every_pickled_form_is_read(tmp_path: Path, form: str, new: bool) -> None:
    """Both of torch's containers, one vector or several, always as float32 rows."""
    vectors = torch.arange(3 * WIDTH).reshape(3, WIDTH) / 64
    torch.save(FORMS[form](vectors), tmp_path / "e.pt", _use_new_zipfile_serialization=new)
    found = opened(tmp_path / "e.pt").vectors
    assert len(found) == 1
    assert found[0].dtype == torch.float32
    assert torch.equal(found[0], vectors[:1] if form == "one vector" else vectors)


@pytest.mark.parametrize("names", [("clip_l", "clip_g"), ("clip_g", "clip_l"), ("text_encoders_0", "text_encoders_1")])
@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_sdxls_pair_is_read_with_clip_l_first(tmp_path: Path, names: tuple[str, str], suffix: str) -> None:
    """Whatever the order in the file; it fits only a base with both encoders, and takes their order."""
    widths = {"clip_l": 768, "text_encoders_0": 768}
    tensors = {name: torch.randn(2, widths.get(name, 1280)) for name in names}
    path = tmp_path / f"pair{suffix}"
    if suffix == ".pt":
        torch.save(tensors, path)
    else:
        save_file(tensors, path)
    pair = opened(path)
    assert (pair.widths, pair.tokens) == ((768, 1280), 2)
    assert has_matching_widths(pair, (768, 1280))
    assert has_matching_widths(pair, (1280, 768))
    assert [part.shape[1] for part in in_encoder_order(pair, (1280, 768))] == [1280, 768]
    assert not any(has_matching_widths(pair, widths) for widths in [(768,), (1280,), (768, 768), (768, 1280, 4096), ()])


def test_one_tensor_fits_one_encoder_of_its_width() -> None:
    """SD1's on SD1, not on SD2 and not on one of SDXL's two."""
    one = Embedding((torch.zeros(1, 768),))
    assert has_matching_widths(one, [768])
    assert not any(has_matching_widths(one, widths) for widths in ([1024], [768, 1280], [768, 768], []))
    with pytest.raises(ModelhubError, match="768 wide; the base's text encoders need 768\\+1280"):
        in_encoder_order(one, [768, 1280])


def test_a_pair_of_equal_widths_keeps_its_order() -> None:
    """Nothing but the order tells them apart."""
    pair = Embedding((torch.zeros(1, 64), torch.ones(1, 64)))
    assert [float(part[0, 0]) for part in in_encoder_order(pair, (64, 64))] == [0.0, 1.0]


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({}, "no vectors"),
        ({"step": torch.tensor(3)}, "the file holds step"),
        ({"<a>": torch.ones(1, 8), "<b>": torch.ones(1, 8)}, "several embeddings"),
        ({"string_to_param.*": torch.ones(1, 8), "string_to_param.+": torch.ones(1, 8)}, "several embeddings"),
        ({"<a>": torch.tensor(1.0)}, "not a list of vectors"),
        ({"<a>": torch.ones(1, 2, 8)}, "not a list of vectors"),
        ({"<a>": torch.ones(0, 8)}, "not a list of vectors"),
        ({"<a>": torch.ones(2, 0)}, "not a list of vectors"),
        ({"string_to_param.*": torch.ones(1, 8, dtype=torch.int64)}, "not a list of vectors"),
        ({"emb_params": torch.ones(1, 8, dtype=torch.complex64)}, "not a list of vectors"),
        ({"<a>": torch.ones(76, 8)}, "room for 75"),
        ({"<a>": torch.ones(1, 1).expand(10**6, 10**6)}, "room for 75"),
        ({"clip_l": torch.ones(2, 8), "clip_g": torch.ones(3, 16)}, "2 and 3 vectors"),
        ({"clip_l": torch.ones(2, 8), "clip_g": torch.ones(1, 2, 16)}, "clip_g is not a list"),
    ],
)
def test_odd_files_are_errors_that_name_what_is_wrong(tensors: dict[str, Any], words: str) -> None:
    """No traceback, and no memory taken for a million vectors."""
    with pytest.raises(ModelhubError, match=words) as caught:
        read_embedding(tensors, {})
    assert caught.value.remedy.text
