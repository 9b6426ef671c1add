"""The processes that render: what they import, and what is said of one that ends."""

from __future__ import annotations

import pytest

from dcign_tf.datasets.storage.workers import render_workers
from dcign_tf.errors import DataError
from tests.helpers.fake_renders import (
    render,
    render_and_be_told_to_end,
    render_and_die,
    render_and_exit,
    render_and_print,
)


def render_all(function):
    with render_workers(function, 1) as rendered:
        return list(rendered([("a", index) for index in range(5)]))


def test_modules_of_the_user_in_the_working_directory_are_not_taken_for_pythons(
    tmp_path, monkeypatch
):
    (tmp_path / "copy.py").write_text("raise RuntimeError('the module of the user')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    assert render_all(render) == [render("a", index) for index in range(5)]


def test_a_worker_that_ends_is_told_of_in_its_own_words():
    with pytest.raises(DataError, match=r"unexpectedly: no graphics here \(exit status 3\)\.$"):
        render_all(render_and_exit)


def test_a_worker_that_was_killed_is_told_of_with_the_flag_that_helps():
    with pytest.raises(DataError, match=r"it was killed, .* memory; give fewer --num_processes\.$"):
        render_all(render_and_die)


def test_a_worker_leaves_sigterm_to_the_process_that_started_it():
    assert render_all(render_and_be_told_to_end) == [render("a", index) for index in range(5)]


def test_what_a_worker_prints_is_passed_on_to_standard_error(capsys):
    render_all(render_and_print)
    out, err = capsys.readouterr()
    assert (out, err) == ("", "a library that prints\n" * 5)
