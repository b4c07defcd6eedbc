/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Instance BTF as C structs: for who writes or reads it without btfkit. docs/format.md says what the fields mean.
 *
 * What mainline's <linux/btf.h> has is not repeated; the names here clash with none of its own.
 */
#ifndef BTFKIT_BTF_H
#define BTFKIT_BTF_H

#include <stdint.h>

#define BTF_KIND_MAP 31 /* behind struct btf_type (size 0, vlen 0): struct btf_map */

#define BTF_FLAG_PROPOSED 1 /* hdr_len is 32, and inst_off, inst_len stand where mainline has the layout section */

struct btf_instance_header { /* the form `instance`: hdr_len is 40 */
	uint16_t magic;
	uint8_t version;
	uint8_t flags;
	uint32_t hdr_len;
	uint32_t type_off, type_len; /* offsets count from the end of the header */
	uint32_t str_off, str_len;
	uint32_t layout_off, layout_len;
	uint32_t inst_off, inst_len;
};

struct btf_map {
	uint32_t key_type;   /* type ids; 0: no keys */
	uint32_t value_type; /* 0: values without a type */
};

struct btf_instance {
	uint32_t type_id;
	uint32_t name_off;
	uint32_t parent; /* the instance of the function that contains it, or 0 */
};

struct btf_ext_symbol_header { /* hdr_len is 64; what mainline has is 32 bytes of it */
	uint16_t magic;
	uint8_t version;
	uint8_t flags;
	uint32_t hdr_len;
	uint32_t func_info_off, func_info_len;
	uint32_t line_info_off, line_info_len;
	uint32_t core_relo_off, core_relo_len;
	uint32_t func_sym_off, func_sym_len;
	uint32_t map_sym_off, map_sym_len;
	uint32_t var_sym_off, var_sym_len;
	uint32_t inst_sym_off, inst_sym_len;
};

/* Each table is a uint32_t rec_size, and then records. A symbol field has a relocation in .rel.BTF.ext. */
struct btf_func_sym {
	uint32_t prog_symbol;
	uint32_t inst_id;
};

struct btf_map_sym {
	uint32_t map_symbol;
	uint32_t inst_id;
};

struct btf_var_sym {
	uint32_t var_symbol;
	uint32_t inst_id;
};

enum btf_inst_kind { BTF_INST_FUNCTION = 1, BTF_INST_MAP = 2, BTF_INST_VARIABLE = 3 };

struct btf_inst_sym {
	uint32_t symbol;
	uint32_t inst_id;
	uint32_t kind; /* enum btf_inst_kind; a rec_size of 8 leaves it out */
};

struct btf_map_def { /* the long form of struct bpf_map_def, in the section `maps` */
	uint32_t type, key_size, value_size, max_entries, map_flags;
	uint32_t numa_node;
	uint32_t pinning; /* 0 none, 1 by name */
	uint32_t reserved;
	uint64_t map_extra;
	uint64_t inner;    /* relocated to what the inner maps are like, or 0 */
	uint64_t values[]; /* one per initial value, relocated to a map or function, or 0 */
};

#endif
