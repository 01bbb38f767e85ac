/*
 * conf_nearest.c - "did you mean": the known name nearest to a mistyped one (conf.h).
 */
#include "worker/conf.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein distance; SIZE_MAX for names longer than any of ours. */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], na = strlen(a), nb = strlen(b);

	if (na >= STK_ARRAY_LEN(row) || nb >= STK_ARRAY_LEN(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t above = row[j];

			row[j] =
			    least(least(above, row[j - 1]) + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[nb];
}

const char *stk_conf_nearest(const struct stk_setting *table, size_t n, const char *name)
{
	const char *best = NULL;
	size_t best_distance = SIZE_MAX;

	for (size_t i = 0; i < n; i++) {
		size_t d;

		if (table[i].type == STK_SET_LINE)
			continue;
		d = distance(name, table[i].name);
		if (d < best_distance && d * 2 <= strlen(table[i].name)) {
			best = table[i].name;
			best_distance = d;
		}
	}
	return best;
}
