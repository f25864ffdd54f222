#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# Runs the command lines of applets.txt; before each stands what it is, behind it its status.
# usage: applets.sh FILE
fixture=/tmp/fixture
mkdir -p $fixture/dir/deep
cd $fixture || exit 1
printf 'one\ntwo\nthree\nfour\n' >lines
printf 'a line of words\n\tand one more,  with a tab.\nthe last * line\n' >words
printf '10\n9\n2\n10\n33\n2\n' >numbers
yes 'data to be packed 0123456789' | head -c 5000 >data
: >empty
printf 'echo from the script\n' >script
printf 'a needle\n' >dir/a
printf 'b\n' >dir/b
printf 'c\n' >dir/deep/c
ln -s lines link
ln -s nothing dangling
chmod 755 script
before=$(ls -lR)

number=0
while IFS= read -r line; do
	case $line in
	'' | '#'*) continue ;;
	'differs '*) line=${line#*: } ;;
	esac
	cd $fixture || exit 1
	case $line in
	'+ '*)
		line=${line#+ } number=$((number + 1))
		cp -a $fixture /tmp/case$number
		cd /tmp/case$number || exit 1
		;;
	esac
	printf '\n=== %s\n' "$line"
	(eval "$line") </dev/null 2>&1
	printf '\n--- %s\n' $?
done <"$1"
cd $fixture || exit 1
[ "$before" = "$(ls -lR)" ] || echo 'a line without + has changed its folder'
