/*
 * plan.c - which members the argument struct has: one per position, or per property of the one
 * object that the arguments are.
 */
#include "jobs/schema/schema.h"

#include "jobs/cage/bind.h"

#include <stdlib.h>
#include <string.h>

#define REFS_MAX 16 /* $ref after $ref */

/*
 * C17, C23 and C++20: job.h and what is generated may be used from all of them. And lower-case
 * macros of libc's headers, which would make something else of a member of that name.
 */
static const char *const reserved[] = { "alignas", "alignof", "and", "and_eq", "asm", "assert",
	"auto", "bitand", "bitor", "bool", "break", "case", "catch", "char", "char16_t", "char32_t",
	"char8_t", "class", "co_await", "co_return", "co_yield", "compl", "concept", "const",
	"const_cast", "consteval", "constexpr", "constinit", "continue", "decltype", "default",
	"delete", "do", "double", "dynamic_cast", "else", "enum", "explicit", "export", "extern",
	"false", "float", "for", "friend", "goto", "if", "inline", "int", "long", "mutable",
	"namespace", "new", "noexcept", "not", "not_eq", "nullptr", "operator", "or", "or_eq",
	"private", "protected", "public", "register", "reinterpret_cast", "requires", "restrict",
	"return", "short", "signed", "sizeof", "static", "static_assert", "static_cast", "struct",
	"switch", "template", "this", "thread_local", "throw", "true", "try", "typedef", "typeid",
	"typename", "typeof", "typeof_unqual", "union", "unsigned", "using", "virtual", "void",
	"volatile", "wchar_t", "while", "xor", "xor_eq", /* and the macros: */ "complex", "errno",
	"h_addr", "h_errno", "imaginary", "linux", "noreturn", "offsetof", "sa_handler",
	"sa_sigaction", "si_addr", "si_pid", "si_uid", "si_value", "st_atime", "st_ctime",
	"st_mtime", "stderr", "stdin", "stdout", "unix" };

static bool is_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	if (n == 0 || s[n] != '\0' || n >= STK_SCHEMA_NAME - 8 || s[0] == '_' ||
	    (s[0] >= '0' && s[0] <= '9'))
		return false;
	for (size_t i = 0; i < STK_ARRAY_LEN(reserved); i++)
		if (strcmp(reserved[i], s) == 0)
			return false;
	return true;
}

/* The schema with the type in it: $ref followed while nothing else says the type. */
static const json_t *resolved(const struct stk_compiled *c, const json_t *node)
{
	struct stk_schema_fault ignored = { 0 };

	for (int i = 0; i < REFS_MAX; i++) {
		const json_t *ref = json_object_get(node, "$ref");
		uint32_t n;

		if (ref == NULL || json_object_get(node, "type") != NULL)
			break;
		n = stk_ref_follow(c, json_string_value(ref), "", &ignored);
		if (n == STK_RULES_NONE)
			break;
		node = c->positions[n].node;
	}
	return node;
}

/* Without a word on the type, a list of strings says as much. */
static const char *type_of_values(const json_t *values, bool *nullable)
{
	const char *only = NULL;
	json_t *one;
	size_t i;

	json_array_foreach(values, i, one)
	{
		if (json_is_string(one))
			only = "string";
		else if (json_is_null(one))
			*nullable = true;
		else
			return NULL;
	}
	return only;
}

/* The one type besides null that values may have, or NULL. *nullable says that null is one. */
static const char *type_of(const json_t *node, bool *nullable)
{
	const json_t *type = json_object_get(node, "type");
	const char *only = json_string_value(type);
	json_t *one;
	size_t i;

	*nullable = false;
	if (type == NULL)
		return type_of_values(json_object_get(node, "enum"), nullable);
	json_array_foreach(type, i, one)
	{
		if (strcmp(json_string_value(one), "null") == 0)
			*nullable = true;
		else if (only != NULL)
			return NULL;
		else
			only = json_string_value(one);
	}
	return only;
}

