"""Bytes to model and back."""

from btfkit.codec.btf import decode_btf, encode_btf
from btfkit.codec.ext import EncodedExt, decode_ext, encode_ext

__all__ = ["EncodedExt", "decode_btf", "decode_ext", "encode_btf", "encode_ext"]
