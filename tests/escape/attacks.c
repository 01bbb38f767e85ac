/*
 * attacks.c - tests/escape/attacks.def as functions and as a table. An act that is one expression
 * stands in its row; the others are in acts_*.c.
 */
#include "tests/escape/acts.h"

#include "sandbox/profile.h"

#include <string.h>

/* -1 is a refusal, whatever else came back is what the attacker wanted. */
#define ATTACK(group, name, class_index, arg_kind, kind, expected, control, expression) \
	static int act_##name(const struct hostile_args *a)                             \
	{                                                                               \
		(void)a;                                                                \
		return (expression) == -1 ? -1 : 0;                                     \
	}
#include "tests/escape/attacks.def"
#undef ATTACK

/* What each expectation and each control fills in. */
#define DENIED(call)     .outcome = STK_OUT_SYSCALL_DENIED, .why = #call " "
#define KILLED           .outcome = STK_OUT_SYSCALL_DENIED, .why = "a denied system call"
#define FAILS(e)         .outcome = STK_OUT_FAILED, .err = (e)
#define ENDS(name, text) .outcome = STK_OUT_##name, .why = (text)
#define WORKS            .outcome = STK_OUT_DONE
#define SUCCEEDS         .control = ESCAPE_CTL_OK
#define IN_USERNS        .control = ESCAPE_CTL_USERNS
#define DIES(s)          .control = ESCAPE_CTL_DIES, .control_value = (s)
#define EXITS(n)         .control = ESCAPE_CTL_EXITS, .control_value = (n)
#define REACHES(why_not) .control = ESCAPE_CTL_REACHES, .reason = ESCAPE_##why_not
#define ATTACK(group_text, id, class_id, arg_kind, kind_id, expected, how, expression) \
	{ .group = #group_text,                                                        \
		.name = #id,                                                           \
		.class_index = ESCAPE_##class_id,                                      \
		.arg = ESCAPE_##arg_kind,                                              \
		.kind = ESCAPE_##kind_id,                                              \
		expected,                                                              \
		how,                                                                   \
		.act = act_##id },

const struct attack attacks[] = {
#include "tests/escape/attacks.def"
};
const size_t n_attacks = STK_ARRAY_LEN(attacks);

const char *const escape_class_names[ESCAPE_CLASSES] = {
	[ESCAPE_PURE] = "Escape::Pure",
	[ESCAPE_READ] = "Escape::Read",
	[ESCAPE_WRITE] = "Escape::Write",
	[ESCAPE_EXEC] = "Escape::Exec",
	[ESCAPE_THREADS] = "Escape::Threads",
	[ESCAPE_NET] = "Escape::Net",
	[ESCAPE_WORK] = "Escape::Work",
	[ESCAPE_SECRET] = "Escape::Secret",
};

bool escape_class_ready(enum escape_class c)
{
	static const uint32_t profiles[ESCAPE_CLASSES] = {
		[ESCAPE_READ] = STK_PROFILE_FILES_READ,
		[ESCAPE_WRITE] = STK_PROFILE_FILES_READ | STK_PROFILE_FILES_WRITE,
		[ESCAPE_EXEC] = STK_PROFILE_EXEC,
		[ESCAPE_THREADS] = STK_PROFILE_THREADS,
		[ESCAPE_NET] = STK_PROFILE_NET,
		[ESCAPE_WORK] = STK_PROFILE_FILES_READ | STK_PROFILE_FILES_WRITE,
	};

	return (profiles[c] & ~STK_PROFILE_READY) == 0;
}

const struct attack *attack_find(const char *name)
{
	for (size_t i = 0; i < n_attacks; i++)
		if (strcmp(attacks[i].name, name) == 0)
			return &attacks[i];
	return NULL;
}
