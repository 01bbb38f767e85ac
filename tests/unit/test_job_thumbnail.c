/*
 * test_job_thumbnail.c - Thumbnail through the real wall: pictures that libpng and libjpeg write
 * here, and ones made to take memory or time.
 */
#include "tests/harness.h"
#include "tests/lib/expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef STOCKADE_JOB_thumbnail
// clang-format off
#include <jpeglib.h>
// clang-format on
#include <png.h>
#include <zlib.h>

#define CLASS "Thumbnail"

static struct stk_stand stand;

static int up(void **state)
{
	char program[512];

	(void)state;
	stand_open(&stand, stand_program("stockade-cage", program), NULL);
	return 0;
}

static int down(void **state)
{
	(void)state;
	stand_close(&stand);
	return 0;
}

static const char *at(const char *name)
{
	static char path[600];

	(void)snprintf(path, sizeof(path), "%s/%s", stand.dir, name);
	return path;
}

/* --- pictures --------------------------------------------------------------------------------- */

/* Left half red, right half blue; with @alpha the right half is invisible. */
static uint8_t *halves(uint32_t w, uint32_t h, bool alpha)
{
	uint8_t *p = calloc((size_t)w * h, 4);

	assert_non_null(p);
	for (size_t i = 0; i < (size_t)w * h; i++) {
		bool left = i % w < w / 2;

		p[4 * i] = left ? 200 : 0;
		p[4 * i + 2] = left ? 0 : 200;
		p[4 * i + 3] = !alpha || left ? 255 : 0;
	}
	return p;
}

static void make_png(const char *name, uint32_t w, uint32_t h, bool alpha)
{
	png_image image = {
		.version = PNG_IMAGE_VERSION, .width = w, .height = h, .format = PNG_FORMAT_RGBA
	};
	uint8_t *p = halves(w, h, alpha);

	assert_int_equal(png_image_write_to_file(&image, at(name), 0, p, 0, NULL), 1);
	free(p);
}

/* By hand, for what the simple writer does not make: any colour type, depth and interlacing. */
static void make_odd_png(const char *name, int type, int depth, int interlace)
{
	FILE *f = fopen(at(name), "wb");
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);
	png_color palette[2] = { { 200, 0, 0 }, { 0, 0, 200 } };
	static uint8_t row[64 * 8];

	assert_non_null(f);
	assert_int_equal(setjmp(png_jmpbuf(png)), 0);
	png_init_io(png, f);
	png_set_IHDR(png, info, 64, 64, depth, type, interlace, PNG_COMPRESSION_TYPE_DEFAULT,
	    PNG_FILTER_TYPE_DEFAULT);
	if (type == PNG_COLOR_TYPE_PALETTE)
		png_set_PLTE(png, info, palette, 2);
	png_write_info(png, info);
	memset(row, 0, sizeof(row));
	for (int pass = png_set_interlace_handling(png); pass > 0; pass--)
		for (int y = 0; y < 64; y++)
			png_write_row(png, row);
	png_write_end(png, info);
	png_destroy_write_struct(&png, &info);
	assert_int_equal(fclose(f), 0);
}

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static size_t chunk(uint8_t *p, const char *type, const void *data, uint32_t len)
{
	put32(p, len);
	memcpy(p + 4, type, 4);
	if (len > 0)
		memcpy(p + 8, data, len);
	put32(p + 8 + len, (uint32_t)crc32(crc32(0, NULL, 0), p + 4, len + 4));
	return len + 12;
}

/* A head that says @w by @h, and next to nothing behind it; @extra is put between, if not NULL. */
static void make_head(const char *name, uint32_t w, uint32_t h, uint8_t interlace,
    const char *extra, const void *data, uint32_t len)
{
	static uint8_t file[1 << 21] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
	uint8_t ihdr[13] = { [8] = 8, [9] = 2, [12] = interlace };
	uint8_t little[32]; /* one pixel of RGB and its filter byte */
	uLongf packed = sizeof(little);
	size_t n = 8;

	assert_int_equal(compress(little, &packed, (const Bytef *)"\0\0\0", 4), Z_OK);

	put32(ihdr, w);
	put32(ihdr + 4, h);
	n += chunk(file + n, "IHDR", ihdr, sizeof(ihdr));
	if (extra != NULL)
		n += chunk(file + n, extra, data, len);
	n += chunk(file + n, "IDAT", little, (uint32_t)packed);
	n += chunk(file + n, "IEND", NULL, 0);
	stand_file(&stand, name, file, n);
}

