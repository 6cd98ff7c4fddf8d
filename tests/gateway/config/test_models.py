"""``llm:`` names one model, or several in order."""

from pathlib import Path

from gateway.config import Config, load_config

SOURCE = 'sources: {a: {request: {url: "https://example.org"}}}\n'


def load(folder: Path, text: str) -> Config:
    file = folder / "config.yaml"
    file.write_text(SOURCE + text, encoding="utf-8")
    return load_config(file, {})


def test_one_model_is_a_chain_of_one(tmp_path: Path) -> None:
    llm = load(tmp_path, "llm: {model: m, api_key: sk-1, timeout: 3s}").llm
    (spec,) = llm.chain
    assert (spec.model, spec.api_key, float(spec.timeout or 0)) == ("m", "sk-1", 3.0)
    assert llm.usable
    assert llm.longest == 3


def test_without_a_key_and_a_server_there_is_none_to_ask(tmp_path: Path) -> None:
    assert not load(tmp_path, "llm: {model: m}").llm.usable
    assert not load(tmp_path, "llm: {models: [{model: m}]}").llm.usable


def test_models_in_order_take_what_they_leave_out_but_no_strangers_key(tmp_path: Path) -> None:
    text = """
llm:
  base_url: https://first.example/v1
  api_key: sk-first-key
  timeout: 9s
  models:
    - {model: big}
    - {model: small, timeout: 4s}
    - {model: local, base_url: "http://127.0.0.1:1/v1"}
    - model: cloud
      base_url: https://x.azure.example/openai/deployments/d
      headers: {api-key: azure-key-1}
      query: {api-version: "2024-10-21"}
"""
    config = load(tmp_path, text)
    seen = [(m.base_url, m.api_key, float(m.timeout or 0)) for m in config.llm.chain]
    assert seen[:3] == [
        ("https://first.example/v1", "sk-first-key", 9.0),
        ("https://first.example/v1", "sk-first-key", 4.0),
        ("http://127.0.0.1:1/v1", "", 9.0),
    ]
    assert config.llm.chain[3].api_key == ""
    assert config.llm.longest == 31
    assert {"sk-first-key", "azure-key-1"} <= set(config.secrets)
