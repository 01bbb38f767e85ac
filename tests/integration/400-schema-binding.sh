#!/bin/sh
# What the schema compiler writes, compiled and run: members of every kind, optional ones, an object's
# properties, the JSON view, an array of the rest; as C and as C++; and bad schemas as compilers report.
. tests/stage.sh
T=$(mktemp -d "${TMPDIR:-/tmp}/schema-XXXXXX")
trap 'rm -rf "$T"' EXIT
CC=${CC:-gcc}
SCHEMAC=$B/stockade-schemac

cat >"$T/all_kinds.schema.json" <<'END'
{
  "title": "AllKinds", "type": "array", "minItems": 2,
  "$defs": { "tree": { "type": "object", "properties": { "kids": { "type": "array", "items": { "$ref": "#/$defs/tree" } } } } },
  "prefixItems": [
    { "title": "name", "type": "string", "description": "who /* or */ what", "pattern": "^[a-z?\"\\\\é]+$" },
    { "title": "size", "type": "integer" },
    { "title": "ratio", "type": [ "number", "null" ], "minimum": -1e300 },
    { "title": "loud", "type": "boolean" },
    { "title": "marks", "type": "array", "items": { "type": "integer" }, "uniqueItems": true },
    { "title": "tree", "$ref": "#/$defs/tree" },
    { "title": "mode", "enum": [ "a??/b", 1, null, [ 1.5, { "k": -9223372036854775808 } ] ] }
  ],
  "items": { "title": "more", "type": "string" }
}
END
cat >"$T/one_object.schema.json" <<'END'
{ "type": "array", "minItems": 1, "items": false, "prefixItems": [ { "type": "object",
  "required": [ "userId" ], "additionalProperties": false,
  "properties": { "userId": { "type": "integer" }, "note": { "type": "string" },
    "class": { "title": "kind", "type": "string" } } } ] }
END
cat >"$T/main.c" <<'END'
#include "all_kinds.args.h"
#include "one_object.args.h"

#include "jobs/cage/cage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* from the archive's registry's side; nothing here uses it */
const struct stockade_class stockade_registry[1];
const size_t stockade_registry_len = 0;

extern const struct stockade_binding stockade_binding_all_kinds, stockade_binding_one_object;

struct stockade_result all_kinds(struct stockade_job *job, const struct all_kinds_args *a)
{
	const struct stockade_json *kids = stockade_json_get(a->tree, "kids"), *value;
	int64_t n = 0;
	double d = 0;

	(void)job;
	printf("name=%s size=%" PRId64 " ratio=%s%g loud=%s%d marks=", a->name, a->size, a->has_ratio ? "" : "absent ",
	    a->ratio, a->has_loud ? "" : "absent ", a->loud);
	for (size_t i = 0; i < a->marks.n; i++)
		printf("%" PRId64 ",", a->marks.at[i]);
	printf(" kids=%zu/%zu more=", stockade_json_size(kids), stockade_json_size(stockade_json_get(stockade_json_at(kids, 0), "kids")));
	for (size_t i = 0; i < a->more.n; i++)
		printf("%s,", a->more.at[i]);
	printf(" all=%zu first=%s", stockade_json_size(a->json), stockade_json_string(stockade_json_at(a->json, 0)));
	printf(" int=%d number=%d", stockade_json_integer(stockade_json_at(a->json, 1), &n), stockade_json_number(stockade_json_at(a->json, 0), &d));
	printf(" key=%s\n", stockade_json_next(a->tree, NULL, &value) == NULL ? "none" : stockade_json_next(a->tree, NULL, &value));
	return STOCKADE_DONE;
}

struct stockade_result one_object(struct stockade_job *job, const struct one_object_args *a)
{
	(void)job;
	printf("userId=%" PRId64 " note=%s kind=%s\n", a->userId, a->note == NULL ? "absent" : a->note, a->kind == NULL ? "absent" : a->kind);
	return STOCKADE_DONE;
}

