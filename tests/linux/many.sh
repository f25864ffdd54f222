#!/bin/bash
# SPDX-License-Identifier: MIT
# Many files: 5,000 in folders, found, sorted, packed, unpacked and compared. Many processes: 500 at once, and a long pipeline.
fail() {
	echo "line ${BASH_LINENO[0]}: $*"
	exit 1
}
mkdir /tmp/many /tmp/again && cd /tmp/many || fail "no folder"
for folder in {1..50}; do
	mkdir -p "$((folder % 7))/$folder"
	for file in {1..100}; do
		printf '%s\n' "$folder $file" >"$((folder % 7))/$folder/$file"
	done
done
busybox find . -type f | sort >/tmp/names
[ "$(wc -l </tmp/names)" = 5000 ] || fail "not all are there"
busybox tar -cf - . | busybox gzip -1 >/tmp/many.gz || fail "tar"
busybox gunzip -c /tmp/many.gz | busybox tar -xf - -C /tmp/again || fail "untar"
busybox diff -r . /tmp/again || fail "what was unpacked differs"
cat $(</tmp/names) | sha256sum >/tmp/sum
(cd /tmp/again && xargs cat </tmp/names 2>/dev/null || busybox xargs cat </tmp/names) | sha256sum | busybox cmp - /tmp/sum || fail "sum"
rm -r /tmp/many /tmp/again || fail "rm"
[ ! -e /tmp/many ] || fail "it is still there"

cd / || fail "no root"
for process in {1..250}; do
	sleep 100 &
done
for process in {1..125}; do
	sleep 100 | cat &
done
kill %1
wait %1
kill $(jobs -p) || fail "kill"
wait
line=cat
for process in {1..60}; do
	line="$line | cat"
done
[ "$(seq 3000 | eval "$line" | cksum)" = "$(seq 3000 | cksum)" ] || fail "pipeline"
echo 'many: good'
