"""The format of a file that is not `.npy`, by its first bytes, and how to convert it."""

from __future__ import annotations

import zipfile
from pathlib import Path

__all__ = ["MAGIC_BYTES", "what_it_is"]

MAGIC_BYTES = 512  # read from the start of a file

_SAVE = "save the array with numpy.save"

# The first bytes of a file, its format, and how its array becomes an .npy file.
_BEGINNINGS = (
    (b"PAR1", "a Parquet file", f"read it with pandas.read_parquet and {_SAVE}"),
    (b"ARROW1", "an Arrow file", f"read it with pandas.read_feather and {_SAVE}"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", f"read its dataset with h5py and {_SAVE}"),
    (b"CDF", "a NetCDF file", f"read it with xarray and {_SAVE}"),
    (b"MATLAB 5.0", "a MATLAB file", f"read it with scipy.io.loadmat and {_SAVE}"),
    (b"\x1f\x8b", "gzipped", "unpack it with gunzip first"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd", "unpack it with unzstd first"),
    (b"BZh", "packed by bzip2", "unpack it with bunzip2 first"),
    (b"\xfd7zXZ\x00", "packed by xz", "unpack it with unxz first"),
)
_TORCH = "a file of torch.save"
# The pickled number at the start of a file of torch.save, before it wrote zip archives.
_OLD_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


def what_it_is(path: Path, start: bytes) -> str:
    """The format of a file, and how to make an `.npy` file of it.

    Parameters
    ----------
    path : Path
        The file.
    start : bytes
        Its first bytes.

    Returns
    -------
    str
        The rest of the message, after the file's name; one line.
    """
    if start.startswith(b"PK\x03\x04"):
        return _archive(path)
    if start.startswith(_OLD_TORCH):
        return _torch(path)
    for beginning, what, how in _BEGINNINGS:
        if start.startswith(beginning):
            return f"is not an .npy file, but {what}; {how}"
    if start[:1] == b"\x80" and len(start) > 1 and 2 <= start[1] <= 5:
        return f"is not an .npy file, but a pickle, which is never loaded; {_SAVE}"
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 2**32:
        return f"is not an .npy file, but a safetensors file; read its tensor and {_SAVE}"
    if _is_text(start):
        return f"is not an .npy file, but text; read it with numpy.loadtxt and {_SAVE}, [N, K, C]"
    return f"is not an .npy file; {_SAVE}"


def _archive(path: Path) -> str:
    """The format of a zip archive, by the names of the files in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return "is a truncated or damaged zip archive, not an .npy file"
    if any(name.endswith("data.pkl") for name in names):
        return _torch(path)
    arrays = [name.removesuffix(".npy") for name in names if name.endswith(".npy")]
    if not arrays:
        return f"is a zip archive without arrays, not an .npy file; {_SAVE}"
    some = ", ".join(map(repr, arrays[:5])) + (", ..." if len(arrays) > 5 else "")
    one = f"numpy.save({str(path.with_suffix('.npy'))!r}, numpy.load({str(path)!r})[{arrays[0]!r}])"
    if len(arrays) == 1:
        return f"is an .npz archive of the array {some}, which cannot be memory-mapped; {one}"
    return f"is an .npz archive of {len(arrays)} arrays, {some}; save one of them: {one}"


def _torch(path: Path) -> str:
    saved = f"numpy.save({str(path.with_suffix('.npy'))!r}, torch.load({str(path)!r}).numpy("
    return f"is {_TORCH}, not an .npy file; for a tensor: {saved}force=True))"


def _is_text(start: bytes) -> bool:
    try:
        text = start.decode()
    except UnicodeDecodeError as error:
        # The last character may be cut off.
        if len(start) < MAGIC_BYTES or error.start < len(start) - 3:
            return False
        text = start[: error.start].decode()
    return all(c.isprintable() or c.isspace() for c in text)