int main(int argc, char **argv)
{
	const struct stockade_binding *b = strcmp(argv[argc - 2], "object") == 0 ? &stockade_binding_one_object : &stockade_binding_all_kinds;
	static max_align_t room[64];
	struct stockade_violation v;
	json_t *args;

	if (stockade_args_parse(argv[argc - 1], strlen(argv[argc - 1]), &args, &v) == -1 || b->bind(args, room, &v) == -1) {
		printf("%s: %s\n", v.pointer, v.rule);
		return 1;
	}
	return (int)b->run(NULL, room).kind - 1;
}
END

check "the compiler takes a schema of every kind" sh -c "'$SCHEMAC' compile '$T/all_kinds.schema.json' --out '$T' && '$SCHEMAC' compile '$T/one_object.schema.json' --out '$T'"
strict="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Werror"
check "what it writes compiles without a warning" sh -c "for f in all_kinds one_object; do $CC -std=c17 $strict -D_GNU_SOURCE -I. -I'$T' -c -o '$T/'\$f.o '$T/'\$f.bind.c || exit 1; done"
check "and links with a handler" sh -c "$CC -std=c17 -D_GNU_SOURCE -I. -I'$T' -o '$T/run' '$T/main.c' '$T/all_kinds.o' '$T/one_object.o' '$B/libstockade-cage.a' '$B/libsandbox.a' -ljansson -lpcre2-8 -lseccomp -lcap -lm"
if command -v g++ >/dev/null; then
	check "the header is one for C++ too" sh -c "printf '#include \"all_kinds.args.h\"\n#include \"one_object.args.h\"\n' >'$T/h.cc' && g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -I. -I'$T' -c -o '$T/h.o' '$T/h.cc'"
else
	echo "ok - the header is one for C++ too # SKIP g++ would enable it"
fi

run() { "$T/run" "$@" 2>&1; }
check "required members alone" eq "$(run all '["ab",3]')" \
	"name=ab size=3 ratio=absent 0 loud=absent 0 marks= kids=0/0 more= all=2 first=ab int=1 number=0 key=none"
check "every member, and the rest" eq "$(run all '["é?",3.0,0.5,true,[3,1],{"kids":[{"kids":[{},{}]}]},"a??/b","x","y"]')" \
	"name=é? size=3 ratio=0.5 loud=1 marks=3,1, kids=1/2 more=x,y, all=9 first=é? int=1 number=0 key=kids"
check "null reads as left out" eq "$(run all '["ab",3,null,false]')" \
	"name=ab size=3 ratio=absent 0 loud=0 marks= kids=0/0 more= all=4 first=ab int=1 number=0 key=none"
check "a constant of every kind survives the way through C" has "$(run all '["ab",1,1,true,[],{},[1.5,{"k":-9223372036854775808}]]')" "all=7"
check "an integer beyond 64 bits is refused" eq "$(run all '["ab",1e19]')" "/1: must fit 64 bits (type)"
check "and one in an array" eq "$(run all '["ab",1,1,true,[1,1e19]]')" "/4: must fit 64 bits (type)"
check "the schema speaks first" eq "$(run all '["AB",1]')" "/0: does not match its pattern (pattern)"
check "a recursive schema reaches the leaf" eq "$(run all '["ab",1,1,true,[],{"kids":[{"kids":[{"kids":5}]}]}]')" "/5/kids/0/kids/0/kids: must be an array (type)"
check "an object's properties are the members" eq "$(run object '[{"userId":7,"class":"x"}]')" "userId=7 note=absent kind=x"
check "a key that is not named is not repeated" eq "$(run object '[{"userId":7,"secret":1}]')" "/0: has a key that the schema does not name (additionalProperties)"

# --- a list of strings is an enum of C beside the text
cat >"$T/pick.schema.json" <<'END'
{ "title": "Pick", "type": "array", "minItems": 1, "items": false, "prefixItems": [
  { "title": "mode", "enum": [ "fit", "fill-in", "fill_in", "none", "a\"*/b" ] },
  { "title": "colour", "type": [ "string", "null" ], "enum": [ null, "red", "bl\u00fc" ] },
  { "title": "level", "enum": [ 1, 2 ] } ] }
END
cat >"$T/pick.c" <<'END'
#include "pick.args.h"

