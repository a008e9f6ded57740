from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")

from infoq.cli import files  # noqa: E402
from infoq.cli.files import FileError, check_output, open_npy  # noqa: E402
from infoq.cli.written import check_suffix, write_scores  # noqa: E402


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "pool.npy"
    np.save(path, np.full((4, 3, 2), 0.5))
    return path


def header(text: str) -> bytes:
    body = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(body).to_bytes(2, "little") + body


def test_a_good_file_is_mapped_not_read(good: Path) -> None:
    array = open_npy(good)
    assert isinstance(array, np.memmap)
    assert array.mode == "r"
    assert array.shape == (4, 3, 2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\x93NU", "is truncated"),
        (b"\x93NUMPY\x01", "truncated or damaged"),
        (b"hello, world", "is not an .npy file"),
        (b"\x80\x04K\x01.", "is not an .npy file"),
        (header("{'descr': '<f8', 'fortran_order': False"), "truncated or damaged"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 2, 3)}"), "damaged"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (True, 2, 3)}"), "damaged"),
        (header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({10**14}, {10**13}, 3)}}"),
         "damaged"),
    ],
)  # fmt: skip
def test_damaged_content_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "bad.npy"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"bad.npy: ") as caught:
        open_npy(path)
    assert words in str(caught.value)


@pytest.mark.parametrize("kept", [0, 5, 60, 127, 128, 319])
def test_every_truncation_is_refused(good: Path, kept: int) -> None:
    whole = good.read_bytes()
    assert len(whole) == 320
    good.write_bytes(whole[:kept])
    with pytest.raises(FileError, match=r"pool.npy: is (empty|(a )?truncated)"):
        open_npy(good)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.ones((2, 2, 2), dtype=np.int64), "dtype int64, but predictions are floating-point"),
        (np.ones((2, 2, 2), dtype=bool), "dtype bool"),
        (np.ones((2, 2, 2), dtype=complex), "dtype complex128, but predictions are real"),
        (np.full((2, 2, 2), "a"), "predictions are floating-point"),
        (np.zeros((2, 2, 2), dtype=[("p", "f8")]), "predictions are floating-point"),
        (np.zeros((2, 2, 2), dtype="M8[s]"), "predictions are floating-point"),
        (np.full((2, 2), 0.5), r"has shape (2, 2), but predictions have three axes"),
        (np.float64(0.5), "has shape ()"),
        (np.full((1, 2, 2, 2), 0.5), "has shape (1, 2, 2, 2)"),
    ],
)
def test_wrong_arrays_are_named(tmp_path: Path, array: object, words: str) -> None:
    path = tmp_path / "wrong.npy"
    np.save(path, array)
    with pytest.raises(FileError) as caught:
        open_npy(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    path = tmp_path / "objects.npy"
    np.save(path, np.array([[[Trap()]]], dtype=object), allow_pickle=True)
    with pytest.raises(FileError, match=r"objects.npy: holds pickled Python objects"):
        open_npy(path)
    assert not (tmp_path / "sprung").exists()


def test_a_long_header_is_not_called_pickled(tmp_path: Path) -> None:
    said = "{'descr': '<f8', 'fortran_order': False, 'shape': (4, 3, 2)}".ljust(20_000) + "\n"
    start = b"\x93NUMPY\x01\x00" + len(said).to_bytes(2, "little")
    (tmp_path / "long.npy").write_bytes(start + said.encode() + bytes(8 * 24))
    with pytest.raises(FileError, match=r"long.npy: has a longer header than .*numpy.save"):
        open_npy(tmp_path / "long.npy")


def archive(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as zipped:
        for name, content in members.items():
            # By its name alone: a file's time of day would be in the names of the tests.
            member = zipfile.ZipInfo(name.replace("__", "/").replace("_dot_", "."))
            zipped.writestr(member, content)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        # As torch.save writes since 1.6, and as it did before.
        (archive(pool__data_dot_pkl=b"\x80\x02.", pool__data__0=b""),
         "is a file of torch.save, not an .npy file; for a tensor: numpy.save("),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02", "is a file of torch.save"),
        (archive(a_dot_npy=b"", b_dot_npy=b""), "an .npz archive of 2 arrays, 'a', 'b'; save"),
        (archive(a_dot_npy=b""), "is an .npz archive of the array 'a', which cannot be"),
        (archive(a_dot_txt=b""), "is a zip archive without arrays"),
        (archive(a_dot_npy=b"")[:40], "is a truncated or damaged zip archive"),
        (pickle.dumps([0.5]), "but a pickle, which is never loaded"),
        (b"PAR1\x15\x04\x15", "but a Parquet file; read it with pandas.read_parquet"),
        (b"ARROW1\0\0", "but an Arrow file"),
        (b"\x89HDF\r\n\x1a\n\0", "but an HDF5 file"),
        (b"MATLAB 5.0 MAT-file, Platform: posix", "but a MATLAB file"),
        (gzip.compress(b"0.5", mtime=0), "but gzipped; unpack it"),
        (b"\x40\0\0\0\0\0\0\0{\"p\":{\"dtype\":\"F32\"}}", "but a safetensors file"),
        (b"0.5,0.5\n0.25,0.75\n", "but text; read it with numpy.loadtxt"),
        (b"x" * 511 + "é".encode(), "but text"),
        (b"\x01\x02\x03\x04", "is not an .npy file; save"),
    ],
)  # fmt: skip
def test_other_files_are_called_what_they_are(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "pool.file"
    path.write_bytes(content)
    with pytest.raises(FileError) as caught:
        open_npy(path)
    assert str(caught.value).startswith(f"{path}: is ")
    assert words in str(caught.value)


@pytest.mark.of_libraries("torch")
def test_what_is_said_of_a_torch_file_works(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "pool.pt"
    torch.save(torch.full((4, 3, 2), 0.5, requires_grad=True), path)
    with pytest.raises(FileError) as caught:
        open_npy(path)
    statement = str(caught.value).partition("for a tensor: ")[2]
    exec(statement, {"numpy": np, "torch": torch})
    assert open_npy(tmp_path / "pool.npy").shape == (4, 3, 2)


def test_standard_input_is_no_file() -> None:
    with pytest.raises(FileError, match="-: standard input cannot be memory-mapped"):
        open_npy(Path("-"))


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"absent.npy: no such file"):
        open_npy(tmp_path / "absent.npy")
    with pytest.raises(FileError, match="is a directory"):
        open_npy(tmp_path)
    os.mkfifo(tmp_path / "pipe.npy")
    with pytest.raises(FileError, match=r"pipe.npy: is not a regular file"):
        open_npy(tmp_path / "pipe.npy")
    np.savez(tmp_path / "several.npz", p=np.full((2, 2, 2), 0.5))
    with pytest.raises(FileError, match=r"several.npz: is an .npz archive"):
        open_npy(tmp_path / "several.npz")
    with pytest.raises(FileError, match="null"):
        open_npy(Path("null\0byte.npy"))


def test_scores_are_written_and_read_back(tmp_path: Path) -> None:
    scores = np.arange(5.0, dtype=np.float32)
    write_scores(tmp_path / "scores", scores)
    back = np.load(tmp_path / "scores")
    assert back.dtype == np.float32
    assert np.array_equal(back, scores)
    assert [entry.name for entry in tmp_path.iterdir()] == ["scores"]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_file_holds_what_its_name_says(tmp_path: Path, dtype: str) -> None:
    scores = np.random.default_rng(0).uniform(size=5).astype(dtype)

    def written(name: str) -> Path:
        check_suffix(tmp_path / name)
        write_scores(tmp_path / name, scores, "bald")
        return tmp_path / name

    for name in ("s.npy", "s.NPY", "s"):
        assert np.array_equal(np.load(written(name)), scores)
    for name, separator in {"s.csv": ",", "S.CSV": ",", "s.tsv": "\t"}.items():
        head, *rows = written(name).read_text().splitlines()
        assert head == f"row{separator}bald"
        cells = [row.split(separator) for row in rows]
        assert [row for row, _ in cells] == list("01234")
        assert np.array_equal(np.array([x for _, x in cells], dtype=dtype), scores)
    assert np.array_equal(np.loadtxt(written("s.txt"), dtype=dtype), scores)
    assert np.array_equal(np.array(json.loads(written("s.json").read_text()), dtype), scores)


@pytest.mark.parametrize("name", ["s.parquet", "s.npz", "s.pt", "s.csv.gz", "s.xlsx"])
def test_a_name_that_says_something_else_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileError, match=r"no \.\w+ file is written; end the name in .npy, .csv"):
        check_suffix(tmp_path / name)


@pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
def test_a_failure_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "scores.npy"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, step, fail)
    with pytest.raises(FileError, match=r"scores.npy: cannot be written: no space left"):
        write_scores(path, np.arange(5.0))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "scores.npy"
    path.write_bytes(b"old")

    def interrupted(stream: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.write_atomically(path, interrupted)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_and_links_survive(tmp_path: Path) -> None:
    real, link = tmp_path / "real.npy", tmp_path / "link.npy"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)
    write_scores(link, np.arange(3.0))
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert np.array_equal(np.load(real), np.arange(3.0))


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write_scores(tmp_path / "new.npy", np.arange(3.0))
    assert (tmp_path / "new.npy").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_unwritable_outputs_are_found_out_first(tmp_path: Path, good: Path) -> None:
    cases = {
        tmp_path: "is a directory",
        tmp_path / "absent" / "scores.npy": "no such file or directory",
        good / "scores.npy": "not a directory",
        Path(os.devnull): "is not a regular file",
        tmp_path / ("x" * 300): "name too long",
    }
    for path, words in cases.items():
        with pytest.raises(FileError, match=f"cannot be written: .*{words}"):
            check_output(path, inputs=[])
    with pytest.raises(FileError, match="is the input"):
        check_output(tmp_path / "." / "pool.npy", inputs=[good])
    check_output(tmp_path / "fine.npy", inputs=[good])
    assert list(tmp_path.iterdir()) == [good]
