/* SPDX-License-Identifier: MIT */
/* The end of the machine's run. */
#include "console.h"
#include "machine/virt.h"
#include "riscv.h"
#include "sbi.h"

_Noreturn void arch_power_off(unsigned status)
{
    virt_finish(status);
    sbi_reset(SBI_SHUTDOWN, status == 0 ? SBI_NO_REASON : SBI_SYSTEM_FAILURE);
    console_print("halted with status %u: firmware can't power this machine off\n", status);
    hart_halt();
}

_Noreturn void arch_reboot(void)
{
    sbi_reset(SBI_COLD_REBOOT, SBI_NO_REASON);
    hart_halt();
}
