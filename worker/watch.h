/*
 * watch.h - is this still the file that was read? A path as stat sees it, as one number. Whoever
 * reads a file asks before it opens it: what is written meanwhile then differs at the next look,
 * and is read.
 */
#ifndef WORKER_WATCH_H
#define WORKER_WATCH_H

#include <stdint.h>

#define STK_WATCH_YOUNG_MS 50

/*
 * Device, number, size and times of what @path leads to; another number where nothing is, and at
 * each call for a file that changed less than STK_WATCH_YOUNG_MS ago. 0 for NULL.
 */
uint64_t stk_watch_file(const char *path);

#endif
