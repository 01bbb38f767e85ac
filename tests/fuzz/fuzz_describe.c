/*
 * fuzz_describe.c - the class table's parser over anything a cage program could print.
 */
#include "sandbox/cage.h"
#include "sandbox/digest.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const uint8_t *data, size_t size)
{
	struct stk_class_table t;
	const char *why = NULL;

	if (stk_class_table_parse(data, size, &t, &why) == STK_OK) {
		/* what was believed must hold together */
		for (uint32_t i = 0; i < t.head.n_classes; i++)
			if (stk_class_find(&t, stk_span_str(t.classes[i].name)) != (int)i)
				abort();
		stk_class_table_clear(&t);
	} else if (why == NULL || t.classes != NULL) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t head = sizeof(struct stk_desc_header);
	uint8_t *sealed;

	parse(data, size);
	if (size <= head)
		return 0;
	/* and once more with the digest made right, or no mutation would ever get past it */
	sealed = malloc(size);
	if (sealed == NULL)
		return 0;
	memcpy(sealed, data, size);
	stk_digest(
	    sealed + head, size - head, sealed + offsetof(struct stk_desc_header, registry_digest));
	parse(sealed, size);
	free(sealed);
	return 0;
}
