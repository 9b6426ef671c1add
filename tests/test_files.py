"""Files and folders are there whole or not at all."""

from __future__ import annotations

import pytest

from dcign_tf.files import aside


class TestAside:
    def test_a_folder_appears_whole(self, tmp_path):
        with aside(tmp_path / "new" / "folder") as temporary:
            temporary.mkdir()
            (temporary / "file").write_text("content")
            assert not (tmp_path / "new" / "folder").exists()
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["folder"]
        assert (tmp_path / "new" / "folder" / "file").read_text() == "content"

    @pytest.mark.parametrize("is_folder", [False, True])
    def test_what_fails_leaves_the_old_one_and_nothing_beside_it(self, tmp_path, is_folder):
        path = tmp_path / "file.png"
        path.write_text("old")

        def fail_halfway():
            with aside(path) as temporary:
                assert temporary.suffix == ".png"
                if is_folder:
                    (temporary / "inside").mkdir(parents=True)
                else:
                    temporary.write_text("new")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail_halfway()
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]

    def test_what_a_killed_process_left_is_not_kept(self, tmp_path):
        (tmp_path / ".aside-folder" / "half").mkdir(parents=True)
        with aside(tmp_path / "folder") as temporary:
            temporary.mkdir()
        assert not any((tmp_path / "folder").iterdir())
