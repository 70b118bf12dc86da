"""What the Hub tells of a repository: card, files, folders, history; and what people see of it."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.hf_api import RepoFile, RepoFolder
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from tests.helpers.local_hub import RunningHub, noise

CARD = b"""---
license: apache-2.0
library_name: transformers
pipeline_tag: text-generation
base_model: lab/base
tags: [lab, 2026-11-23]
---
# A model <script>alert(1)</script>

[bad](javascript:alert(1)) and **good**

| leaf | before | after |
| --- | --- | --- |
| tides | 1 | 9 |
"""


def push(api: HfApi, files: dict[str, bytes], repository: str = "lab/model", kind: str = "model") -> str:
    api.create_repo(repository, repo_type=kind, exist_ok=True)
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    return str(api.create_commit(repository, operations, commit_message="Push", repo_type=kind).oid)


def test_a_model_tells_what_its_card_says(api: HfApi) -> None:
    push(api, {"README.md": CARD, "w.safetensors": noise(3000)})
    info = api.model_info("lab/model", files_metadata=True)
    assert info.card_data is not None
    assert info.card_data["license"] == "apache-2.0"
    assert (info.library_name, info.pipeline_tag) == ("transformers", "text-generation")
    assert {"lab", "2026-11-23", "license:apache-2.0", "base_model:lab/base"} <= set(info.tags or [])
    assert {file.rfilename: file.size for file in info.siblings or []}["w.safetensors"] == 3000


def test_a_broken_card_is_refused_before_the_commit(api: HfApi) -> None:
    broken = {
        "no YAML": b"a: [unclosed",
        "no mapping": b"- a list",
        "aliases": b"a: &x [1]\nb: [*x, *x]",
        "no number": b"a: .nan",
        "too deep": b"[" * 2000 + b"]" * 2000,
    }
    for head in broken.values():
        with pytest.raises(ValueError, match="the metadata of the card"):
            push(api, {"README.md": b"---\n" + head + b"\n---\n# Card"})
    assert api.list_repo_files("lab/model") == [".gitattributes"]


def test_a_dataset_has_its_own_place(hub: RunningHub, api: HfApi, tmp_path: Path) -> None:
    push(api, {"data/train.jsonl": b'{"a": 1}\n', "big.parquet": noise(300_000)}, "lab/data", "dataset")
    assert api.dataset_info("lab/data").id == "lab/data"
    assert not api.repo_exists("lab/data", repo_type="model")
    found = Path(api.snapshot_download("lab/data", repo_type="dataset", cache_dir=tmp_path / "fresh"))
    assert (found / "data" / "train.jsonl").read_bytes() == b'{"a": 1}\n'
    assert (found / "big.parquet").read_bytes() == noise(300_000)
    assert "train.jsonl" in httpx.get(f"{hub.url}/datasets/lab/data").text


def test_the_tree_level_by_level(api: HfApi) -> None:
    push(api, {"a.txt": b"a", "sub/b.txt": b"b", "sub/deep/c.txt": b"c"})
    assert [item.path for item in api.list_repo_tree("lab/model")] == [".gitattributes", "a.txt", "sub"]
    assert [item.path for item in api.list_repo_tree("lab/model", "sub")] == ["sub/b.txt", "sub/deep"]
    deep = [item.path for item in api.list_repo_tree("lab/model", "sub", recursive=True)]
    assert deep == ["sub/b.txt", "sub/deep", "sub/deep/c.txt"]
    paths = api.get_paths_info("lab/model", ["sub", "a.txt", "nothing"])
    assert [type(item) for item in paths] == [RepoFolder, RepoFile]


def test_the_tree_tells_which_commit_changed_what(api: HfApi) -> None:
    first = push(api, {"a.txt": b"a", "sub/b.txt": b"b"})
    second = push(api, {"sub/b.txt": b"changed"})
    last = {item.path: item.last_commit.oid for item in api.list_repo_tree("lab/model", expand=True)}
    assert (last["a.txt"], last["sub"]) == (first, second)


def test_long_lists_come_in_pages(api: HfApi) -> None:
    push(api, {f"f{number:04}.txt": b"x" for number in range(1005)})
    push(api, {f"sub/f{number:02}.txt": b"x" for number in range(60)})
    assert len(list(api.list_repo_tree("lab/model"))) == 1007
    assert len(list(api.list_repo_tree("lab/model", "sub", expand=True))) == 60


def test_a_long_history_comes_in_pages(api: HfApi) -> None:
    api.create_repo("lab/model")
    for number in range(52):
        text = CommitOperationAdd("a.txt", str(number).encode())
        api.create_commit("lab/model", [text], commit_message=str(number))
    titles = [commit.title for commit in api.list_repo_commits("lab/model")]
    assert titles == [*(str(number) for number in reversed(range(52))), "initial commit"]


def test_a_page_shows_the_card_as_text_that_does_nothing(hub: RunningHub, api: HfApi) -> None:
    push(api, {"README.md": CARD, "sub/<img>.txt": b"x"})
    api.create_tag("lab/model", tag="v1")
    page = httpx.get(f"{hub.url}/lab/model/tree/v1")
    assert page.status_code == 200
    assert "<strong>good</strong>" in page.text
    assert "<td>tides</td>" in page.text
    assert "<script" not in page.text
    assert 'href="javascript' not in page.text
    assert "<img" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert 'href="/lab/model/tree/v1"' in page.text
    assert "lab/model" in httpx.get(hub.url).text


def test_links_on_a_page_lead_to_the_files(hub: RunningHub, api: HfApi) -> None:
    commit = push(api, {"page.html": b"<script>alert(1)</script>", "w.bin": noise(100)})
    raw = httpx.get(f"{hub.url}/lab/model/resolve/{commit}/page.html")
    assert raw.headers["content-type"].startswith("text/plain")
    assert raw.headers["x-content-type-options"] == "nosniff"
    assert httpx.get(f"{hub.url}/lab/model/raw/main/w.bin").text.startswith("version https://git-lfs")
    assert httpx.get(f"{hub.url}/lab/model/commit/{commit}").status_code == 200


def test_pages_that_are_not_there(hub: RunningHub, api: HfApi) -> None:
    push(api, {"README.md": CARD + b"# Secret"})
    api.update_repo_settings("lab/model", private=True)
    for path in ("lab/model", "lab/nothing"):
        page = httpx.get(f"{hub.url}/{path}")
        assert page.status_code == 401
        assert "Secret" not in page.text
    assert "lab/model" not in httpx.get(hub.url).text


def test_transformers_loads_a_model_from_here(
    api: HfApi, run_python: Callable[..., str], tmp_path: Path
) -> None:
    tiny_llama(tmp_path / "tiny")
    api.create_repo("lab/tiny")
    api.upload_folder(repo_id="lab/tiny", folder_path=tmp_path / "tiny")
    api.create_tag("lab/tiny", tag="v1")
    api.delete_file("model.safetensors", "lab/tiny")
    load = """
