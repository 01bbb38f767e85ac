/*
 * readonly.c - see readonly.h. The loader is asked what it loaded: /proc is hidden by then.
 */
#include "sandbox/readonly.h"

#include <errno.h>
#include <link.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_mseal
#define SYS_mseal 462 /* asm-generic/unistd.h, 6.10; the same on every 64-bit architecture */
#endif

static int seal(uintptr_t from, uintptr_t to)
{
	/* a hole belongs to nobody yet, and is no reason to leave the others open */
	if (to <= from || syscall(SYS_mseal, from, to - from, 0ul) == 0 || errno == ENOMEM)
		return 0;
	return -1;
}

static int seal_object(struct dl_phdr_info *info, size_t size, void *ctx)
{
	const uintptr_t page = *(const uintptr_t *)ctx;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t from = (info->dlpi_addr + p->p_vaddr) & ~(page - 1),
			  end = info->dlpi_addr + p->p_vaddr + p->p_memsz;

		/* the loader protects whole pages of RELRO only: what shares its last one stays
		 * writable */
		if (p->p_type == PT_GNU_RELRO && seal(from, end & ~(page - 1)) == -1)
			return -1;
		if (p->p_type == PT_LOAD && (p->p_flags & PF_W) == 0 &&
		    seal(from, (end + page - 1) & ~(page - 1)) == -1)
			return -1;
	}
	return 0;
}

enum stk_err stk_readonly_seal(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	if (dl_iterate_phdr(seal_object, &page) == 0)
		return STK_OK;
	return errno == ENOSYS || errno == EPERM || errno == EINVAL ? STK_E_ABSENT : STK_E_SYSTEM;
}