static void many_scans(struct jpeg_compress_struct *c, jpeg_scan_info *scans)
{
	int n = 0;

	scans[n++] = (jpeg_scan_info){ .comps_in_scan = 3, .component_index = { 0, 1, 2 } };
	for (int comp = 0; comp < 3; comp++)
		for (int k = 1; k < 64; k++)
			scans[n++] = (jpeg_scan_info){
				.comps_in_scan = 1, .component_index = { comp }, .Ss = k, .Se = k
			};
	c->scan_info = scans;
	c->num_scans = n;
}

static void make_jpeg(const char *name, uint32_t w, uint32_t h, int kind)
{
	struct jpeg_compress_struct c;
	struct jpeg_error_mgr err;
	static jpeg_scan_info scans[200];
	FILE *f = fopen(at(name), "wb");
	uint8_t *p = halves(w, h, false), *rgb = malloc((size_t)w * 3);

	assert_non_null(f);
	assert_non_null(rgb);
	for (size_t x = 0; x < w; x++)
		memcpy(rgb + 3 * x, p + 4 * x, 3);
	c.err = jpeg_std_error(&err);
	jpeg_create_compress(&c);
	jpeg_stdio_dest(&c, f);
	c.image_width = w;
	c.image_height = h;
	c.input_components = 3;
	c.in_color_space = JCS_RGB;
	jpeg_set_defaults(&c);
	if (kind == 1)
		jpeg_simple_progression(&c);
	if (kind == 2)
		many_scans(&c, scans);
	jpeg_start_compress(&c, TRUE);
	while (c.next_scanline < h)
		(void)jpeg_write_scanlines(&c, &rgb, 1);
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	free(p);
	free(rgb);
	assert_int_equal(fclose(f), 0);
}

/* --- what came out ---------------------------------------------------------------------------- */

/* Its size, and the pixels in the middle of the left and of the right half. */
static void is_png(
    const char *name, uint32_t w, uint32_t h, const uint8_t left[4], const uint8_t right[4])
{
	png_image image = { .version = PNG_IMAGE_VERSION };
	uint8_t *p, *row;

	assert_int_equal(png_image_begin_read_from_file(&image, at(name)), 1);
	assert_int_equal(image.width, w);
	assert_int_equal(image.height, h);
	image.format = PNG_FORMAT_RGBA;
	p = malloc(PNG_IMAGE_SIZE(image));
	assert_non_null(p);
	assert_int_equal(png_image_finish_read(&image, NULL, p, 0, NULL), 1);
	row = p + (size_t)(h / 2) * w * 4;
	for (int c = 0; c < 4; c++) {
		assert_in_range(row[w / 4 * 4 + (uint32_t)c] + 4, left[c], left[c] + 8);
		assert_in_range(row[(w - 1) * 4 + (uint32_t)c] + 4, right[c], right[c] + 8);
	}
	free(p);
}

static const uint8_t red[] = { 200, 0, 0, 255 }, blue[] = { 0, 0, 200, 255 },
		     nothing[] = { 0, 0, 0, 0 };

static void makes_pictures_small(void **state)
{
	(void)state;
	make_png("in.png", 400, 200, false);
	expect(&stand, CLASS, STK_OUT_DONE, "\"width\":100,\"height\":50}",
	    "[\"in.png\",\"out.png\",100]");
	is_png("out.png", 100, 50, red, blue);
	expect(&stand, CLASS, STK_OUT_DONE, "\"width\":40,\"height\":20}",
	    "[\"in.png\",\"out.png\",100,20]");
	is_png("out.png", 40, 20, red, blue);
	/* never larger than it was */
	expect(&stand, CLASS, STK_OUT_DONE, "\"width\":400,\"height\":200}",
	    "[\"in.png\",\"out.png\",2000]");
	make_png("alpha.png", 401, 203, true);
	expect(&stand, CLASS, STK_OUT_DONE, "", "[\"alpha.png\",\"out.png\",64]");
	is_png("out.png", 64, 32, red, nothing);
	make_png("thin.png", 3000, 1, false);
	expect(&stand, CLASS, STK_OUT_DONE, "\"width\":10,\"height\":1}",
	    "[\"thin.png\",\"out.png\",10]");
}

