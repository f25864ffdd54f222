#!/bin/sh
# SPDX-License-Identifier: MIT
# The first program of a Linux that runs the command lines of on-linux.txt; before each stands its number, behind it its status.
for folder in proc sys; do
	/bin/busybox mount -t $folder $folder /$folder
done
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox hostname winkle
export HOME=/root TERM=vt100 USER=root LOGNAME=root SHELL=/bin/sh PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
cd / || exit 1
number=0
while IFS= read -r line; do
	echo "=-= $number"
	sh -c "$line" </dev/null 2>&1 | /bin/busybox cat
	number=$((number + 1))
done </tests/on-linux.txt
echo '=-= end'
/bin/busybox poweroff -f
