# SPDX-License-Identifier: MIT
# 500 processes that are there at once: children that sleep, and a pipe through 100 more.
set -eu
pids=
i=0
while [ $i -lt 400 ]; do
	sleep 1000 &
	pids="$pids $!"
	i=$((i + 1))
done
pipe='echo through'
while [ $i -lt 500 ]; do
	pipe="$pipe | cat"
	i=$((i + 1))
done
eval "$pipe"

# shellcheck disable=SC2086 # they are words
kill -0 $pids
# shellcheck disable=SC2086
kill $pids
for pid in $pids; do
	status=0
	wait "$pid" 2>/dev/null || status=$?
	[ $status = 143 ] || echo "$pid: $status"
done
! kill -0 "$pid" 2>/dev/null
echo 'all ended'
