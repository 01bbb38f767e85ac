/*
 * backtrace.c - see backtrace.h. Follows the chain of frame pointers, which our own code has
 * (-fno-omit-frame-pointer) and libraries mostly leave alone. What a library hides, the function
 * that called it above all, is looked for on the stack: a word that is an address of the program
 * behind a call instruction, marked as found and not as followed.
 */
#include "sandbox/backtrace.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MODULES   48
#define SCAN_MAX  4096        /* words */
#define CHAIN_MAX (64u << 20) /* bytes from one frame to the next */
#define PAGE      4096u
#define BROKEN    4 /* frames: a job's own chain has more, from its handler to its zygote */

static struct module {
	uint64_t base, from, to; /* load address; its executable bytes */
	struct stk_fault_module id;
} modules[MODULES];
static size_t n_modules;

/* Registers, the loader and the stack hold addresses as numbers. */
static const void *pointer(uint64_t at)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): that is what this is for */
	return (const void *)(uintptr_t)at;
}

/* --- what is loaded --------------------------------------------------------------------------- */

static size_t padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

/* The notes of a loaded segment, looked through for the linker's NT_GNU_BUILD_ID. */
static void take_id(struct module *m, const uint8_t *at, size_t left)
{
	ElfW(Nhdr) n;

	while (left >= sizeof(n)) {
		size_t name, desc;

		memcpy(&n, at, sizeof(n));
		name = padded(n.n_namesz);
		desc = padded(n.n_descsz);
		if (name > left - sizeof(n) || desc > left - sizeof(n) - name)
			return;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 &&
		    memcmp(at + sizeof(n), "GNU", 4) == 0 && n.n_descsz <= sizeof(m->id.bytes)) {
			memcpy(m->id.bytes, at + sizeof(n) + name, n.n_descsz);
			m->id.len = n.n_descsz;
		}
		at += sizeof(n) + name + desc;
		left -= sizeof(n) + name + desc;
	}
}

static int note_module(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct module *m = &modules[n_modules];

	(void)size, (void)ctx;
	if (n_modules == MODULES)
		return 1;
	*m = (struct module){ .base = info->dlpi_addr };
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_NOTE)
			take_id(m, pointer(info->dlpi_addr + p->p_vaddr), p->p_memsz);
		if (p->p_type == PT_LOAD && (p->p_flags & PF_X) != 0) {
			m->from = info->dlpi_addr + p->p_vaddr;
			m->to = m->from + p->p_memsz;
		}
	}
	n_modules++;
	return 0;
}

void stk_backtrace_prepare(void)
{
	n_modules = 0;
	(void)dl_iterate_phdr(note_module, NULL);
}

static const struct module *module_of(uint64_t ip)
{
	for (size_t i = 0; i < n_modules; i++)
		if (ip >= modules[i].from && ip < modules[i].to)
			return &modules[i];
	return NULL;
}

/* --- memory that may not be there ------------------------------------------------------------- */

/* An unknown `how` is refused only after the set was copied from user memory. */
static bool readable(uint64_t at)
{
	return syscall(SYS_rt_sigprocmask, ~0L, at, NULL, 8L) == -1 && errno != EFAULT;
}

static bool word_at(uint64_t at, uint64_t *out)
{
	if (at == 0 || (at & 7) != 0 || !readable(at))
		return false;
	memcpy(out, pointer(at), sizeof(*out));
	return true;
}

/* Whether a call instruction stands right before @ip; its module's code is mapped and readable. */
static bool follows_a_call(const struct module *m, uint64_t ip)
{
	uint8_t b[8];

	if (m == NULL || ip - m->from < sizeof(b))
		return false;
	memcpy(b, pointer(ip - sizeof(b)), sizeof(b));
#if defined(__x86_64__)
	/* e8 rel32; ff /2 with no, a small or a large displacement, with or without SIB */
	return b[3] == 0xe8 || (b[6] == 0xff && (b[7] & 0x38) == 0x10) ||
	       (b[5] == 0xff && (b[6] & 0x38) == 0x10) || (b[4] == 0xff && (b[5] & 0x38) == 0x10) ||
	       (b[2] == 0xff && (b[3] & 0x38) == 0x10) || (b[1] == 0xff && (b[2] & 0x38) == 0x10);
#elif defined(__aarch64__)
	/* bl, blr */
	return (b[7] & 0xfc) == 0x94 || (b[7] == 0xd6 && b[6] == 0x3f);
#else
	return false;
#endif
}

/* --- frames ----------------------------------------------------------------------------------- */