#include "jobs/cage/cage.h"

#include <stdio.h>
#include <string.h>

const struct stockade_class stockade_registry[1];
const size_t stockade_registry_len = 0;
extern const struct stockade_binding stockade_binding_pick;

struct stockade_result pick(struct stockade_job *job, const struct pick_args *a)
{
	(void)job;
	/* no default: a value that the schema gains is a warning here */
	switch (a->which_mode) {
	case PICK_MODE_NONE: printf("left out"); break;
	case PICK_MODE_FIT: printf("fit"); break;
	case PICK_MODE_FILL_IN: printf("fill-in"); break;
	case PICK_MODE_FILL_IN_3: printf("fill_in"); break;
	case PICK_MODE_NONE_4: printf("none"); break;
	case PICK_MODE_A___B: printf("odd"); break;
	}
	printf("=%s colour %d=%s red=%d", a->mode, (int)a->which_colour, a->colour == NULL ? "absent" : a->colour, a->which_colour == PICK_COLOUR_RED);
	printf(" level=%d\n", stockade_json_kind(a->level) == STOCKADE_JSON_NUMBER);
	return STOCKADE_DONE;
}

int main(int argc, char **argv)
{
	static max_align_t room[64];
	struct stockade_violation v;
	json_t *args;

	if (stockade_args_parse(argv[argc - 1], strlen(argv[argc - 1]), &args, &v) == -1 || stockade_binding_pick.bind(args, room, &v) == -1) {
		printf("%s: %s\n", v.pointer, v.rule);
		return 1;
	}
	return (int)stockade_binding_pick.run(NULL, room).kind - 1;
}
END
check "a schema with lists of strings compiles" sh -c "'$SCHEMAC' compile '$T/pick.schema.json' --out '$T' && $CC -std=c17 $strict -D_GNU_SOURCE -I. -I'$T' -c -o '$T/pick.o' '$T/pick.bind.c'"
check "and its handler, each value handled" sh -c "$CC -std=c17 -Wall -Wextra -Wswitch-enum -Werror -D_GNU_SOURCE -I. -I'$T' -o '$T/pick' '$T/pick.c' '$T/pick.o' '$B/libstockade-cage.a' '$B/libsandbox.a' -ljansson -lpcre2-8 -lseccomp -lcap -lm"
pick() { "$T/pick" "$1" 2>&1; }
check "the first value" eq "$(pick '["fit"]')" "fit=fit colour 0=absent red=0 level=0"
check "two that are one name in C are told apart" eq "$(pick '["fill-in","red"]') $(pick '["fill_in","blü"]')" "fill-in=fill-in colour 1=red red=1 level=0 fill_in=fill_in colour 2=blü red=0 level=0"
check "a value called none is not what was left out" eq "$(pick '["none",null,2]')" "none=none colour 0=absent red=0 level=1"
check "a value that is no name in C" eq "$(pick '["a\"*/b"]')" 'odd=a"*/b colour 0=absent red=0 level=0'
check "another is refused" eq "$(pick '["fat"]')" "/0: is none of the values there may be (enum)"
# what an author may well write, and once was no C
compiles() { # compiles NAME SCHEMA: as strictly as a team may, in C and, if there is one, in C++
	printf '%s\n' "$2" >"$T/$1.schema.json"
	"$SCHEMAC" compile "$T/$1.schema.json" --out "$T" && $CC -std=c17 $strict -D_GNU_SOURCE -I. -I"$T" -c -o "$T/$1.o" "$T/$1.bind.c" || return 1
	! command -v g++ >/dev/null || { printf '#include "%s.args.h"\n' "$1" >"$T/$1.cc" && g++ -std=c++20 -Wall -Wextra -Werror -I. -I"$T" -c -o "$T/$1.cc.o" "$T/$1.cc"; }
}
check "a value that is called as another was numbered" compiles numbered '{ "type": "array", "prefixItems": [ { "title": "m", "enum": [ "a-b", "a_b", "a_b_2" ] }, { "title": "m_a", "enum": [ "b", "b_2" ] } ] }'
check "has a name of its own" sh -c "[ \"\$(grep -oE 'NUMBERED_M[A-Z0-9_]+' '$T/numbered.args.h' | sort | uniq -d)\" = '' ] && grep -q 'NUMBERED_M_A_B_2_3 = 3' '$T/numbered.args.h'"
check "a string that is one of no strings" compiles no_strings '{ "type": "array", "prefixItems": [ { "title": "m", "type": "string", "enum": [ 1, 2 ] } ] }'
check "a description that turns the direction of text is none to the compiler" compiles turned '{ "title": "\u202eT", "type": "array", "prefixItems": [ { "title": "m", "description": "\u2066 x \u0085\u2028", "enum": [ "\u202e", "\u2069" ] } ] }'
for word in noexcept typeof errno and_eq; do
	printf '{ "type": "array", "prefixItems": [ { "title": "%s", "type": "integer" } ] }\n' $word >"$T/word.schema.json"
	check "$word is no member's name" has "$("$SCHEMAC" check "$T/word.schema.json" 2>&1)" "\"$word\" is no name for a member of a C struct"