static void reads_and_writes_jpeg(void **state)
{
	static const char *const names[] = { "plain.jpg", "progressive.jpg" };

	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		make_jpeg(names[kind], 1600, 800, kind);
		expect(&stand, CLASS, STK_OUT_DONE, "\"width\":100,\"height\":50}",
		    "[\"%s\",\"out.png\",100]", names[kind]);
		is_png("out.png", 100, 50, red, blue);
		expect(&stand, CLASS, STK_OUT_DONE, "", "[\"%s\",\"small.jpg\",200]", names[kind]);
		expect(&stand, CLASS, STK_OUT_DONE, "\"width\":50,\"height\":25}",
		    "[\"small.jpg\",\"again.png\",50]");
		is_png("again.png", 50, 25, red, blue);
	}
	/* told by content, not by name */
	make_jpeg("liar.png", 1600, 800, 0);
	expect(&stand, CLASS, STK_OUT_DONE, "", "[\"liar.png\",\"out.png\",100]");
}

static void reads_every_kind_of_png(void **state)
{
	static const struct {
		int type, depth;
	} kinds[] = { { PNG_COLOR_TYPE_GRAY, 1 }, { PNG_COLOR_TYPE_GRAY, 16 },
		{ PNG_COLOR_TYPE_GRAY_ALPHA, 8 }, { PNG_COLOR_TYPE_PALETTE, 2 },
		{ PNG_COLOR_TYPE_RGB, 16 }, { PNG_COLOR_TYPE_RGB_ALPHA, 16 } };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(kinds); i++)
		for (int interlace = 0; interlace < 2; interlace++) {
			make_odd_png("odd.png", kinds[i].type, kinds[i].depth, interlace);
			expect(&stand, CLASS, STK_OUT_DONE, "\"width\":16,\"height\":16}",
			    "[\"odd.png\",\"out.png\",16]");
		}
}

static void refuses_more_pixels_than_the_budget_before_it_takes_memory(void **state)
{
	struct stk_limits small =
	    stand.table.classes[stk_class_find(&stand.table, stk_span_str(CLASS))].ask;
	static const uint32_t sizes[][2] = { { 1, 1000000000 }, { 1000000000, 1 }, { 30000, 30000 },
		{ 0x7fffffff, 0x7fffffff }, { 32768, 1 } };

	(void)state;
	/* what little is left here would not hold one row of most of them */
	small.mem_bytes = 96u << 20;
	stand.limits = &small;
	for (size_t i = 0; i < STK_ARRAY_LEN(sizes); i++) {
		make_head("bomb.png", sizes[i][0], sizes[i][1], 0, NULL, NULL, 0);
		expect(&stand, CLASS, STK_OUT_FAILED, "pixels are beyond",
		    "[\"bomb.png\",\"out.png\",64]");
	}
	make_head("bomb.png", 5000, 5000, 1, NULL, NULL, 0);
	expect(&stand, CLASS, STK_OUT_FAILED, "an interlaced or progressive file",
	    "[\"bomb.png\",\"out.png\",64]");
	stand.limits = NULL;
	/* the control: the same head within the budget is read, and ends too early */
	make_head("short.png", 5000, 5000, 0, NULL, NULL, 0);
	expect(&stand, CLASS, STK_OUT_FAILED, "libpng: Not enough image data",
	    "[\"short.png\",\"out.png\",64]");
	make_head("none.png", 0, 5, 0, NULL, NULL, 0);
	expect(&stand, CLASS, STK_OUT_FAILED, "libpng: ", "[\"none.png\",\"out.png\",64]");
}

/* 200 MB of text in half a megabyte, beside the picture. */
static void does_not_unpack_text_that_explodes(void **state)
{
	static uint8_t packed[1 << 20], block[1 << 20];
	z_stream z = { .zalloc = Z_NULL };
	uint32_t len;

	(void)state;
	memcpy(packed, "Comment\0\0", 9);
	assert_int_equal(deflateInit(&z, 9), Z_OK);
	z.next_out = packed + 9;
	z.avail_out = sizeof(packed) - 9;
	for (int i = 0; i < 200; i++) {
		z.next_in = block;
		z.avail_in = sizeof(block);
		assert_int_equal(deflate(&z, i == 199 ? Z_FINISH : Z_NO_FLUSH), i == 199);
	}
	len = (uint32_t)(sizeof(packed) - z.avail_out);
	(void)deflateEnd(&z);
	make_head("text.png", 1, 1, 0, "zTXt", packed, len);
	expect(&stand, CLASS, STK_OUT_DONE, "\"width\":1", "[\"text.png\",\"out.png\",64]");
}

