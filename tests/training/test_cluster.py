"""Who trains together, as their environment tells it."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcign_tf.errors import UserError
from dcign_tf.training.cluster import ALONE, Cluster, _hosts, cluster_for
from tests.helpers import ROOT

WORKERS = ("a:1", "b:1", "c:1")
SLURM = {
    "SLURM_JOB_ID": "1230007",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_NODELIST": "gpu[2,10],login",
    "SLURM_STEP_TASKS_PER_NODE": "1,2,1",
}


def told(cluster: object, kind: str = "worker", index: object = 0) -> dict[str, str]:
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


def test_nobody_is_alone_without_being_told():
    for environment in ({}, {"TF_CONFIG": "{}"}, {"SLURM_STEP_NUM_TASKS": "1"}):
        assert cluster_for("auto", environment) == ALONE
        with pytest.raises(UserError, match=r"^--strategy=multi_worker needs other workers"):
            cluster_for("multi_worker", environment)


@pytest.mark.parametrize("strategy", ["auto", "multi_worker"])
def test_tf_config_tells(strategy):
    assert cluster_for(strategy, told({"worker": WORKERS}, index=2)) == Cluster(WORKERS, 2)


def test_a_chief_is_the_first_worker():
    cluster = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
    chief = cluster_for("auto", told(cluster, "chief"))
    last = cluster_for("auto", told(cluster, index=1))
    assert (chief, last) == (Cluster(WORKERS, 0), Cluster(WORKERS, 2))
    assert chief.is_chief
    assert not last.is_chief


@pytest.mark.parametrize("strategy", ["single", "mirrored"])
def test_strategies_of_one_process_are_alone(strategy):
    assert cluster_for(strategy, told({"worker": WORKERS}, index=2)) == ALONE
    assert cluster_for(strategy, {**SLURM, "SLURM_PROCID": "2"}) == ALONE


def test_what_a_cluster_tells_is_what_it_is_found_by():
    cluster = Cluster(WORKERS, 1)
    assert cluster_for("auto", {"TF_CONFIG": cluster.tf_config()}) == cluster


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"TF_CONFIG": "{"}, r"TF_CONFIG=\{ cannot be understood"),
        ({"TF_CONFIG": "[1]"}, "cannot be understood"),
        ({"TF_CONFIG": '{"cluster": {"worker": ["a:1"]}}'}, "it lacks 'type'"),
        (told({"worker": WORKERS}, index=3), "there is no worker 3"),
        (told({"worker": WORKERS}, index=-1), "there is no worker -1"),
        (told({"worker": WORKERS}, index="first"), "cannot be understood"),
        (told({"worker": WORKERS, "ps": ["d:1"]}, "ps"), "names this task a ps"),
        (told({"worker": [1, 2]}), "1 is no host:port"),
        (told({"worker": "a:1"}), "'a' is no host:port"),
        (told({"worker": ["a:1", "b"]}), "'b' is no host:port"),
        (told({"worker": ["a:1", "b:65536"]}), "'b:65536' is no host:port"),
        ({**SLURM, "SLURM_STEP_NUM_TASKS": "many", "SLURM_PROCID": "x"}, "cannot be understood"),
        ({**SLURM, "SLURM_PROCID": "4"}, "cannot be understood"),
        ({**SLURM, "SLURM_PROCID": "0", "SLURM_STEP_TASKS_PER_NODE": "4"}, "cannot be understood"),
        ({**SLURM, "SLURM_PROCID": "0", "SLURM_STEP_NODELIST": "gpu[2-x]"}, "cannot be understood"),
    ],
)
def test_what_cannot_be_is_one_line(environment, message):
    with pytest.raises(UserError, match=message) as caught:
        cluster_for("auto", environment)
    assert "\n" not in str(caught.value)


def test_slurm_tells():
    """Hosts are in Slurm's order, not the alphabet's; those of one host have ports of their own."""
    expected = ("gpu2:20007", "gpu10:20007", "gpu10:20008", "login:20007")
    for index in range(4):
        environment = {**SLURM, "SLURM_PROCID": str(index)}
        assert cluster_for("auto", environment) == Cluster(expected, index)


def test_slurm_tells_what_tensorflow_understands(monkeypatch):
    """Where the alphabet's order is Slurm's: see `_told_by_slurm` for where it is not."""
    import tensorflow as tf

    environment = {
        **SLURM,
        "SLURM_STEP_NUM_TASKS": "8",
        "SLURM_STEP_NODELIST": "gpu[08-10],login",
        "SLURM_STEP_TASKS_PER_NODE": "2(x3),2",
        "SLURM_PROCID": "5",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    gpus = {"gpus_per_node": 2, "gpus_per_task": 1, "auto_set_gpu": False}
    resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(port_base=20_007, **gpus)
    workers = tuple(resolver.cluster_spec().as_dict()["worker"])
    assert cluster_for("auto") == Cluster(workers, resolver.task_id)


def test_tf_config_goes_before_slurm():
    environment = {**SLURM, "SLURM_PROCID": "3", **told({"worker": WORKERS}, index=1)}
    assert cluster_for("auto", environment) == Cluster(WORKERS, 1)


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 20)), min_size=1, max_size=4))
def test_lists_of_hosts_are_read(ranges):
    text = ",".join(f"{low:03d}-{low + more:03d}" for low, more in ranges)
    numbers = [n for low, more in ranges for n in range(low, low + more + 1)]
    hosts = list(_hosts(f"a1,rack-n[{text}]x,z"))
    assert hosts == ["a1", *(f"rack-n{n:03d}x" for n in numbers), "z"]
    assert list(_hosts("r[1-2]n[3,4]")) == ["r1n3", "r1n4", "r2n3", "r2n4"]


def test_what_the_documented_pods_are_told():
    """The script of docs/scaling.md, as each pod of the Job runs it."""
    page = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    script = re.search(r"args:\n +- \|\n(.*?exec dcign-tf [^\n]*\n)", page, re.DOTALL)[1]
    shown = re.sub(r"exec .*", 'printf %s "$TF_CONFIG"', script)
    for index in range(3):
        pod = {"NUM_WORKERS": "3", "JOB_COMPLETION_INDEX": str(index), "PATH": os.environ["PATH"]}
        told = subprocess.run(["sh", "-c", shown], env=pod, capture_output=True, text=True)
        pods = tuple(f"dcign-{number}.dcign:2222" for number in range(3))
        assert cluster_for("auto", {"TF_CONFIG": told.stdout}) == Cluster(pods, index)
