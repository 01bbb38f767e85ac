/*
 * picture_png.c - PNG by libpng. Its errors leave by longjmp, so what must outlive one is kept in
 * the reader. Chunks beside the picture are few, small, or not read.
 */
#include "jobs/picture.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES (1u << 20) /* of one chunk of text or profile, unpacked */
#define CHUNKS      32

struct reader {
	struct picture *p;
	struct picture_bytes in;
	png_structp png;
	png_infop info;
	uint8_t *rows; /* one, or the whole picture if it is interlaced */
	enum picture_code code;
};

static void on_error(png_structp png, png_const_charp text)
{
	struct reader *r = png_get_error_ptr(png);

	r->code = picture_fail(r->p, PICTURE_DAMAGED, "libpng: %s", text);
	png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
	(void)png;
	(void)text;
}

static void on_read(png_structp png, png_bytep out, size_t len)
{
	struct reader *r = png_get_io_ptr(png);

	if (len > r->in.len)
		png_error(png, "the file ends too early");
	memcpy(out, r->in.at, len);
	r->in.at += len;
	r->in.len -= len;
}

/* Whatever it holds becomes four bytes a pixel. */
static void as_rgba(struct reader *r)
{
	png_set_expand(r->png);
	png_set_scale_16(r->png);
	png_set_gray_to_rgb(r->png);
	png_set_add_alpha(r->png, 0xff, PNG_FILLER_AFTER);
}

static enum picture_code read_rows(struct reader *r)
{
	uint32_t w = png_get_image_width(r->png, r->info);
	uint32_t h = png_get_image_height(r->png, r->info);
	bool whole = png_get_interlace_type(r->png, r->info) != PNG_INTERLACE_NONE;
	int passes = png_set_interlace_handling(r->png);
	size_t stride = (size_t)w * 4;

	r->code = picture_admit(r->p, w, h, whole);
	if (r->code == PICTURE_OK)
		r->code = picture_begin(r->p, w, h);
	if (r->code != PICTURE_OK)
		return r->code;
	as_rgba(r);
	png_read_update_info(r->png, r->info);
	if (png_get_rowbytes(r->png, r->info) != stride)
		png_error(r->png, "rows of another length than asked for");
	r->rows = calloc(whole ? h : 1, stride);
	if (r->rows == NULL)
		return picture_fail(r->p, PICTURE_NO_MEMORY, "no memory for the rows");
	for (int pass = 0; pass < passes; pass++)
		for (uint32_t y = 0; y < h; y++) {
			uint8_t *row = r->rows + (whole ? y * stride : 0);

			png_read_row(r->png, row, NULL);
			if (pass == passes - 1)
				picture_row(r->p, row);
		}
	return PICTURE_OK;
}

static enum picture_code read_all(struct reader *r)
{
	if (setjmp(png_jmpbuf(r->png)) != 0)
		return r->code;
	png_set_read_fn(r->png, r, on_read);
	png_set_user_limits(r->png, 0x7fffffff, 0x7fffffff); /* picture_admit is stricter */
	png_set_chunk_malloc_max(r->png, CHUNK_BYTES);
	png_set_chunk_cache_max(r->png, CHUNKS);
	png_set_crc_action(r->png, PNG_CRC_ERROR_QUIT, PNG_CRC_WARN_DISCARD);
	png_read_info(r->png, r->info);
	return read_rows(r);
}

enum picture_code picture_read_png(struct picture *p, struct picture_bytes in)
{
	struct reader r = { .p = p, .in = in, .code = PICTURE_NO_MEMORY };
	enum picture_code code;

	r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning);
	r.info = r.png == NULL ? NULL : png_create_info_struct(r.png);
	if (r.info == NULL)
		return picture_fail(p, PICTURE_NO_MEMORY, "no memory for libpng");
	code = read_all(&r);
	png_destroy_read_struct(&r.png, &r.info, NULL);
	free(r.rows);
	return code;
}

enum picture_code picture_write_png(struct picture *p, uint8_t **out, size_t *len)
{
	png_image image = { .version = PNG_IMAGE_VERSION,
		.width = p->width,
		.height = p->height,
		.format = PNG_FORMAT_RGBA };
	png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);

	*out = malloc(size);
	if (*out == NULL)
		return picture_fail(p, PICTURE_NO_MEMORY, "no memory for the file");
	if (png_image_write_to_memory(&image, *out, &size, 0, p->rgba, 0, NULL) == 0)
		return picture_fail(p, PICTURE_NO_MEMORY, "libpng: %s", image.message);
	*len = size;
	return PICTURE_OK;
}
