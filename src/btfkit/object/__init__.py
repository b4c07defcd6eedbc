"""An ELF object with its .BTF and .BTF.ext, each instance joined to the symbol that defines it."""

from btfkit.object.mapdef import MapDef, decode_map_def, encode_map_def
from btfkit.object.object import BpfObject, Declared, InstanceTable, ObjectForm
from btfkit.object.read import read_object
from btfkit.object.sound import require_sound
from btfkit.object.write import write_object

__all__ = [
    "BpfObject",
    "Declared",
    "InstanceTable",
    "MapDef",
    "ObjectForm",
    "decode_map_def",
    "encode_map_def",
    "read_object",
    "require_sound",
    "write_object",
]
