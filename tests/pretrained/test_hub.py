"""Packed models on a stand-in for the Hugging Face Hub: a server of ours that speaks as it does."""

from __future__ import annotations

import hashlib
import http.server
import json
import shutil
import threading
from pathlib import Path

import huggingface_hub
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import dcign_tf
from dcign_tf.datasets.registry import dataset_facts
from dcign_tf.errors import UserError
from dcign_tf.pretrained import hub, packing, pretrained_run
from tests.helpers.trained_runs import LATENTS, write_run

COMMIT = "c0ffee" + 34 * "0"


@pytest.fixture(scope="module")
def packed(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    run, _ = write_run(folder / "run")
    packing.pack(run, folder / "faces", repository="someone/faces", show=lambda _: None)
    return folder / "faces"


class StandIn(http.server.BaseHTTPRequestHandler):
    """What the client asks of the hub, for one repository, `someone/faces`, of one commit."""

    folder: Path  # set for each test
    claimed: dict[str, int]
    """Sizes told of files in place of the true ones."""
    sent: list[str]

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        _, *path = self.path.partition("?")[0].split("/")
        if path[:4] == ["api", "models", "someone", "faces"]:
            unknown = path[4:5] == ["revision"] and path[5] not in ("main", "v1", COMMIT)
            if unknown:
                self.answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
            elif path[4:5] == ["tree"]:
                self.answer(200, json.dumps([*map(self.tree_entry, self.files())]).encode())
            else:
                siblings = list(map(self.sibling, self.files()))
                about = {"id": "someone/faces", "sha": COMMIT, "siblings": siblings}
                self.answer(200, json.dumps({"modelId": "someone/faces", **about}).encode())
        elif path[:3] == ["someone", "faces", "resolve"]:
            name = "/".join(path[4:])
            content = (self.folder / name).read_bytes()
            if self.command == "GET":
                self.sent.append(name)
            tag = hashlib.sha256(content).hexdigest()
            self.answer(200, content, {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT})
        else:
            self.answer(404, b"", {"X-Error-Code": "RepoNotFound"})

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def sibling(self, file: Path) -> dict:
        entry = self.tree_entry(file)
        return {"rfilename": entry["path"], "size": entry["size"], "lfs": entry.get("lfs")}

    def tree_entry(self, file: Path) -> dict:
        name, content = file.relative_to(self.folder).as_posix(), file.read_bytes()
        size = self.claimed.get(name, len(content))
        entry = {"type": "file", "path": name, "size": size, "oid": "0" * 40}
        if name.endswith((".keras", ".npz")):
            digest = self.claimed.get("sha256", hashlib.sha256(content).hexdigest())
            oid = {"oid": digest, "sha256": digest}
            entry["lfs"] = {**oid, "size": size, "pointerSize": 130}
        return entry

    def answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def stand_in(packed, tmp_path, monkeypatch):
    """The server; what it is to serve differently can be set on it."""
    served = type("Served", (StandIn,), {"claimed": {}, "sent": []})
    served.folder = shutil.copytree(packed, tmp_path / "served")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), served)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    for module in ("constants", "file_download", "hf_api", "utils._http"):
        there = __import__(f"huggingface_hub.{module}", fromlist=["x"])
        for name, value in {
            "ENDPOINT": url,
            "HUGGINGFACE_CO_URL_TEMPLATE": url + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_HUB_CACHE": str(tmp_path / "cache"),
            "HF_HUB_DISABLE_XET": True,
        }.items():
            if hasattr(there, name):
                monkeypatch.setattr(there, name, value)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield served
    server.shutdown()
    server.server_close()


def test_a_packed_model_is_fetched_and_loaded(stand_in, packed, tmp_path):
    (stand_in.folder / "evil.py").write_text("raise SystemExit")
    model = dcign_tf.load_pretrained("hf://someone/faces")
    assert (model.code.latent_dim, model.calibration.step) == (LATENTS, 7)
    assert "checkpoints/last.keras" in stand_in.sent
    assert not {"evil.py", "photograph.png", "README.md"} & {*stand_in.sent}
    # Of what is there already nothing is sent again, and it is a run directory like others.
    stand_in.sent.clear()
    run = pretrained_run("hf://someone/faces@v1")
    assert stand_in.sent == []
    assert run.read_scores()["step"] == 7
    assert run.path.is_relative_to(tmp_path / "cache")


def test_without_the_hub_it_is_what_was_fetched_before(stand_in, monkeypatch):
    with pytest.raises(UserError, match=r"^There is no hf://someone/faces@v9 that you may read"):
        pretrained_run("hf://someone/faces@v9")
    before = pretrained_run("hf://someone/faces")

    def fails(*_, **__):
        raise ConnectionError("no network")

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", fails)
    assert pretrained_run("hf://someone/faces").path == before.path
    with pytest.raises(UserError, match=r"^Cannot fetch hf://someone/chairs \(no network\)"):
        pretrained_run("hf://someone/chairs")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda hub_: hub_.claimed.update({"checkpoints/last.keras": 13_000_000}),
            r"its files take 13\.\d MB, and 12\.0 MB are the most",
        ),
        (lambda hub_: (hub_.folder / "config.json").unlink(), r"it has no config\.json"),
        (
            lambda hub_: (hub_.folder / "checkpoints" / "last.keras").unlink(),
            r"it has no checkpoints/last\.keras",
        ),
    ],
)
def test_what_is_no_packed_model_is_not_fetched(stand_in, spoil, message):
    spoil(stand_in)
    with pytest.raises(UserError, match=rf"^hf://someone/faces is no model that .*{message}"):
        dcign_tf.load_pretrained("hf://someone/faces")
    assert stand_in.sent == []


