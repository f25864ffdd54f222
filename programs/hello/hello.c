/* SPDX-License-Identifier: MIT */
/* The first program that a person sees. */
#include <winkle/bank.h>
#include <winkle/print.h>
#include <winkle/start.h>

int main(int argc, char **argv)
{
    uint64_t limit_pages, used_pages, objects, children;
    enum wk_bank_kind kind;
    const enum wk_status status = wk_bank_info(wk_self.bank, &limit_pages, &used_pages, &objects, &children, &kind);

    if (status != WK_OK)
        wk_fail("its bank gives no information", status);
    wk_print("Hello from Winkle. I live on %lu of the %lu pages I was given.\n", used_pages, limit_pages);
    for (int i = 1; i < argc; i++)
        wk_print("%s%s", argv[i], i + 1 < argc ? " " : "\n");
    return 0;
}
