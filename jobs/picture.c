/*
 * picture.c - see picture.h. Each pixel is added to the one small pixel that it lies in (a box
 * filter); colour counts by its alpha, so what is invisible has no colour.
 */
#include "jobs/picture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum picture_code picture_fail(struct picture *p, enum picture_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
	return code;
}

enum picture_code picture_admit(struct picture *p, uint64_t width, uint64_t height, bool whole)
{
	uint64_t most = whole ? PICTURE_WHOLE_MAX : PICTURE_PIXELS_MAX;

	if (width == 0 || height == 0)
		return picture_fail(p, PICTURE_DAMAGED, "has no pixels");
	if (width > PICTURE_SIDE_MAX || height > PICTURE_SIDE_MAX || width * height > most)
		return picture_fail(p, PICTURE_TOO_LARGE,
		    "%llu by %llu pixels are beyond %u a side or %llu in all%s",
		    (unsigned long long)width, (unsigned long long)height, PICTURE_SIDE_MAX,
		    (unsigned long long)most,
		    whole ? " for an interlaced or progressive file" : "");
	return PICTURE_OK;
}

/* The largest size of the same shape that fits, and is not larger than the picture. */
static void fit(struct picture *p)
{
	uint64_t w = p->from_width, h = p->from_height;

	if (w > p->max_width) {
		h = h * p->max_width / w;
		w = p->max_width;
	}
	if (h > p->max_height) {
		w = w * p->max_height / h;
		h = p->max_height;
	}
	p->width = w == 0 ? 1 : (uint32_t)w;
	p->height = h == 0 ? 1 : (uint32_t)h;
}

enum picture_code picture_begin(struct picture *p, uint32_t width, uint32_t height)
{
	p->from_width = width;
	p->from_height = height;
	fit(p);
	p->rgba = calloc((size_t)p->width * p->height, 4);
	p->sums = calloc((size_t)p->width * 5, sizeof(*p->sums));
	if (p->rgba == NULL || p->sums == NULL)
		return picture_fail(p, PICTURE_NO_MEMORY, "no memory for the small picture");
	return PICTURE_OK;
}

static uint32_t place(uint32_t at, uint32_t small, uint32_t large)
{
	return (uint32_t)((uint64_t)at * small / large);
}

/* The sums become row @y of the small picture. */
static void settle(struct picture *p, uint32_t y)
{
	uint8_t *out = p->rgba + (size_t)y * p->width * 4;

	for (uint32_t x = 0; x < p->width; x++, out += 4) {
		const uint64_t *s = p->sums + (size_t)x * 5;

		if (s[4] == 0)
			continue;
		for (int c = 0; c < 3 && s[3] > 0; c++)
			out[c] = (uint8_t)((s[c] + s[3] / 2) / s[3]);
		out[3] = (uint8_t)((s[3] + s[4] / 2) / s[4]);
		p->transparent |= out[3] != 255;
	}
	memset(p->sums, 0, (size_t)p->width * 5 * sizeof(*p->sums));
}

void picture_row(struct picture *p, const uint8_t *rgba)
{
	uint32_t y;

	if (p->row == p->from_height)
		return;
	y = place(p->row++, p->height, p->from_height);
	for (uint32_t x = 0; x < p->from_width; x++, rgba += 4) {
		uint64_t *s = p->sums + (size_t)place(x, p->width, p->from_width) * 5;

		for (int c = 0; c < 3; c++)
			s[c] += (uint64_t)rgba[c] * rgba[3];
		s[3] += rgba[3];
		s[4]++;
	}
	if (p->row == p->from_height || place(p->row, p->height, p->from_height) != y)
		settle(p, y);
}
