/*
 * scripts.c - see scripts.h. The assembler copies the files, so what runs is the file under review.
 */
#include "worker/scripts.h"

/* Front parts first: Redis sees one text. Paths are from the root of the tree, as every include. */
#define STK_EMBED(name, front, body)                                                \
	__asm__(".pushsection .rodata\n"                                            \
		".globl stk_lua_" name "\n.hidden stk_lua_" name "\n"               \
		".globl stk_lua_" name "_end\n.hidden stk_lua_" name "_end\n"       \
		"stk_lua_" name ":\n" front ".incbin \"worker/scripts/" body "\"\n" \
		"stk_lua_" name "_end:\n.byte 0\n"                                  \
		".popsection\n")
#define STK_COMMON     ".incbin \"worker/scripts/common.lua\"\n"
#define STK_AREAS      STK_COMMON ".incbin \"worker/scripts/areas.lua\"\n"
#define STK_VIOLATIONS ".incbin \"worker/scripts/violations.lua\"\n"
#define STK_RESULTS    ".incbin \"worker/scripts/results.lua\"\n"
#define STK_LEDGER     ".incbin \"worker/scripts/ledger.lua\"\n"

STK_EMBED("register", STK_COMMON, "register.lua");
STK_EMBED("beat", STK_COMMON, "beat.lua");
STK_EMBED("reserve", STK_AREAS, "reserve.lua");
STK_EMBED("show", STK_COMMON, "show.lua");
STK_EMBED("progress", STK_COMMON, "progress.lua");
STK_EMBED("release", STK_COMMON, "release.lua");
STK_EMBED("settle", STK_AREAS STK_VIOLATIONS STK_RESULTS, "settle.lua");
STK_EMBED("recover", STK_COMMON, "recover.lua");
STK_EMBED("unregister", STK_COMMON, "unregister.lua");
STK_EMBED("prune", STK_COMMON, "prune.lua");
STK_EMBED("peers", STK_COMMON, "peers.lua");
STK_EMBED("reexamine", STK_AREAS, "reexamine.lua");
STK_EMBED("breaker", STK_COMMON, "breaker.lua");
STK_EMBED("drain", STK_AREAS, "drain.lua");
STK_EMBED("claim", STK_LEDGER, "claim.lua");
STK_EMBED("finish", STK_LEDGER, "finish.lua");
STK_EMBED("epoch", STK_LEDGER, "epoch.lua");
STK_EMBED("quarantine", STK_AREAS, "quarantine.lua");
STK_EMBED("measure", STK_COMMON, "measure.lua");

#define STK_LUA(name) extern const uint8_t stk_lua_##name[], stk_lua_##name##_end[]
STK_LUA(register);
STK_LUA(beat);
STK_LUA(reserve);
STK_LUA(show);
STK_LUA(progress);
STK_LUA(release);
STK_LUA(settle);
STK_LUA(recover);
STK_LUA(unregister);
STK_LUA(prune);
STK_LUA(peers);
STK_LUA(reexamine);
STK_LUA(breaker);
STK_LUA(drain);
STK_LUA(claim);
STK_LUA(finish);
STK_LUA(epoch);
STK_LUA(quarantine);
STK_LUA(measure);

#define STK_ROW(name)                                \
	{                                            \
		stk_lua_##name, stk_lua_##name##_end \
	}
static const struct {
	const uint8_t *from, *end;
} texts[STK_SCRIPT_COUNT] = {
	[STK_SCRIPT_REGISTER] = STK_ROW(register),
	[STK_SCRIPT_BEAT] = STK_ROW(beat),
	[STK_SCRIPT_RESERVE] = STK_ROW(reserve),
	[STK_SCRIPT_SHOW] = STK_ROW(show),
	[STK_SCRIPT_PROGRESS] = STK_ROW(progress),
	[STK_SCRIPT_RELEASE] = STK_ROW(release),
	[STK_SCRIPT_SETTLE] = STK_ROW(settle),
	[STK_SCRIPT_RECOVER] = STK_ROW(recover),
	[STK_SCRIPT_UNREGISTER] = STK_ROW(unregister),
	[STK_SCRIPT_PRUNE] = STK_ROW(prune),
	[STK_SCRIPT_PEERS] = STK_ROW(peers),
	[STK_SCRIPT_REEXAMINE] = STK_ROW(reexamine),
	[STK_SCRIPT_BREAKER] = STK_ROW(breaker),
	[STK_SCRIPT_DRAIN] = STK_ROW(drain),
	[STK_SCRIPT_CLAIM] = STK_ROW(claim),
	[STK_SCRIPT_FINISH] = STK_ROW(finish),
	[STK_SCRIPT_EPOCH] = STK_ROW(epoch),
	[STK_SCRIPT_QUARANTINE] = STK_ROW(quarantine),
	[STK_SCRIPT_MEASURE] = STK_ROW(measure),
};

static const char *const names[STK_SCRIPT_COUNT] = {
#define X(id, text) [STK_SCRIPT_##id] = (text),
	STK_SCRIPTS(X)
#undef X
};

const char *stk_script_name(enum stk_script s)
{
	return names[s];
}

struct stk_span stk_script_text(enum stk_script s)
{
	return stk_span_of(texts[s].from, (size_t)(texts[s].end - texts[s].from));
}
