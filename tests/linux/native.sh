#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# Native programs among those of Linux: pipes, files, the terminal and statuses both ways. test-filter is tests/system/filter.c.
PATH=$PATH:/winkle
mkdir /tmp/native && cd /tmp/native || exit 1

# expect TEXT LINE: what a shell shows for the line
expect() {
	shown=$(sh -c "$2" 2>&1)
	[ "$shown" = "$1" ] && return
	printf 'native: %s\nshows:  %s\nnot:    %s\n' "$2" "$shown" "$1"
	exit 1
}

printf 'one\ntwo\n' >lines
head -c 300000 /bin/bash >large
mkfifo fifo

# Streams
expect a 'hello a | tail -n 1'
expect 'HI' 'echo hi | test-filter upper'
expect 'ONE TWO' 'test-filter upper <lines | tr "\n" " " | sed "s/ $//"'
expect 'ONE' 'test-filter upper <lines >upper; head -n 1 upper'
expect '2 8 lines' 'test-filter count lines'
expect '1 4 -' '{ read line; test-filter count; } <lines'
expect 'more THREE' 'printf more >a; echo " three" | test-filter upper >>a; cat a'
expect '0 0 -' 'test-filter count </dev/null'
expect '' 'hello >/dev/null'
expect '1' 'test-filter count </proc/uptime | cut -c 1'
expect '1 4 -' 'test-filter count <fifo & echo abc >fifo; wait'
expect '0 300000 -' 'tr "\n" x <large | test-filter count'
expect '300000' 'test-filter upper <large | wc -c'
expect '300000' 'cat large | test-filter upper >copy; wc -c <copy'
expect 'out' 'test-filter say out 2>/dev/null'
expect 'errors: out' 'test-filter say out 2>&1 >/dev/null'
expect 'closed 3' 'test-filter say out >&- 2>&-; echo closed $?'
expect 'a
errors: a' 'test-filter say a'

# Files by name, as the shell has them
expect '2 8 ../native/lines' 'cd /tmp/native; test-filter count ../native/lines'
expect '2 8 /tmp/native/lines' 'cd /; test-filter count /tmp/native/lines'
expect 'one two new' 'echo new | test-filter keep lines; echo $(cat lines)'
expect '1 4 made' 'echo new | test-filter keep made; test-filter count made'
expect 'test-filter: missing: not_found
1' 'test-filter count missing; echo $?'

# Ends
expect 3 'test-filter say word >/dev/null 2>&1; echo $?'
expect 'yes' 'test-filter yes | head -n 1'
expect 143 'test-filter sleep & sleep 0.2; kill $!; { wait $!; } 2>/dev/null; echo $?'
expect 137 'test-filter sleep & sleep 0.2; kill -9 $!; { wait $!; } 2>/dev/null; echo $?'
expect 143 'test-filter sleep & sleep 0.2; kill -TSTP $!; sleep 0.2; kill -CONT $!; kill $!; { wait $!; } 2>/dev/null; echo $?'

# Programs of Linux that a native one starts
expect 'inner
6' 'test-filter run sh -c "echo inner; exit 6"; echo $?'
expect '6' 'test-filter run sh -c "exit 6"; echo $?'
expect '127' 'test-filter run no-such-program; echo $?'
expect 'TO BETWEEN' 'echo to between | test-filter between tr a-z A-Z'
expect 'through' 'echo through | test-filter run cat'
expect 'ONE' 'test-filter run sh -c "head -n 1 lines | /winkle/test-filter upper"'
expect '/tmp/native' 'test-filter run pwd'
expect 'fourth' 'echo fourth >fourth; test-filter run /winkle/test-filter run cat fourth'
expect 143 'test-filter run sh -c "kill \$\$"; echo $?'
echo 'native: good'
