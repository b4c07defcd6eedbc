"""Make an object: the last stage of a compiler, whatever its language (docs/languages.md).

In: declarations (types, maps, functions, variables) and code: instructions, or the ELF object that LLVM made.
Out: a `BpfObject` in instance form.
"""

from btfkit.frontend.objects.builder import ObjectBuilder
from btfkit.frontend.objects.decls import CoreDecl, Decl, ExternDecl, FunctionDecl, MapDecl, VarDecl

__all__ = ["CoreDecl", "Decl", "ExternDecl", "FunctionDecl", "MapDecl", "ObjectBuilder", "VarDecl"]