/* enum stockade_field_kind of a scalar, or JSON. */
static uint32_t scalar_kind(const struct stk_compiled *c, const json_t *node, bool *nullable)
{
	const char *type = type_of(resolved(c, node), nullable);

	if (type == NULL)
		return STOCKADE_FIELD_JSON;
	if (strcmp(type, "string") == 0)
		return STOCKADE_FIELD_STRING;
	if (strcmp(type, "integer") == 0)
		return STOCKADE_FIELD_INTEGER;
	if (strcmp(type, "number") == 0)
		return STOCKADE_FIELD_NUMBER;
	return strcmp(type, "boolean") == 0 ? STOCKADE_FIELD_BOOLEAN : STOCKADE_FIELD_JSON;
}

/* Arrays of one scalar type, without positions of their own, are arrays in C too. */
static uint32_t kind_of(const struct stk_compiled *c, const json_t *node, bool *nullable)
{
	const json_t *at = resolved(c, node);
	uint32_t kind = scalar_kind(c, node, nullable);
	const char *type = type_of(at, nullable);
	bool null_items;

	if (type == NULL || strcmp(type, "array") != 0 ||
	    json_object_get(at, "prefixItems") != NULL)
		return kind;
	kind = scalar_kind(c, json_object_get(at, "items"), &null_items);
	return kind == STOCKADE_FIELD_JSON || null_items
		   ? STOCKADE_FIELD_JSON
		   : kind - STOCKADE_FIELD_STRING + STOCKADE_FIELD_STRINGS;
}

static bool is_member(const struct stk_plan *plan, const char *prefix, const char *name)
{
	char full[STK_SCHEMA_NAME + 8];

	(void)snprintf(full, sizeof(full), "%s%s", prefix, name);
	return json_object_get(plan->names, full) != NULL;
}

/* Its own member, or the has_ or which_ beside it, is another's name already. */
static bool taken(const struct stk_plan *plan, const char *name)
{
	return strcmp(name, "json") == 0 || is_member(plan, "", name) ||
	       is_member(plan, "has_", name) || is_member(plan, "which_", name) ||
	       (strncmp(name, "has_", 4) == 0 && is_member(plan, "", name + 4)) ||
	       (strncmp(name, "which_", 6) == 0 && is_member(plan, "", name + 6));
}

/* The list that a string is one of, if it holds any; values of other kinds are none of its. */
static const json_t *texts_of(const json_t *node)
{
	const json_t *values = json_object_get(node, "enum");
	json_t *one;
	size_t i;

	json_array_foreach(values, i, one)
	{
		if (json_is_string(one))
			return values;
	}
	return NULL;
}

static int add(struct stk_plan *plan, const struct stk_compiled *c, struct stk_member m,
    const char *pointer, struct stk_schema_fault *f)
{
	const char *title = json_string_value(json_object_get(m.schema, "title")), *name = title;
	bool nullable = false;

	if (m.key != NULL && (title == NULL || !is_name(title)))
		name = m.key;
	if (name == NULL)
		return stk_schema_wrong(
		    f, pointer, "needs a \"title\": it names the member of the struct");
	if (!is_name(name))
		return stk_schema_wrong(f, pointer,
		    "\"%.64s\" is no name for a member of a C struct; give a \"title\" that is",
		    name);
	if (taken(plan, name))
		return stk_schema_wrong(
		    f, pointer, "the member \"%s\" is there already; give another \"title\"", name);
	(void)snprintf(m.name, sizeof(m.name), "%s", name);
	if (m.kind == STOCKADE_FIELD_JSON)
		m.kind = kind_of(c, m.schema, &nullable);
	m.optional = m.optional || nullable;
	m.schema = resolved(c, m.schema);
	if (m.kind == STOCKADE_FIELD_STRING)
		m.values = texts_of(m.schema);
	if (json_object_set_new(plan->names, m.name, json_true()) == -1)
		abort();
	plan->members = stk_grow(plan->members, plan->n, sizeof(*plan->members));
	plan->members[plan->n++] = m;
	return 0;
}