done
for f in job fields program lists; do
	check "a handler may be called $f" compiles $f '{ "type": "array", "prefixItems": [ { "title": "a", "enum": [ "x" ] } ] }'
done
printf '{ "type": "array" }\n' >"$T/main.schema.json"
check "main is no handler's name" has "$("$SCHEMAC" check "$T/main.schema.json" 2>&1)" '"main" is no name for a C function'
awk 'BEGIN { printf "{ \"type\": \"array\", \"prefixItems\": [ { \"title\": \"m\", \"required\": ["; for (i = 0; i < 30000; i++) printf "%s\"k%d\"", i ? "," : "", i; printf "] }, { \"title\": \"e\", \"enum\": ["; for (i = 0; i < 30000; i++) printf "%s\"v%d\"", i ? "," : "", i; printf "] } ] }\n" }' >"$T/many.schema.json"
check "thirty thousand keys and values are no harm" timeout 60 "$SCHEMAC" compile "$T/many.schema.json" --out "$T"
printf '{ "type": "array", "\\u001b[2J\\u009b\\u202e": 1 }\n' >"$T/escape.schema.json"
check "what a report quotes is obeyed by no terminal" has "$("$SCHEMAC" check "$T/escape.schema.json" 2>&1)" 'unknown keyword "\u001b[2J\u009b\u202e"'
printf '{ "type": "array", "prefixItems": [ { "title": "a", "enum": [ "x" ] }, { "title": "which_a", "type": "string" } ] }\n' >"$T/which.schema.json"
check "which_ is a member's name already" has "$("$SCHEMAC" check "$T/which.schema.json" 2>&1)" 'the member "which_a" is there already'
if command -v g++ >/dev/null; then
	check "the enum is one for C++ too" sh -c "printf '#include \"pick.args.h\"\nint f(const pick_args *a) { return a->which_mode == PICK_MODE_FIT; }\n' >'$T/p.cc' && g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -I. -I'$T' -c -o '$T/p.o' '$T/p.cc'"
else
	echo "ok - the enum is one for C++ too # SKIP g++ would enable it"
fi

printf '{\n  "type": "array",\n  "prefixItems": [\n    { "title": "a", "minLenght": 1 }\n  ]\n}\n' >"$T/bad.schema.json"
check "a bad schema is reported as compilers do" eq "$("$SCHEMAC" check "$T/bad.schema.json" 2>&1)" \
	"$T/bad.schema.json:4:21: error: /prefixItems/0/minLenght: unknown keyword \"minLenght\"; did you mean \"minLength\"?"
check "and ends the build" sh -c "! '$SCHEMAC' compile '$T/bad.schema.json' --out '$T' 2>/dev/null"
check "and nothing is written" sh -c "[ ! -e '$T/bad.args.h' ] && [ ! -e '$T/bad.bind.c' ]"
check "a file that is not there is named" has "$("$SCHEMAC" check "$T/none.schema.json" 2>&1)" "none.schema.json: error: No such file"
check "the shipped schemas are good" sh -c "'$SCHEMAC' check jobs/*.schema.json"
