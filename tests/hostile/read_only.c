/*
 * read_only.c - the act that makes the loader's table of addresses writable: who may write it says
 * what the next call of libc runs.
 */
#include "tests/hostile/acts.h"

#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static int find(struct dl_phdr_info *info, size_t size, void *ctx)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t *found = ctx;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t from = (info->dlpi_addr + p->p_vaddr) & ~(page - 1);

		if (p->p_type == PT_GNU_RELRO && p->p_memsz >= page) {
			*found = from;
			return 1;
		}
	}
	return 0;
}

int hostile_write_read_only(const struct hostile_args *a)
{
	uintptr_t at = 0;
	const long page = sysconf(_SC_PAGESIZE);

	(void)a;
	if (dl_iterate_phdr(find, &at) == 0)
		return -1;
	return mprotect((void *)at, (size_t)page, PROT_READ | PROT_WRITE); /* NOLINT */
}
