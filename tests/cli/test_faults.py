"""SIGKILL and full disks at seeded moments of everything long; then the same command is given.

It ends with the same bits as if nothing had happened. The slow tests have fifty kills and twenty
full disks (docs/reliability.md); the default run has one kill, and a training that is terminated
(`test_commands.py`).
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from dcign_tf.pretrained import pretrained_run
from dcign_tf.runs.checkpoints import load_model
from dcign_tf.runs.directory import RunDirectory
from tests.helpers import ROOT, works
from tests.helpers.commands import execute
from tests.helpers.works import Work


@pytest.fixture(scope="module")
def generation(tmp_path_factory) -> Work:
    return works.generation(tmp_path_factory.mktemp("generation"))


@pytest.fixture(scope="module")
def training(tmp_path_factory, generation) -> Work:
    return works.training(tmp_path_factory.mktemp("training"), generation.whole / "data")


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory, training) -> Work:
    trained = tmp_path_factory.mktemp("trained")
    shutil.copytree(
        training.whole, trained, ignore=shutil.ignore_patterns("evaluation"), dirs_exist_ok=True
    )
    checkpoint = RunDirectory(trained / "run").last_checkpoint
    model = load_model(checkpoint)
    model.calibration = None
    model.save(checkpoint)
    return works.evaluation(tmp_path_factory.mktemp("evaluation"), trained)


@pytest.fixture(scope="module")
def export(tmp_path_factory, training) -> Work:
    return works.export(tmp_path_factory.mktemp("export"), training.whole)


@pytest.fixture(scope="module")
def rerendering(tmp_path_factory) -> Work:
    pictures = tmp_path_factory.mktemp("pictures")
    shutil.copytree(pretrained_run().evaluation / "examples", pictures, dirs_exist_ok=True)
    work = works.rerendering(tmp_path_factory.mktemp("rerendering"), pictures)
    assert len(work.result(work.whole)) > 40
    return work


@pytest.fixture
def work(request) -> Work:
    return request.getfixturevalue(request.param)


def killed_at(share: float, work: Work, tmp_path: Path) -> None:
    """Kills the work after this share of what it writes, and does it to its end."""
    for attempt in range(5):
        folder = tmp_path / str(attempt)
        delay = random.Random(share).uniform(0, 0.3)
        _, status = work.run_until(max(1, share * work.changes), folder, delay)
        if status == -signal.SIGKILL:
            break
        share *= 0.8  # fewer changes were seen, and it was done before
    assert status == -signal.SIGKILL
    again = execute(work.command(folder), cwd=ROOT)
    assert again.returncode == 0, again.stderr
    assert "damaged" not in again.stdout + again.stderr
    work.assert_done(folder)


# In a namespace of its own, where a user may mount what only this process sees.
_ON_A_SMALL_DISK = """
folder=$1 start=$2 kilobytes=$3 stopped=$4 done=$5; shift 5
mount -t tmpfs none "$folder"
cp -a "$start/." "$folder"
used=$(df --output=used -k "$folder" | tail -1)
mount -o "remount,size=$((used + kilobytes))k" "$folder"
status=0; "$@" || status=$?
cp -a "$folder" "$stopped"
mount -o remount,size=50% "$folder"
"$@" >"$stopped.log" 2>&1 || { cat "$stopped.log"; exit 99; }
cp -a "$folder" "$done"
exit $status
"""
_IN_A_NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")


def kilobytes_of(folder: Path) -> int:
    return int(execute(["du", "-sk", str(folder)]).stdout.split()[0])


def filled_at(share: float, work: Work, tmp_path: Path) -> None:
    """Does the work where this share of what it writes has room, and to its end where all has."""
    if subprocess.run([*_IN_A_NAMESPACE, "true"], capture_output=True).returncode:
        pytest.skip("no namespace in which to mount a small disk")
    folder, start, stopped, done = (tmp_path / n for n in ("disk", "start", "stopped", "done"))
    folder.mkdir()
    work.begin(start)
    room = int(share * (kilobytes_of(work.whole) - kilobytes_of(start)))
    script = [*_IN_A_NAMESPACE, "sh", "-euc", _ON_A_SMALL_DISK, "sh"]
    places = (folder, start, room, stopped, done)
    finished = execute([*script, *map(str, places), *work.command(folder)], cwd=ROOT)
    assert finished.returncode == 1, finished.stdout + finished.stderr
    *_, told = filter(str.strip, finished.stderr.splitlines())
    assert "No space left" in told or "Too little disk space" in told, finished.stderr
    assert "Traceback" not in finished.stderr
    assert not list(stopped.rglob(".aside-*"))
    again = Path(f"{stopped}.log").read_text(encoding="utf-8")
    assert "damaged" not in again
    last = RunDirectory(stopped / "run").last_checkpoint
    if last.exists():
        load_model(last)
    work.assert_done(done)


def seeded(counts: dict[str, int]) -> pytest.MarkDecorator:
    """So many shares of each work."""
    draw = random.Random(2026)
    shares = [
        (name, round(draw.uniform(0.02, 0.98), 3))
        for name, count in counts.items()
        for _ in range(count)
    ]
    return pytest.mark.parametrize(("work", "share"), shares, indirect=["work"])


def test_a_folder_killed_while_it_is_rendered(rerendering, tmp_path):
    killed_at(0.7, rerendering, tmp_path)


@pytest.mark.slow
@seeded({"generation": 10, "rerendering": 10, "export": 7, "evaluation": 8, "training": 15})
def test_killed(work, share, tmp_path):
    killed_at(share, work, tmp_path)


@pytest.mark.slow
@seeded({"generation": 4, "rerendering": 4, "export": 3, "evaluation": 3, "training": 6})
def test_a_full_disk(work, share, tmp_path):
    filled_at(share, work, tmp_path)
