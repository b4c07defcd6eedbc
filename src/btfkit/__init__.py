"""BTF with the layer it lacks: instances, maps as types, symbols; and the tools that make it useful."""
