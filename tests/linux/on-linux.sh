#!/bin/sh
# SPDX-License-Identifier: MIT
# The first program of a Linux that runs the command lines of on-linux.txt; before each stands its number, behind it its status.
for folder in proc sys; do
	/bin/busybox mount -t $folder $folder /$folder
done
/bin/busybox mount -t devtmpfs dev /dev
ln -s /proc/self/fd /dev/fd
mkdir -p /dev/shm /dev/pts
/bin/busybox mount -t devpts pts /dev/pts
/bin/busybox mount -t tmpfs shm /dev/shm
/bin/busybox hostname winkle
export HOME=/root TERM=vt100 USER=root LOGNAME=root SHELL=/bin/sh PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
cd / || exit 1
number=0
while IFS= read -r line; do
	echo "=-= $number"
	/bin/busybox mount -t tmpfs tmp /tmp
	sh -c "$line" </dev/null 2>&1 | /bin/busybox cat
	/bin/busybox umount -l /tmp
	number=$((number + 1))
done </tests/on-linux.txt
echo '=-= end'
/bin/busybox poweroff -f
