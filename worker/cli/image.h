/*
 * image.h - what a program or library file says of itself: build id, names of functions, libraries
 * it needs. ELF of 64 bits and of this machine's byte order (elf(5)); every offset is checked, for
 * a file may be damaged.
 */
#ifndef WORKER_CLI_IMAGE_H
#define WORKER_CLI_IMAGE_H

#include "sandbox/base.h"

struct stk_image {
	const uint8_t *p; /* mapped; NULL: none */
	size_t len;
};

/* STK_E_SYSTEM with errno; STK_E_FORMAT: no such file format. stk_image_close() by the caller. */
STK_CHECK enum stk_err stk_image_open(struct stk_image *m, const char *path);
void stk_image_close(struct stk_image *m);
/* The linker's build id; empty if there is none. Borrowed. */
struct stk_span stk_image_id(const struct stk_image *m);
/* The function that @offset, an address as linked, is in; NULL if no symbol says. Borrowed. */
const char *stk_image_function(const struct stk_image *m, uint64_t offset);
/* The @i-th library it names (DT_NEEDED), from 0; NULL at the end. Borrowed. */
const char *stk_image_needed(const struct stk_image *m, size_t i);

#endif
