/*
 * watch.c - see watch.h.
 */
#include "worker/watch.h"

#include "sandbox/base.h"

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

static void mix(uint64_t *h, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*h = (*h ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3u;
}

/*
 * Times of files are as coarse as the kernel's tick, and numbers are used again: of two versions
 * within one tick both look the same. So a file that is as young as that is never the same twice.
 */
static void mix_youth(uint64_t *h, const struct stat *st)
{
	static uint64_t nth;
	int64_t age_ms =
	    stk_realtime_ms() - (int64_t)st->st_ctim.tv_sec * 1000 - st->st_ctim.tv_nsec / 1000000;

	if (age_ms > -1000 && age_ms < STK_WATCH_YOUNG_MS) {
		nth++;
		mix(h, &nth, sizeof(nth));
	}
}

uint64_t stk_watch_file(const char *path)
{
	uint64_t h = 0xcbf29ce484222325u;
	struct stat st;

	if (path == NULL)
		return 0;
	mix(&h, path, strlen(path));
	if (stat(path, &st) == -1)
		return h;
	mix(&h, &st.st_dev, sizeof(st.st_dev));
	mix(&h, &st.st_ino, sizeof(st.st_ino));
	mix(&h, &st.st_size, sizeof(st.st_size));
	mix(&h, &st.st_mtim, sizeof(st.st_mtim));
	mix(&h, &st.st_ctim, sizeof(st.st_ctim));
	mix_youth(&h, &st);
	return h;
}
