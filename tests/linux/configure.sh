#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# Runs the script that autoconf makes of configure.ac, some thousands of lines. Where the tree has no compiler a script stands for
# one, which links what does not name anything missing, to programs that do nothing; its objects are empty, so that headers and
# properties of the compiler are not found. With a compiler, as compile.sh has it, the result is made and run as well.
mkdir -p /tmp/configure/bin
cd /tmp/configure || exit 1
compiler=$(command -v gcc)
busybox --install -s bin
cat >bin/cc <<'end'
#!/bin/sh
out=a.out source= kind=program
while [ $# -gt 0 ]; do
	case $1 in
	-o) shift; out=$1 ;;
	-c) kind=object ;;
	-E) kind=text ;;
	*.c) source=$1 ;;
	--version | -v) echo 'a stub of a compiler'; exit 0 ;;
	-V | -qversion | -version) exit 1 ;;
	esac
	shift
done
if [ -n "$source" ] && grep -q missing "$source" && ! grep -q '^#.*missing.* 0' "$source"; then
	echo "$source: something is missing" >&2
	exit 1
fi
case $kind in
text) cat "$source" ;;
object) [ "$out" != a.out ] || out=$(basename "$source" .c).o; : >"$out" ;;
program) printf '#!/bin/sh\nexit 0\n' >"$out"; chmod +x "$out" ;;
esac
end
chmod +x bin/cc
PATH=/tmp/configure/bin:$PATH
if [ -n "$compiler" ]; then
	rm bin/cc bin/ar bin/strings
fi
for name in PREFIX=@prefix@ CC=@CC@ AWK=@AWK@ VERSION=@PACKAGE_VERSION@; do
	echo "$name"
done >Makefile.in
printf '#undef %s\n' HAVE_FCNTL_H HAVE_SYS_TIME_H HAVE_MISSING_HEADER_H HAVE_FORK HAVE_MISSING_FUNCTION HAVE_LIBM PACKAGE_NAME >config.h.in
cp /tests/configure .
: >install-sh
CONFIG_SHELL=/bin/dash dash ./configure --prefix=/opt/test CC="${compiler:-cc}" >log 2>&1 || {
	tail -n 40 log config.log
	exit 1
}
cat log Makefile config.h
grep -q '^PREFIX=/opt/test$' Makefile && grep -q '^VERSION=1.0$' Makefile && grep -q '^#define HAVE_FORK 1$' config.h &&
	grep -q '^/. #undef HAVE_MISSING_FUNCTION' config.h && [ -x config.status ] || exit 1
if [ -n "$compiler" ]; then
	grep -q '^#define HAVE_FCNTL_H 1$' config.h && grep -q '^/. #undef HAVE_MISSING_HEADER_H' config.h &&
		grep -q '^#define HAVE_LIBM 1$' config.h || exit 1
fi
echo 'configure: good'
