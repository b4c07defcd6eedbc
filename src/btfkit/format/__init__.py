"""What the bytes are: tables and constants. No I/O, no policy.

Source: the kernel's include/uapi/linux/btf.h, and docs/format.md for what instance BTF adds.
"""
