"""Values of BTF's types: bytes to Python and back.

`codec` makes a `Codec` of any type that has a size. What a value of it is in Python:

| type | unpack gives | pack also takes |
|---|---|---|
| INT, PTR | int | what has ``__index__``, floats without a fraction |
| bool | bool | 0, 1 |
| ``char`` | int | a text or bytes of length 1 |
| FLOAT of 2, 4, 8 bytes | float | what has ``__float__`` |
| FLOAT of other sizes | bytes | |
| ENUM, ENUM64 | a member of an IntEnum made from the type; int where none has it | names joined by ``|``, int |
| array | list (empty for a flexible one) | any sequence of that length, bytes |
| array of ``char`` | str; bytes where they are no text | bytes, a list of numbers |
| array of unsigned bytes | bytes | a list of numbers, hex digits, a MAC or IP address as text |
| STRUCT, DATASEC | `Record` | dict, tuple, list, bytes |
| UNION | `UnionRecord` | dict with one member, bytes |

**Network order.** A type that a typedef ``__be16``, ``__be32``, ``__be64`` (or without underscores; ``__le…`` likewise)
names is stored in that order whatever the machine's, and is a number in the host's sense: 10.0.0.1 is 0x0a000001,
port 80 is 80. That is ``ntohl`` of what C sees in the variable. An IPv4 address as text is taken for any 4 bytes
without sign, and always stored in network order; ``struct in_addr`` and ``struct in6_addr`` are taken and shown as one.

``pack(unpack(data)) == data`` but for padding (written as zeros), bools that are neither 0 nor 1, and signalling NaNs.
"""

from btfkit.values.base import Codec
from btfkit.values.compile import codec
from btfkit.values.records import Record, UnionRecord

__all__ = ["Codec", "Record", "UnionRecord", "codec"]
