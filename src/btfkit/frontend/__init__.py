"""Front ends: a source file in, an object's bytes out. One package a language."""
