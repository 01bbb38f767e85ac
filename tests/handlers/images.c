/*
 * images.c - zlib, libpng and libjpeg-turbo on bytes in memory: no file, no clock, no thread.
 */
#include "tests/handlers/handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>
#include <setjmp.h>
#include <zlib.h>

#define SIDE 256

/* A picture that compresses, but not to nothing. */
static uint8_t *picture(void)
{
	uint8_t *p = malloc((size_t)SIDE * SIDE * 3);

	for (size_t i = 0; p != NULL && i < (size_t)SIDE * SIDE * 3; i++)
		p[i] = (uint8_t)((i / 3 % SIDE) ^ (i / (3 * SIDE)));
	return p;
}

const char *handler_zlib(struct stockade_job *job)
{
	uLongf packed_len = compressBound(SIDE * SIDE * 3), len = SIDE * SIDE * 3;
	uint8_t *in = picture(), *packed = malloc(packed_len), *out = malloc(len);

	(void)job;
	if (in == NULL || packed == NULL || out == NULL)
		return "malloc";
	if (compress2(packed, &packed_len, in, len, 9) != Z_OK || packed_len >= len)
		return "compress2";
	if (uncompress(out, &len, packed, packed_len) != Z_OK || memcmp(in, out, len) != 0)
		return "uncompress";
	if (crc32(0, in, (uInt)len) == 0 || adler32(1, in, (uInt)len) == 0)
		return "crc32";
	free(in);
	free(packed);
	free(out);
	return NULL;
}

const char *handler_png(struct stockade_job *job)
{
	png_image image = { .version = PNG_IMAGE_VERSION,
		.width = SIDE,
		.height = SIDE,
		.format = PNG_FORMAT_RGB };
	png_alloc_size_t size = 1u << 20;
	uint8_t *in = picture(), *packed = malloc(size), *out = malloc((size_t)SIDE * SIDE * 3);

	(void)job;
	if (in == NULL || packed == NULL || out == NULL)
		return "malloc";
	if (png_image_write_to_memory(&image, packed, &size, 0, in, 0, NULL) == 0)
		return image.message[0] == '\0' ? "write a PNG" : "write a PNG: libpng";
	memset(&image, 0, sizeof(image));
	image.version = PNG_IMAGE_VERSION;
	if (png_image_begin_read_from_memory(&image, packed, size) == 0)
		return "begin to read a PNG";
	image.format = PNG_FORMAT_RGB;
	if (png_image_finish_read(&image, NULL, out, 0, NULL) == 0)
		return "read a PNG";
	if (image.width != SIDE || memcmp(in, out, (size_t)SIDE * SIDE * 3) != 0)
		return "the same picture";
	free(in);
	free(packed);
	free(out);
	return NULL;
}

static jmp_buf failed;

__attribute__((noreturn)) static void give_up(j_common_ptr c)
{
	(void)c;
	longjmp(failed, 1);
}

static void write_jpeg(uint8_t *in, uint8_t **packed, unsigned long *size)
{
	struct jpeg_compress_struct c;
	struct jpeg_error_mgr err;

	c.err = jpeg_std_error(&err);
	err.error_exit = give_up;
	jpeg_create_compress(&c);
	jpeg_mem_dest(&c, packed, size);
	c.image_width = SIDE;
	c.image_height = SIDE;
	c.input_components = 3;
	c.in_color_space = JCS_RGB;
	jpeg_set_defaults(&c);
	jpeg_set_quality(&c, 95, TRUE);
	jpeg_start_compress(&c, TRUE);
	while (c.next_scanline < c.image_height) {
		JSAMPROW row = in + (size_t)c.next_scanline * SIDE * 3;

		(void)jpeg_write_scanlines(&c, &row, 1);
	}
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
}

static unsigned read_jpeg(const uint8_t *packed, unsigned long size)
{
	struct jpeg_decompress_struct d;
	struct jpeg_error_mgr err;
	static uint8_t line[SIDE * 3];
	unsigned lines = 0;

	d.err = jpeg_std_error(&err);
	err.error_exit = give_up;
	jpeg_create_decompress(&d);
	jpeg_mem_src(&d, packed, size);
	(void)jpeg_read_header(&d, TRUE);
	(void)jpeg_start_decompress(&d);
	while (d.output_scanline < d.output_height) {
		JSAMPROW row = line;

		lines += jpeg_read_scanlines(&d, &row, 1);
	}
	(void)jpeg_finish_decompress(&d);
	jpeg_destroy_decompress(&d);
	return lines;
}

const char *handler_jpeg(struct stockade_job *job)
{
	static uint8_t *packed;
	static unsigned long size;
	uint8_t *in = picture();

	(void)job;
	if (in == NULL)
		return "malloc";
	if (setjmp(failed) != 0)
		return "libjpeg gave up";
	write_jpeg(in, &packed, &size);
	if (read_jpeg(packed, size) != SIDE)
		return "as many lines as were written";
	free(in);
	free(packed);
	return NULL;
}
