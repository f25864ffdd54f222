#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes sure that the Debian packages are installed that Winkle needs; installs what is missing, if it may.
# usage: tools/dependencies.sh SET...     the sets are run, gdb, plugin, linux and test
# Looks only for one command or file of each package, so that it costs nothing when all are there.
set -eu

missing=
# need PACKAGE PATTERN: PATTERN is a command, or a file name (may have wildcards) that the package brings.
need() {
	case $2 in
	/*)
		for file in $2; do
			[ ! -e "$file" ] || return 0
		done
		;;
	*) ! command -v "$2" >/dev/null || return 0 ;;
	esac
	missing="$missing $1"
}

# What differs between Debian releases: the emulator's package, and the version of clang.
debian_version=$(sed -n 's/^VERSION_ID="\{0,1\}\([0-9]*\).*/\1/p' /etc/os-release)
if [ "${debian_version:-13}" -le 12 ]; then
	emulator=qemu-system-misc clang_version=14
else
	emulator=qemu-system-riscv clang_version=19
fi

for set in "$@"; do
	case $set in
	run)
		need make make
		need python3 python3
		need xz-utils xz
		need gcc-riscv64-linux-gnu riscv64-linux-gnu-gcc
		need linux-libc-dev-riscv64-cross /usr/riscv64-linux-gnu/include/asm/unistd.h
		need "$emulator" qemu-system-riscv64
		need opensbi /usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin
		;;
	plugin)
		need gcc gcc
		need libc6-dev /usr/include/stdio.h
		;;
	linux)
		need libc6-dev-riscv64-cross /usr/riscv64-linux-gnu/lib/libc.a
		;;
	gdb)
		need gdb-multiarch gdb-multiarch
		;;
	test)
		need gcc gcc
		need libc6-dev /usr/include/stdio.h
		need clang clang
		need "libclang-rt-$clang_version-dev" "/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a"
		need llvm llvm-cov
		need clang-format clang-format
		need clang-tidy clang-tidy
		need cppcheck cppcheck
		need libcmocka-dev /usr/include/cmocka.h
		need spin spin
		need g++-riscv64-linux-gnu riscv64-linux-gnu-g++
		need autoconf autoconf
		;;
	*)
		printf "winkle: there is no set of packages '%s'\n" "$set" >&2
		exit 2
		;;
	esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
	as_root=
elif sudo -n true 2>/dev/null; then
	as_root="sudo -n"
elif [ -t 0 ] && command -v sudo >/dev/null; then
	as_root=sudo
else
	printf 'winkle: packages are missing; as root: apt-get update && apt-get install%s\n' "$missing" >&2
	exit 2
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" \
		>"$log" 2>&1 </dev/null
}

printf 'winkle: installing%s\n' "$missing" >&2
# The machine's package lists may be absent or old; they are fetched only if the packages can't be had without.
# shellcheck disable=SC2086
if ! apt install --no-install-recommends $missing; then
	if ! apt update || ! apt install --no-install-recommends $missing; then
		cat "$log" >&2
		printf 'winkle: could not install; see above, then as root: apt-get update && apt-get install%s\n' "$missing" >&2
		exit 2
	fi
fi
