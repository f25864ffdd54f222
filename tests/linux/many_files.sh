# SPDX-License-Identifier: MIT
# A tree of 5,000 files through find, sort, tar, gzip and cmp, of busybox: what comes out is what went in.
set -eu
mkdir /tmp/many
cd /tmp/many

d=0
while [ $d -lt 50 ]; do
	mkdir -p "tree/d$d"
	i=0
	while [ $i -lt 100 ]; do
		echo "file $i of $d" >"tree/d$d/f$i"
		i=$((i + 1))
	done
	d=$((d + 1))
done
find tree -type f | sort >list
wc -l <list
find tree -name 'f7' | wc -l
find tree -type d -name 'd4?' | sort | xargs echo

tar cf tree.tar tree
tar tf tree.tar | grep -v '/$' | sort | cmp - list
gzip <tree.tar >tree.tar.gz
mkdir again
tar xozf tree.tar.gz -C again

cd again
find tree -type f | sort | cmp - ../list
xargs cat <../list >../all
cd ..
sed 's|tree/d\(.*\)/f\(.*\)|file \2 of \1|' list | cmp - all
cmp tree/d17/f50 again/tree/d17/f50
! cmp -s tree/d17/f50 again/tree/d17/f51
rm -r again
ls | xargs echo
