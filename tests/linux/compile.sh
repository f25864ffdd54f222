#!/bin/dash
# SPDX-License-Identifier: MIT
# GCC runs here, and what it has made does: a program, one of several parts with a library, a configure script, a test of this folder.
mkdir -p /tmp/compile && cd /tmp/compile || exit 1

cat >hello.c <<'end'
#include <stdio.h>
int main(int argc, char **argv)
{
	printf("%s has %d words\n", argv[0], argc);
	return argc;
}
end
gcc -Wall -O2 hello.c -o hello || exit 1
[ "$(./hello a b)" = './hello has 3 words' ] || exit 1
./hello >/dev/null
[ $? = 1 ] || exit 1
echo 'compile: a program'

cat >root.c <<'end'
#include <math.h>
double root(double of) { return sqrt(of); }
end
cat >main.c <<'end'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
double root(double of);
static void *body(void *of) { printf("%.3f\n", root(*(double *)of)); return NULL; }
int main(int argc, char **argv)
{
	double of = atof(argv[argc - 1]);
	pthread_t thread;
	return pthread_create(&thread, NULL, body, &of) != 0 || pthread_join(thread, NULL) != 0;
}
end
gcc -O1 -g -c root.c && gcc -O1 -g -c main.c && ar rcs libroot.a root.o && gcc main.o -L. -lroot -lm -o root || exit 1
[ "$(./root 2)" = 1.414 ] || exit 1
gcc -c nothing.c 2>/dev/null && exit 1
printf 'int main(void) { return undeclared; }\n' >wrong.c
gcc wrong.c 2>&1 | busybox grep -q "'undeclared' undeclared" || exit 1
echo 'compile: parts and a library'

gcc -w -D_GNU_SOURCE -O1 -I/tests /tests/descriptions.c -o descriptions && ./descriptions | busybox grep -q '^descriptions: good$' || exit 1
echo 'compile: a test'

busybox sh /tests/configure.sh >log 2>&1 || {
	tail -n 30 log
	exit 1
}
echo 'compile: good'