static bool listed(const json_t *strings, const char *key)
{
	json_t *s;
	size_t i;

	json_array_foreach(strings, i, s)
	{
		if (strcmp(json_string_value(s), key) == 0)
			return true;
	}
	return false;
}

static int properties(struct stk_plan *plan, const struct stk_compiled *c, const json_t *object,
    struct stk_schema_fault *f)
{
	json_t *properties = json_object_get(object, "properties"), *node;
	const char *key;

	json_object_foreach(properties, key, node)
	{
		struct stk_member m = { .kind = STOCKADE_FIELD_JSON, .key = key, .schema = node };
		char *at = stk_pointer_add("/prefixItems/0/properties", key);
		int bad;

		m.optional = !listed(json_object_get(object, "required"), key);
		bad = add(plan, c, m, at, f);
		free(at);
		if (bad != 0)
			return bad;
	}
	return 0;
}

static int positions(struct stk_plan *plan, const struct stk_compiled *c, const json_t *root,
    struct stk_schema_fault *f)
{
	const json_t *prefix = json_object_get(root, "prefixItems"),
		     *rest = json_object_get(root, "items");
	size_t least = (size_t)json_number_value(json_object_get(root, "minItems")), i;
	struct stk_member m;
	json_t *node;
	bool nullable = false;

	json_array_foreach(prefix, i, node)
	{
		char *at = stk_pointer_index("/prefixItems", i);
		int bad;

		m = (struct stk_member){ .kind = STOCKADE_FIELD_JSON,
			.index = (uint32_t)i,
			.optional = i >= least,
			.schema = node };
		bad = add(plan, c, m, at, f);
		free(at);
		if (bad != 0)
			return bad;
	}
	m = (struct stk_member){
		.index = (uint32_t)json_array_size(prefix), .rest = true, .schema = rest
	};
	m.kind = rest == NULL ? STOCKADE_FIELD_JSON : scalar_kind(c, rest, &nullable);
	if (m.kind == STOCKADE_FIELD_JSON || nullable)
		return 0;
	m.kind += STOCKADE_FIELD_STRINGS - STOCKADE_FIELD_STRING;
	return add(plan, c, m, "/items", f);
}

/* The one object that all arguments are in, or NULL. */
static const json_t *only_object(const struct stk_compiled *c, const json_t *root)
{
	const json_t *prefix = json_object_get(root, "prefixItems"), *only;
	const char *type;
	bool nullable;

	if (json_array_size(prefix) != 1 || !json_is_false(json_object_get(root, "items")))
		return NULL;
	only = resolved(c, json_array_get(prefix, 0));
	type = type_of(only, &nullable);
	if (type == NULL || nullable || strcmp(type, "object") != 0)
		return NULL;
	return json_object_get(only, "properties") == NULL ? NULL : only;
}

int stk_plan_make(const struct stk_compiled *c, const char *function, struct stk_plan *plan,
    struct stk_schema_fault *f)
{
	const json_t *root = c->positions[0].node, *only;
	const char *type = json_string_value(json_object_get(root, "type"));

	memset(plan, 0, sizeof(*plan));
	plan->names = json_object();
	if (plan->names == NULL)
		abort();
	if (!is_name(function) || strcmp(function, "main") == 0)
		return stk_schema_wrong(f, "", "\"%.64s\" is no name for a C function", function);
	(void)snprintf(plan->function, sizeof(plan->function), "%s", function);
	plan->root = root;
	if (type == NULL || strcmp(type, "array") != 0)
		return stk_schema_wrong(
		    f, "", "the arguments of a job are an array: say \"type\": \"array\"");
	only = only_object(c, root);
	plan->object = only != NULL;
	return only != NULL ? properties(plan, c, only, f) : positions(plan, c, root, f);
}

void stk_plan_clear(struct stk_plan *plan)
{
	free(plan->members);
	json_decref(plan->names);
	memset(plan, 0, sizeof(*plan));
}