/* Overwrites two bytes of a JPEG's frame header: its height, or its width. */
static void set_side(uint8_t *p, size_t len, size_t offset, unsigned v)
{
	for (size_t i = 0; i + 9 < len; i++)
		if (p[i] == 0xff && p[i + 1] == 0xc0) {
			p[i + offset] = (uint8_t)(v >> 8);
			p[i + offset + 1] = (uint8_t)v;
			return;
		}
	fail_msg("no frame header");
}

static void refuses_jpegs_that_are_cut_or_lie(void **state)
{
	static uint8_t file[1 << 20];
	size_t len;
	FILE *f;

	(void)state;
	make_jpeg("whole.jpg", 800, 800, 0);
	f = fopen(at("whole.jpg"), "rb");
	assert_non_null(f);
	len = fread(file, 1, sizeof(file), f);
	assert_int_equal(fclose(f), 0);
	stand_file(&stand, "cut.jpg", file, len / 2);
	expect(&stand, CLASS, STK_OUT_FAILED, "libjpeg: Premature end",
	    "[\"cut.jpg\",\"out.jpg\",64]");
	assert_int_equal(access(at("out.jpg"), F_OK), -1);
	stand_file(&stand, "head.jpg", file, 20);
	expect(&stand, CLASS, STK_OUT_FAILED, "libjpeg: ", "[\"head.jpg\",\"out.jpg\",64]");
	set_side(file, len, 5, 65000);
	stand_file(&stand, "high.jpg", file, len);
	expect(&stand, CLASS, STK_OUT_FAILED, "pixels are beyond", "[\"high.jpg\",\"out.jpg\",64]");
	set_side(file, len, 5, 20000);
	stand_file(&stand, "lies.jpg", file, len);
	expect(&stand, CLASS, STK_OUT_FAILED, "libjpeg: ", "[\"lies.jpg\",\"out.jpg\",64]");
	make_jpeg("scans.jpg", 64, 64, 2);
	expect(&stand, CLASS, STK_OUT_FAILED, "has more than 64 scans",
	    "[\"scans.jpg\",\"out.jpg\",64]");
	make_jpeg("large.jpg", 5000, 4000, 1);
	expect(&stand, CLASS, STK_OUT_FAILED, "an interlaced or progressive file",
	    "[\"large.jpg\",\"out.jpg\",64]");
	make_jpeg("large.jpg", 5000, 4000, 0);
	expect(&stand, CLASS, STK_OUT_DONE, "", "[\"large.jpg\",\"out.jpg\",64]");
}

static void refuses_what_is_no_picture(void **state)
{
	(void)state;
	stand_file(&stand, "text", "just some words", 15);
	stand_file(&stand, "gif", "GIF89a\1\0\1\0", 10);
	expect(&stand, CLASS, STK_OUT_FAILED, "neither PNG nor JPEG", "[\"text\",\"o.png\",9]");
	expect(&stand, CLASS, STK_OUT_FAILED, "neither PNG nor JPEG", "[\"gif\",\"o.png\",9]");
	expect(&stand, CLASS, STK_OUT_FAILED, "cannot be opened", "[\"none\",\"o.png\",9]");
	expect(&stand, CLASS, STK_OUT_FAILED, "cannot be written: Invalid argument",
	    "[\"in.png\",\"../o.png\",9]");
	expect(&stand, CLASS, STK_OUT_ARGS_SCHEMA, "/1", "[\"in.png\",\"o.gif\",9]");
	expect(&stand, CLASS, STK_OUT_ARGS_SCHEMA, "/2", "[\"in.png\",\"o.png\",2049]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_pictures_small),
		cmocka_unit_test(reads_and_writes_jpeg),
		cmocka_unit_test(reads_every_kind_of_png),
		cmocka_unit_test(refuses_more_pixels_than_the_budget_before_it_takes_memory),
		cmocka_unit_test(does_not_unpack_text_that_explodes),
		cmocka_unit_test(refuses_jpegs_that_are_cut_or_lie),
		cmocka_unit_test(refuses_what_is_no_picture),
	};

	return cmocka_run_group_tests(tests, up, down);
}
#else
int main(void)
{
	(void)puts("1..1\nok 1 - Thumbnail # SKIP install libpng-dev and libjpeg-dev");
	return 0;
}
#endif
