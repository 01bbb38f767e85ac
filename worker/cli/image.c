/*
 * image.c - see image.h.
 */
#include "worker/cli/image.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* @size bytes at @at of the file, or NULL. */
static const void *part(const struct stk_image *m, uint64_t at, uint64_t size)
{
	return at > m->len || size > m->len - at ? NULL : m->p + at;
}

static bool head(const struct stk_image *m, Elf64_Ehdr *h)
{
	const void *p = part(m, 0, sizeof(*h));

	if (p == NULL)
		return false;
	memcpy(h, p, sizeof(*h));
	return memcmp(h->e_ident, ELFMAG, SELFMAG) == 0 && h->e_ident[EI_CLASS] == ELFCLASS64 &&
	       h->e_ident[EI_DATA] == ELFDATA2LSB && h->e_phentsize == sizeof(Elf64_Phdr) &&
	       (h->e_shnum == 0 || h->e_shentsize == sizeof(Elf64_Shdr));
}

enum stk_err stk_image_open(struct stk_image *m, const char *path)
{
	STK_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	Elf64_Ehdr h;
	void *p;

	*m = (struct stk_image){ 0 };
	if (fd == -1 || fstat(fd, &st) == -1)
		return STK_E_SYSTEM;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0)
		return STK_E_FORMAT;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return STK_E_SYSTEM;
	*m = (struct stk_image){ .p = p, .len = (size_t)st.st_size };
	if (head(m, &h))
		return STK_OK;
	stk_image_close(m);
	return STK_E_FORMAT;
}

void stk_image_close(struct stk_image *m)
{
	if (m->p != NULL)
		(void)munmap((void *)(uintptr_t)m->p, m->len);
	*m = (struct stk_image){ 0 };
}

/* --- build id --------------------------------------------------------------------------------- */

static size_t padded(uint32_t n)
{
	return ((size_t)n + 3) & ~(size_t)3;
}

static struct stk_span id_in(const uint8_t *at, size_t left)
{
	Elf64_Nhdr n;

	while (left >= sizeof(n)) {
		size_t name, desc;

		memcpy(&n, at, sizeof(n));
		name = padded(n.n_namesz);
		desc = padded(n.n_descsz);
		at += sizeof(n);
		left -= sizeof(n);
		if (name > left || desc > left - name)
			break;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 && memcmp(at, "GNU", 4) == 0)
			return stk_span_of(at + name, n.n_descsz);
		at += name + desc;
		left -= name + desc;
	}
	return stk_span_of(NULL, 0);
}

struct stk_span stk_image_id(const struct stk_image *m)
{
	struct stk_span id = stk_span_of(NULL, 0);
	Elf64_Ehdr h;
	Elf64_Phdr p;

	if (!head(m, &h))
		return id;
	for (uint32_t i = 0; i < h.e_phnum && id.len == 0; i++) {
		const void *at = part(m, h.e_phoff + i * sizeof(p), sizeof(p));

		if (at == NULL)
			break;
		memcpy(&p, at, sizeof(p));
		at = p.p_type == PT_NOTE ? part(m, p.p_offset, p.p_filesz) : NULL;
		if (at != NULL)
			id = id_in(at, p.p_filesz);
	}
	return id;
}

/* --- sections --------------------------------------------------------------------------------- */

static bool section(const struct stk_image *m, uint32_t i, Elf64_Shdr *out)
{
	const void *at = NULL;
	Elf64_Ehdr h;

	if (head(m, &h) && i < h.e_shnum)
		at = part(m, h.e_shoff + i * sizeof(*out), sizeof(*out));
	if (at != NULL)
		memcpy(out, at, sizeof(*out));
	return at != NULL;
}

/* The string at @at of the strings that section @link holds; ended within them. */
static const char *text(const struct stk_image *m, uint32_t link, uint64_t at)
{
	Elf64_Shdr s;
	const char *p;

	if (!section(m, link, &s) || s.sh_type != SHT_STRTAB || at >= s.sh_size)
		return NULL;
	p = part(m, s.sh_offset, s.sh_size);
	if (p == NULL || memchr(p + at, '\0', s.sh_size - at) == NULL)
		return NULL;
	return p + at;
}

static const char *function_in(const struct stk_image *m, const Elf64_Shdr *s, uint64_t offset)
{
	const uint8_t *p = part(m, s->sh_offset, s->sh_size);
	Elf64_Sym sym;

	for (uint64_t at = 0; p != NULL && at + sizeof(sym) <= s->sh_size; at += sizeof(sym)) {
		memcpy(&sym, p + at, sizeof(sym));
		if ((ELF64_ST_TYPE(sym.st_info) == STT_FUNC ||
			ELF64_ST_TYPE(sym.st_info) == STT_GNU_IFUNC) &&
		    sym.st_shndx != SHN_UNDEF && offset >= sym.st_value &&
		    offset - sym.st_value < sym.st_size)
			return text(m, s->sh_link, sym.st_name);
	}
	return NULL;
}

const char *stk_image_function(const struct stk_image *m, uint64_t offset)
{
	static const uint32_t tables[] = { SHT_SYMTAB, SHT_DYNSYM };
	const char *name = NULL;
	Elf64_Shdr s;

	for (size_t t = 0; t < STK_ARRAY_LEN(tables) && name == NULL; t++)
		for (uint32_t i = 0; section(m, i, &s) && name == NULL; i++)
			if (s.sh_type == tables[t])
				name = function_in(m, &s, offset);
	return name;
}

const char *stk_image_needed(const struct stk_image *m, size_t wanted)
{
	Elf64_Shdr s;
	Elf64_Dyn d;

	for (uint32_t i = 0; section(m, i, &s); i++) {
		const uint8_t *p =
		    s.sh_type == SHT_DYNAMIC ? part(m, s.sh_offset, s.sh_size) : NULL;

		for (uint64_t at = 0; p != NULL && at + sizeof(d) <= s.sh_size; at += sizeof(d)) {
			memcpy(&d, p + at, sizeof(d));
			if (d.d_tag == DT_NEEDED && wanted-- == 0)
				return text(m, s.sh_link, d.d_un.d_val);
		}
	}
	return NULL;
}