from transformers import AutoModelForCausalLM, AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained("lab/tiny", revision="v1")
model = AutoModelForCausalLM.from_pretrained("lab/tiny", revision="v1")
print(tokenizer("the tide rises").input_ids, float(model.lm_head.weight.mean()))
"""
    assert run_python(load).splitlines()[-1] == "[2, 3, 4] 0.25"


def tiny_llama(folder: Path) -> None:
    """A model with three words, of the smallest size that transformers accepts; every weight is 0.25."""
    words = {word: number for number, word in enumerate(["<unk>", "</s>", "the", "tide", "rises"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    kind = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>", "eos_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(kind))
    size = {"vocab_size": 5, "hidden_size": 16, "intermediate_size": 32}
    heads = {"num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2}
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", **size, **heads}
    (folder / "config.json").write_text(json.dumps(config))
    layer = "model.layers.0."
    shapes: dict[str, tuple[int, ...]] = {"lm_head.weight": (5, 16), "model.embed_tokens.weight": (5, 16)}
    shapes |= {f"{layer}self_attn.{name}_proj.weight": (16, 16) for name in "qkvo"}
    shapes |= {f"{layer}mlp.{name}_proj.weight": (32, 16) for name in ("gate", "up")}
    shapes |= {f"{layer}{name}_layernorm.weight": (16,) for name in ("input", "post_attention")}
    shapes |= {f"{layer}mlp.down_proj.weight": (16, 32), "model.norm.weight": (16,)}
    weights = {name: np.full(shape, 0.25, np.float32) for name, shape in shapes.items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
