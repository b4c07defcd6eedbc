/* libbpf's side of the benchmarks: does one thing so many times and prints the nanoseconds of each.
 *
 *   libbpf parse FILE TIMES            btf__parse_raw and btf__free
 *   libbpf find FILE TIMES NAMES       btf__parse_raw, then btf__find_by_name for each line of NAMES
 *   libbpf found FILE TIMES NAMES      the same, of the parsed BTF only
 *   libbpf c FILE TIMES                btf_dump of all types, into nothing
 */
#include <bpf/btf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char *names[1 << 17];
static int name_count;
static char text[1 << 16];
static unsigned long long written;

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static struct btf *parse(const char *path)
{
	struct btf *btf = btf__parse_raw(path);

	if (!btf) {
		fprintf(stderr, "libbpf cannot parse %s\n", path);
		exit(1);
	}
	return btf;
}

static void print(void *ctx, const char *format, va_list args)
{
	(void)ctx;
	written += vsnprintf(text, sizeof(text), format, args);
}

static void find(struct btf *btf)
{
	for (int i = 0; i < name_count; i++)
		written += btf__find_by_name(btf, names[i]);
}

static void dump(struct btf *btf)
{
	struct btf_dump *dump = btf_dump__new(btf, print, NULL, NULL);

	for (unsigned int id = 1; id < btf__type_cnt(btf); id++)
		if (btf_dump__dump_type(dump, id)) {
			fprintf(stderr, "libbpf cannot dump type %u\n", id);
			exit(1);
		}
	btf_dump__free(dump);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	if (argc > 4) {
		FILE *file = fopen(argv[4], "r");
		char line[512];

		while (file && fgets(line, sizeof(line), file)) {
			line[strcspn(line, "\n")] = 0;
			names[name_count++] = strdup(line);
		}
	}
	for (int i = atoi(argv[3]); i > 0; i--) {
		int parse_counts = !strcmp(argv[1], "parse") || !strcmp(argv[1], "find");
		long long start = now();
		struct btf *btf = parse(argv[2]);

		if (!parse_counts)
			start = now();
		if (!strcmp(argv[1], "c"))
			dump(btf);
		else
			find(btf);
		printf("%lld\n", now() - start);
		btf__free(btf);
	}
	fprintf(stderr, "%llu\n", written);
	return 0;
}