def test_a_file_that_does_not_fit_its_checksum_is_refused(stand_in):
    stand_in.claimed["sha256"] = 64 * "0"
    with pytest.raises(UserError, match=r"is damaged: it does not fit the hub's checksum"):
        dcign_tf.load_pretrained("hf://someone/faces")


def test_a_strangers_file_is_read_as_carefully_as_any(stand_in):
    """Here: a checkpoint that is none."""
    (stand_in.folder / "checkpoints" / "last.keras").write_bytes(b"import os")
    with pytest.raises(UserError, match=r"^The checkpoint .* is damaged"):
        dcign_tf.load_pretrained("hf://someone/faces")


def test_a_model_that_there_is_not(stand_in):
    with pytest.raises(UserError, match=r"^There is no hf://nobody/faces that you may read"):
        dcign_tf.load_pretrained("hf://nobody/faces")


@pytest.mark.parametrize(
    "wrong",
    ["hf://", "hf://faces", "hf://a/b/c", "hf://../b", "hf://a/b@", "hf://a/..", "hf://a/b c"],
)
def test_what_is_no_address_is_said_to_be_none(wrong):
    with pytest.raises(UserError, match="is no address such as hf://owner/name"):
        pretrained_run(wrong)


names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)


@given(names, names, st.none() | names)
def test_addresses_are_parsed(owner, name, revision):
    address = f"hf://{owner}/{name}" + (f"@{revision}" if revision else "")
    assert hub.parsed(address) == (f"{owner}/{name}", revision)


def test_without_its_library_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub.errors", None)
    with pytest.raises(UserError, match=r"pip install 'dcign-tf\[hub\]'"):
        pretrained_run("hf://someone/faces")


def test_the_card_is_what_the_hub_reads(packed):
    """Its front matter, as the hub's own library understands it, and an example to copy."""
    assert not (packed / "model_card.md").exists()
    card = huggingface_hub.ModelCard.load(packed / "README.md")
    assert (card.data.license, card.data.library_name) == ("apache-2.0", "keras")
    assert card.data.pipeline_tag == "image-to-image"
    assert "dcign-tf" in card.data.tags
    assert card.data.metrics == ["mse"]
    (result,) = card.data.eval_results
    assert (result.metric_type, result.metric_value) == ("mse", 0.0123)
    assert (result.dataset_type, result.dataset_split) == ("dcign_faces", "test")
    assert 'load_pretrained("hf://someone/faces")' in card.text
    assert card.text.lstrip().startswith("# faces: ")


def test_the_projects_licence_is_claimed_for_its_own_pictures_alone(packed, tmp_path):
    run, _ = write_run(tmp_path / "run")
    config = run.read_config()
    del config["face_model"]
    run.config_file.write_text(json.dumps({**config, "dataset": "manifest", "data": {}}))
    packing.pack(run, tmp_path / "packed", repository="someone/mine", show=lambda _: None)
    card = huggingface_hub.ModelCard.load(tmp_path / "packed" / hub.CARD)
    assert card.data.license == "other"
    assert "Its training pictures are their owners'" in card.text
    for of_faces in ("procedural", "nobody"):
        assert of_faces in (packed / hub.CARD).read_text()
    assert not any(of_faces in card.text for of_faces in ("procedural", "nobody"))


def test_the_front_matter_has_the_scores_of_every_factor():
    box = pretrained_run("faces")
    config = box.read_config()
    text = hub.front_matter("someone/faces", config, dataset_facts(config), box.read_scores())
    told = yaml.safe_load(text.strip().strip("-"))
    metrics = told["model-index"][0]["results"][0]["metrics"]
    azimuth = box.read_scores()["factors"]["azimuth"]
    assert {"type": "mae", "value": azimuth["mean_absolute_error"]}.items() <= metrics[1].items()
    assert [m["type"] for m in metrics] == ["mse", *3 * ["mae", "r_squared", "spearmanr"]]
    assert told["metrics"] == ["mae", "mse", "r_squared", "spearmanr"]


@pytest.mark.parametrize("wrong", ["faces", "a/b@v1", "hf://a/b"])
def test_what_is_no_repository_is_said_before_anything_is_packed(wrong, packed, tmp_path):
    with pytest.raises(UserError, match="is no "):
        packing.pack(pretrained_run("faces"), tmp_path / "out", repository=wrong)
    assert not (tmp_path / "out").exists()
