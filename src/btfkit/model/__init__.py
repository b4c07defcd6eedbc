"""Values, no bytes: types, instances, a whole `Btf`, a whole `BtfExt`. References are numbers (type ids, instance ids)."""
