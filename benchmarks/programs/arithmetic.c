#include "headers.h"

struct args {
	u64 a;
	u64 b;
	s64 c;
	u64 quotient;
	u64 rest;
	s64 shifted;
	u32 mixed;
	u64 largest;
};

SEC("syscall")
int compute(struct args *ctx)
{
	u32 h;

	if (!ctx->b)
		return -1;
	ctx->quotient = ctx->a / ctx->b;
	ctx->rest = ctx->a % ctx->b;
	ctx->shifted = ctx->c >> 3;
	h = (u32)ctx->a ^ (u32)ctx->b;
	h ^= h >> 16;
	h *= 0x85EBCA6B;
	h ^= h >> 13;
	ctx->mixed = h;
	ctx->largest = ctx->a > ctx->b ? ctx->a : ctx->b;
	return ctx->c < 0;
}

char LICENSE[] SEC("license") = "GPL";
