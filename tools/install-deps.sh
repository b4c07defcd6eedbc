#!/usr/bin/env bash
# Install the programs that the tests ask for a second opinion, as Debian packages.
#
# As root on Debian: installs what is missing. Otherwise: says what is missing. Exit status 1 only where CI=true and
# something is still missing; elsewhere the tests that need it are skipped.
set -euo pipefail
PATH="$PATH:/usr/sbin:/sbin"

# what must be there (a command, or the path of a file) and the package that brings it
needs() {
	cat <<-'LIST'
		clang-14                           clang-14
		clang-22                           clang-22
		llvm-objdump-14                    llvm-14
		llvm-objdump-22                    llvm-22
		bpf-gcc                            gcc-bpf
		bpftool                            bpftool
		/usr/include/bpf/bpf_helpers.h     libbpf-dev
		pahole                             dwarves
		gcc                                gcc
		readelf                            binutils
	LIST
}

is_there() {
	case "$1" in
	/*) [ -e "$1" ] ;;
	bpf-gcc) command -v bpf-gcc >/dev/null || command -v bpf-unknown-none-gcc >/dev/null ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

missing() {
	needs | while read -r need package; do
		is_there "$need" || echo "$package"
	done
}

mapfile -t packages < <(missing)
[ "${#packages[@]}" -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
	echo "installing: ${packages[*]}"
	export DEBIAN_FRONTEND=noninteractive
	apt-get -qq update || true
	# One by one: a package that this release does not have must not keep the others away.
	for package in "${packages[@]}"; do
		apt-get -qq install --yes --no-install-recommends "$package" >/dev/null || true
	done
	mapfile -t packages < <(missing)
	[ "${#packages[@]}" -eq 0 ] && exit 0
	echo "could not be installed: ${packages[*]}" >&2
else
	echo "missing, and not installed since this is not root on Debian: apt-get install ${packages[*]}" >&2
fi
if [ "${CI:-}" = true ]; then
	exit 1
fi
echo "the tests that need them will be skipped" >&2
