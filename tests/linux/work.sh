#!/bin/bash
# SPDX-License-Identifier: MIT
# bash at work: substitution of processes, here-documents, traps, jobs, and coreutils.
set -u
fail() {
	echo "line ${BASH_LINENO[0]}: $*"
	exit 1
}
grep() {
	busybox grep "$@"
}
cd "$(mktemp -d)" || fail "no folder"

# Substitution of processes; both ways.
[ "$(paste -d+ <(seq 3) <(seq 4 6))" = $'1+4\n2+5\n3+6' ] || fail "paste"
seq 10 | tee >(tail -n 1 >last) >(head -n 1 >first) >/dev/null
until [ -s last ] && [ -s first ]; do sleep 0.01; done
[ "$(cat first last)" = $'1\n10' ] || fail "tee"
busybox cmp <(sort <<<$'b\na') - <<-end || fail "here-document"
	a
	b
end

# Traps.
[ "$(trap 'echo left' EXIT; trap 'echo told' USR1; kill -USR1 $BASHPID; echo on)" = $'told\non\nleft' ] || fail "trap"
(trap '' TERM; kill -TERM $BASHPID; exit 5)
[ $? = 5 ] || fail "ignored signal"
{ (kill -KILL $BASHPID); } 2>/dev/null
[ $? = 137 ] || fail "killed"
text=$(trap 'echo wrong' ERR; false; true)
[ "$text" = wrong ] || fail "trap of errors"

# Jobs, without a terminal.
sleep 30 &
first=$!
sleep 0.01 &
wait -n || fail "wait for any"
[ "$(jobs -r | wc -l)" = 1 ] || fail "jobs"
kill %1
wait $first
[ $? = 143 ] || fail "wait for a job that was told to end"
set -m
sleep 30 &
kill -STOP %%
until jobs | grep -q Stopped; do sleep 0.01; done
kill -CONT %%
until jobs -r | grep -q sleep; do sleep 0.01; done
kill %%
wait %% 2>/dev/null
[ $? = 143 ] || fail "wait for a job that was stopped"
set +m
coproc { while read -r line; do echo "<$line>"; done; }
echo asked >&"${COPROC[1]}"
read -r answer <&"${COPROC[0]}"
[ "$answer" = "<asked>" ] || fail "coprocess"

# Arrays, patterns, arithmetic.
declare -A count
for word in a b a c a; do count[$word]=$((${count[$word]:-0} + 1)); done
[ "${count[a]}" = 3 ] && [[ abc123 =~ ^([a-z]+)([0-9]+)$ ]] && [ "${BASH_REMATCH[2]}" = 123 ] || fail "arrays"
shopt -s globstar extglob
mkdir -p a/b/c && touch a/1 a/b/2 a/b/c/3
files=(a/**/+([0-9]))
[ ${#files[@]} = 3 ] || fail "patterns"
printf -v text '%03d|%q' 7 'a b'
[ "$text" = '007|a\ b' ] || fail "printf"
mapfile -t lines < <(seq 100 | shuf | sort -n)
[ ${#lines[@]} = 100 ] && [ "${lines[99]}" = 100 ] || fail "mapfile"
exec {number}>out
echo through "$number" >&"$number"
exec {number}>&-
grep -q through out || fail "descriptors"

# coreutils.
[ "$(seq 1000 | sha256sum | cut -c 1-16)" = 67d4ff71d43921d5 ] || fail "sha256sum"
seq 1 2000 | split -l 500 - part. && [ "$(cat part.?? | sort -rn | head -n 1)" = 2000 ] || fail "split"
[ "$(join <(printf '1 a\n2 b\n') <(printf '1 x\n2 y\n') | tr '\n' ,)" = "1 a x,2 b y," ] || fail "join"
[ "$(comm -12 <(seq 5) <(seq 3 7) | tr '\n' ,)" = 3,4,5, ] || fail "comm"
timeout 0.05 sleep 5
[ $? = 124 ] || fail "timeout"
[ "$(env -i A=1 printenv A)" = 1 ] && [ "$(numfmt --to=iec 2048)" = 2.0K ] && [ "$(factor 91)" = "91: 7 13" ] || fail "others"
dd if=/dev/zero bs=4k count=10 status=none | od -An -c | grep -q '\\0' || fail "dd"
truncate -s 1M sparse && [ "$(stat -c %s sparse)" = 1048576 ] && cp sparse copy && busybox cmp sparse copy || fail "cp"
ln -s a link && [ "$(realpath link)" = "$PWD/a" ] && [ "$(du -a a | wc -l)" = 6 ] || fail "links"
tac <(seq 3) | nl | tail -n 1 | grep -q 1 || fail "tac"
echo "bash: good"
