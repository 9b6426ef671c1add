"""What is read from manifest.csv, and the line for each thing that may be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dcign_tf.datasets.manifest.table import read_manifest
from dcign_tf.errors import DataError

GOOD = """\
image,identity,azimuth_deg,age
a.png,ann,-30,20.5
sub/b.png,bob,0,31
/data/c.png,ann,45,20.5
"""


def read(tmp_path, text: str | bytes):
    path = tmp_path / "manifest.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_manifest(path)


def assert_same(manifest, other):
    assert manifest.images == other.images
    assert manifest.identities == other.identities
    np.testing.assert_array_equal(manifest.identity, other.identity)
    for column, values in manifest.columns.items():
        np.testing.assert_array_equal(values, other.columns[column])


def test_a_good_one(tmp_path):
    manifest = read(tmp_path, GOOD)
    assert len(manifest) == 3
    assert manifest.images == ["a.png", "sub/b.png", "/data/c.png"]
    assert manifest.identities == ["ann", "bob"]
    assert manifest.identity.tolist() == [0, 1, 0]
    assert manifest.subset is None
    assert list(manifest.columns) == ["azimuth_deg", "age"]
    assert manifest.columns["azimuth_deg"].tolist() == [-30, 0, 45]
    assert manifest.columns["age"].tolist() == [20.5, 31, 20.5]
    assert manifest.picture(1) == tmp_path / "sub/b.png"
    assert str(manifest.picture(2)) == "/data/c.png"
    assert manifest.where(2) == f"{tmp_path}/manifest.csv, line 4"


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\n\n"),
        GOOD.rstrip("\n") + "\n,,,\n , ,,\n",
        GOOD.replace(",", " , "),
        GOOD.replace("ann", '"ann"').replace("45", '"45.0"').replace("31", "3.1e1"),
    ],
)
def test_what_programs_make_of_it(tmp_path, text):
    assert_same(read(tmp_path, text), read(tmp_path, GOOD))


def test_order_of_columns_and_names_of_any_script(tmp_path):
    manifest = read(tmp_path, "Höhe,identity,image\n1,Zoë,ä b.png\n2,李,c.png\n")
    assert manifest.images == ["ä b.png", "c.png"]
    assert manifest.identities == ["Zoë", "李"]
    assert list(manifest.columns) == ["Höhe"]


def test_lines_are_those_of_the_file(tmp_path):
    manifest = read(tmp_path, 'image,identity,x\n\na,"a\nb",1\n\nb,c,2\n')
    assert manifest.line.tolist() == [4, 6]


def test_splits(tmp_path):
    text = "image,split,identity,x\na,test,p,1\nb, train ,q,1\nc,test,p,2\nd,validation,r,1\n"
    manifest = read(tmp_path, text)
    assert manifest.subset.tolist() == [2, 0, 2, 1]
    assert list(manifest.columns) == ["x"]


HEAD = "image,identity,azimuth_deg\n"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", None, "is empty; its first line must name the columns"),
        ("\n\n", None, "is empty"),
        (HEAD, None, "has no rows: one for each picture"),
        ("file,identity,x\n", 1, "no column is called image; parted by commas, there is file, ide"),
        ("image;identity;x\n", 1, "no column is called image; .* there is image;identity;x"),
        ("image,person,x\n", 1, "no column is called identity"),
        ("image,identity\n", 1, "there is no factor: a column of numbers"),
        ("image,identity,split\n", 1, "there is no factor"),
        (",image,identity,x\n", 1, "column 1 has no name"),
        ("image,identity,x,\n", 1, "column 4 has no name"),
        ("image,identity,x,x\n", 1, "two columns are called x"),
        ("image,identity,x,x_deg\n", 1, "x and x_deg name the same factor, x"),
        ("image,identity,intrinsic\n", 1, "a factor cannot be called 'intrinsic'"),
        ("image,identity,distinct\n", 1, "a factor cannot be called 'distinct'"),
        ("image,identity,_deg\n", 1, "a factor cannot be called '_deg'"),
        ("image,identity,a/b\n", 1, "a factor cannot be called 'a/b'"),
        (f"image,identity,{101 * 'a'}\n", 1, "the name of column 3 is too long: a{20}…"),
        (HEAD + "a,p,1\nb,p\n", 3, "2 fields for 3 columns"),
        (HEAD + "a,p,1\nb,p,1,2\n", 3, "4 fields for 3 columns"),
        (HEAD + "a,p,1\n,p,2\n", 3, "image is empty"),
        (HEAD + "a,p,1\nb,,2\n", 3, "identity is empty"),
        (HEAD + "a,p,1\nb,p,left\n", 3, "azimuth_deg is 'left', not a number; every column exc"),
        (HEAD + "a,p,1\nb,p,\n", 3, "azimuth_deg is '', not a number"),
        (HEAD + 'a,p,1\nb,p,"1,5"\n', 3, "azimuth_deg is '1,5', not a number"),
        (HEAD + "a,p,1\nb,p,NaN\n", 3, "azimuth_deg is 'NaN', not a number"),
        (HEAD + "a,p,1\nb,p,8_0\n", 3, "azimuth_deg is '8_0', not a number"),
        (HEAD + "a,p,1\nb,p,١٢\n", 3, "azimuth_deg is '١٢', not a number"),
        (HEAD + "a,p,1\nb,p,-inf\n", 3, "azimuth_deg is '-inf', not a number"),
        (HEAD + "a,p,1\nb,p,1\na,p,2\n", 4, "the picture a has a row already, line 2"),
        (HEAD + "a,p,1\nx/../a,q,1\n", 3, r"the picture x/\.\./a has a row already, line 2"),
        (HEAD + "a,p,3\nb,p,3\n", None, "azimuth_deg is 3 in every row, and a factor must vary"),
        (HEAD + 'a,p,1\n"b,p,1\nc,p,1\n', 4, "a quote is not closed that was opened after line 2"),
        (HEAD + "a,p,1\nb,p,-1e300\n", 3, "'-1e300'; values of 1e\\+15 and more are not taken"),
        (
            "image,identity," + ",".join(map(str, range(10**5))) + "\n",
            1,
            "there are 100,002 columns",
        ),
        ("image,identity,split,x\na,p,training,1\n", 2, "unknown split 'training'; there is train"),
        ("image,identity,split,x\na,p,,1\n", 2, "unknown split ''"),
    ],
)
def test_what_is_wrong_is_one_line_that_says_where(tmp_path, text, line, message):
    with pytest.raises(DataError) as caught:
        read(tmp_path, text)
    where = f"{tmp_path}/manifest.csv" + (f", line {line}: " if line else "")
    assert str(caught.value).startswith(where)
    assert "\n" not in str(caught.value)
    caught.match(message)


def test_the_same_picture_by_its_whole_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    path = Path("data/manifest.csv")
    path.write_text(HEAD + f"a.png,p,1\nb.png,p,2\n{tmp_path}/data/b.png,p,3\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"line 4: the picture .*b\.png has a row already, line 3"):
        read_manifest(path)


def test_files_that_are_no_manifest(tmp_path):
    with pytest.raises(DataError, match=r"There is no .*/manifest.csv. --data_dir must name a"):
        read_manifest(tmp_path / "manifest.csv")
    with pytest.raises(DataError, match="is not in UTF-8: invalid start byte at byte 16"):
        read(tmp_path, HEAD.replace("azimuth_deg", "H\xf6he").encode("latin-1") + b"\xff")
    with pytest.raises(DataError, match=r"/manifest.csv is a pointer of Git LFS, .*git lfs pull"):
        read(tmp_path, "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match=r"Cannot read .*/folder: Is a directory"):
        read_manifest(tmp_path / "folder")
