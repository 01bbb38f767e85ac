/*
 * picture_jpeg.c - JPEG by libjpeg-turbo. Its errors leave by longjmp. A picture that ends early
 * would be filled up with grey; here that is an error, as are too many scans.
 */
#include "jobs/picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on
#include <setjmp.h>

struct codec {
	struct jpeg_error_mgr err; /* first: libjpeg hands out a pointer to it */
	struct jpeg_progress_mgr progress;
	jmp_buf out;
	struct picture *p;
	enum picture_code code;
	uint8_t *line, *rgba; /* owned */
};

__attribute__((noreturn)) static void on_error(j_common_ptr c)
{
	struct codec *k = (struct codec *)c->err;
	char text[JMSG_LENGTH_MAX];

	(*c->err->format_message)(c, text);
	k->code = picture_fail(k->p,
	    c->err->msg_code == JERR_OUT_OF_MEMORY ? PICTURE_NO_MEMORY : PICTURE_DAMAGED,
	    "libjpeg: %s", text);
	longjmp(k->out, 1);
}

/* Harmless oddities are let pass; a picture with parts missing is not. */
static void on_message(j_common_ptr c, int level)
{
	if (level == -1 &&
	    (c->err->msg_code == JWRN_JPEG_EOF || c->err->msg_code == JWRN_HIT_MARKER))
		on_error(c);
}

static void on_progress(j_common_ptr c)
{
	struct codec *k = (struct codec *)c->err;

	if (((j_decompress_ptr)c)->input_scan_number <= PICTURE_SCANS_MAX)
		return;
	k->code =
	    picture_fail(k->p, PICTURE_TOO_LARGE, "has more than %d scans", PICTURE_SCANS_MAX);
	longjmp(k->out, 1);
}

static void set_errors(struct codec *k, struct picture *p)
{
	memset(k, 0, sizeof(*k));
	(void)jpeg_std_error(&k->err);
	k->err.error_exit = on_error;
	k->err.emit_message = on_message;
	k->progress.progress_monitor = on_progress;
	k->p = p;
}

/* Photoshop writes CMYK upside down and says so by its marker. */
static void cmyk_to_rgba(const uint8_t *in, uint8_t *out, uint32_t n, bool adobe)
{
	for (; n > 0; n--, in += 4, out += 4) {
		unsigned black = adobe ? in[3] : 255u - in[3];

		for (int c = 0; c < 3; c++)
			out[c] = (uint8_t)((adobe ? in[c] : 255u - in[c]) * black / 255);
		out[3] = 255;
	}
}

static void rgb_to_rgba(const uint8_t *in, uint8_t *out, uint32_t n)
{
	for (; n > 0; n--, in += 3, out += 4) {
		memcpy(out, in, 3);
		out[3] = 255;
	}
}

/* libjpeg makes halves, quarters and eighths at next to no cost. */
static void shrink_early(const struct picture *p, struct jpeg_decompress_struct *d)
{
	d->scale_num = 1;
	for (d->scale_denom = 8; d->scale_denom > 1; d->scale_denom /= 2)
		if (d->image_width / d->scale_denom >= 2 * p->max_width &&
		    d->image_height / d->scale_denom >= 2 * p->max_height)
			return;
}

static enum picture_code read_rows(struct codec *k, struct jpeg_decompress_struct *d)
{
	bool cmyk = d->jpeg_color_space == JCS_CMYK || d->jpeg_color_space == JCS_YCCK;

	k->code = picture_admit(k->p, d->image_width, d->image_height,
	    d->progressive_mode || jpeg_has_multiple_scans(d));
	if (k->code != PICTURE_OK)
		return k->code;
	d->out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
	shrink_early(k->p, d);
	(void)jpeg_start_decompress(d);
	k->code = picture_begin(k->p, d->output_width, d->output_height);
	if (k->code != PICTURE_OK)
		return k->code;
	k->line = calloc(d->output_width, 4);
	k->rgba = calloc(d->output_width, 4);
	if (k->line == NULL || k->rgba == NULL)
		return picture_fail(k->p, PICTURE_NO_MEMORY, "no memory for the rows");
	while (d->output_scanline < d->output_height) {
		JSAMPROW row = k->line;

		if (jpeg_read_scanlines(d, &row, 1) != 1)
			return picture_fail(k->p, PICTURE_DAMAGED, "libjpeg gave no row");
		if (cmyk)
			cmyk_to_rgba(k->line, k->rgba, d->output_width, d->saw_Adobe_marker);
		else
			rgb_to_rgba(k->line, k->rgba, d->output_width);
		picture_row(k->p, k->rgba);
	}
	return PICTURE_OK;
}

enum picture_code picture_read_jpeg(struct picture *p, struct picture_bytes in)
{
	struct jpeg_decompress_struct d;
	struct codec k;
	enum picture_code code;

	set_errors(&k, p);
	d.err = &k.err;
	if (setjmp(k.out) != 0)
		return k.code; /* what it holds goes with the process */
	jpeg_create_decompress(&d);
	d.progress = &k.progress;
	jpeg_mem_src(&d, in.at, in.len);
	(void)jpeg_read_header(&d, TRUE);
	code = read_rows(&k, &d);
	jpeg_destroy_decompress(&d);
	free(k.line);
	free(k.rgba);
	return code;
}

/* On white: JPEG has no alpha. */
static void flatten(const uint8_t *rgba, uint8_t *rgb, uint32_t n)
{
	for (; n > 0; n--, rgba += 4, rgb += 3)
		for (int c = 0; c < 3; c++)
			rgb[c] = (uint8_t)((rgba[c] * rgba[3] + 255 * (255 - rgba[3])) / 255);
}

static void write_rows(struct codec *k, struct jpeg_compress_struct *c)
{
	c->image_width = k->p->width;
	c->image_height = k->p->height;
	c->input_components = 3;
	c->in_color_space = JCS_RGB;
	jpeg_set_defaults(c);
	jpeg_set_quality(c, 85, TRUE);
	jpeg_start_compress(c, TRUE);
	while (c->next_scanline < c->image_height) {
		JSAMPROW row = k->line;

		flatten(
		    k->p->rgba + (size_t)c->next_scanline * k->p->width * 4, k->line, k->p->width);
		(void)jpeg_write_scanlines(c, &row, 1);
	}
	jpeg_finish_compress(c);
}

enum picture_code picture_write_jpeg(struct picture *p, uint8_t **out, size_t *len)
{
	struct jpeg_compress_struct c;
	struct codec k;
	static unsigned long size;
	static unsigned char *bytes;

	set_errors(&k, p);
	k.line = calloc(p->width, 3);
	if (k.line == NULL)
		return picture_fail(p, PICTURE_NO_MEMORY, "no memory for a row");
	c.err = &k.err;
	if (setjmp(k.out) != 0) {
		free(k.line);
		return k.code;
	}
	jpeg_create_compress(&c);
	jpeg_mem_dest(&c, &bytes, &size);
	write_rows(&k, &c);
	jpeg_destroy_compress(&c);
	free(k.line);
	*out = bytes;
	*len = size;
	return PICTURE_OK;
}