static uint32_t module_number(struct stk_fault *f, const struct module *m)
{
	uint32_t i = 0;

	if (m == NULL)
		return STK_FAULT_NOWHERE;
	while (i < f->n_modules && memcmp(&f->modules[i], &m->id, sizeof(m->id)) != 0)
		i++;
	if (i == STK_FAULT_MODULES)
		return STK_FAULT_NOWHERE;
	if (i == f->n_modules)
		f->modules[f->n_modules++] = m->id;
	return i;
}

static bool add(struct stk_fault *f, uint64_t ip, enum stk_fault_how how)
{
	const struct module *m = module_of(ip);

	if (f->n_frames == STK_FAULT_FRAMES)
		return false;
	f->frames[f->n_frames++] = (struct stk_fault_frame){
		.offset = m == NULL ? ip : ip - m->base, .module = module_number(f, m), .how = how
	};
	return true;
}

static bool plausible(uint64_t fp, uint64_t below)
{
	return fp >= below && fp - below < CHAIN_MAX && (fp & 7) == 0;
}

/* @how: as certain as where it begins. Where the chain ends. */
static uint64_t follow(struct stk_fault *f, uint64_t fp, enum stk_fault_how how)
{
	uint64_t next, back;

	while (word_at(fp, &next) && word_at(fp + 8, &back)) {
		if (!follows_a_call(module_of(back), back) || !add(f, back, how) || next == fp ||
		    !plausible(next, fp))
			break;
		fp = next;
	}
	return fp;
}

/* Is the word before @at the frame pointer that was saved there, with a frame behind it? */
static bool chain_begins(uint64_t at)
{
	uint64_t next, back;

	return word_at(at - 8, &next) && next > at && plausible(next, at) &&
	       word_at(next + 8, &back) && follows_a_call(module_of(back), back);
}

/* Return addresses into the program between @from and @to: the first one alone, or all of them
 * until the chain can be taken up again. */
static void scan(struct stk_fault *f, uint64_t from, uint64_t to, bool all)
{
	uint64_t at = (from + 7) & ~UINT64_C(7), word;

	for (int i = 0; i < SCAN_MAX && at < to; i++, at += 8) {
		if (!word_at(at, &word)) {
			at = (at | (PAGE - 1)) + 1 - 8;
			continue;
		}
		if (module_of(word) != &modules[0] || !follows_a_call(&modules[0], word))
			continue;
		if (all && at > from && chain_begins(at)) {
			(void)follow(f, at - 8, STK_FAULT_FOUND);
			return;
		}
		if (!add(f, word, STK_FAULT_FOUND) || !all)
			return;
	}
}

/* Where the call right before @back went; 0 if that was in a register. */
static uint64_t target_of(uint64_t back)
{
#if defined(__x86_64__)
	uint8_t op;
	int32_t far;

	memcpy(&op, pointer(back - 5), sizeof(op));
	memcpy(&far, pointer(back - 4), sizeof(far));
	return op == 0xe8 ? back + (uint64_t)(int64_t)far : 0;
#elif defined(__aarch64__)
	uint32_t op;

	memcpy(&op, pointer(back - 4), sizeof(op));
	return op >> 26 == 0x25 ? back - 4 + (uint64_t)((int64_t)(int32_t)(op << 6) >> 4) : 0;
#else
	(void)back;
	return 0;
#endif
}

/*
 * A leaf that needs no stack has no frame either: its caller's address is all that it has. In any
 * other function something else lies there, perhaps a return address that is long over; a direct
 * call says where it went.
 */
static void leaf(struct stk_fault *f, const struct stk_registers *r)
{
	uint64_t back = r->lr, target;

	if (back == 0 && !word_at(r->sp, &back))
		return;
	if (module_of(back) != &modules[0] || !follows_a_call(&modules[0], back))
		return;
	target = target_of(back);
	if (target == 0 || r->ip - target < PAGE)
		(void)add(f, back, STK_FAULT_FOUND);
}

void stk_backtrace_take(const struct stk_registers *r, struct stk_fault *f)
{
	bool chained = plausible(r->fp, r->sp), ours;
	uint64_t end;

	f->n_frames = f->n_modules = 0;
	if (n_modules == 0)
		return;
	/* the program is always the first */
	f->modules[f->n_modules++] = modules[0].id;
	ours = module_of(r->ip) == &modules[0];
	(void)add(f, r->ip, STK_FAULT_HERE);
	if (!ours && r->lr != 0 && module_of(r->lr) == &modules[0])
		(void)add(f, r->lr, STK_FAULT_FOUND);
	else if (ours && chained)
		leaf(f, r);
	else
		scan(f, r->sp, chained ? r->fp : UINT64_MAX - 8, !chained);
	if (!chained)
		return;
	end = follow(f, r->fp, STK_FAULT_CHAIN);
	/* a library between two of our functions broke it: whose call it was lies beyond */
	if (f->n_frames < BROKEN)
		scan(f, end + 16, UINT64_MAX - 8, true);
}
