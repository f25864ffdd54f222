/* SPDX-License-Identifier: MIT */
/* A dynamic program that loads a library while it runs, several times, also from threads. */
#include "../check.h"
#include "loaded.h"

#include <dlfcn.h>
#include <pthread.h>

#define LIBRARY "/tests/loaded.so"
#define THREADS 4

int loading_calls;

void loading_called(void)
{
    loading_calls++;
}

static void *look(void *library)
{
    int (*const count)(void) = (int (*)(void))dlsym(library, "loaded_count");

    CHECK(count != NULL && count() == 1 && count() == 2); /* its thread-local variable begins anew */
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    void *library;

    CHECK(dlopen("/tests/missing.so", RTLD_NOW) == NULL && strstr(dlerror(), "missing.so") != NULL);
    for (int round = 0; round < 3; round++) {
        const struct loaded_table *table;

        library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
        CHECK(library != NULL);
        table = dlsym(library, "loaded_table");
        CHECK(table != NULL && table->twice(21) == 42 && strcmp(table->name, "loaded") == 0);
        CHECK(dlsym(library, "nothing") == NULL);
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_create(&threads[i], NULL, look, library) == 0);
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(loading_calls == 2 * round + 1);
        CHECK(dlclose(library) == 0);
        CHECK(loading_calls == 2 * round + 2);
        CHECK(dlopen(LIBRARY, RTLD_NOW | RTLD_NOLOAD) == NULL);
    }
    puts("loading: good");
    return 0;
}
