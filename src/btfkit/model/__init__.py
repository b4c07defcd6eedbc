"""Values, no bytes: types, instances, a whole `Btf`, a whole `BtfExt`. References are type ids and instance ids."""
