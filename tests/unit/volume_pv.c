// SPDX-License-Identifier: GPL-2.0-or-later
/* store/volume/pv: labels, and the texts in metadata areas. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/volume.h"

static struct image image;
static struct failure why;
static struct pv pv;

#define ID ID_PLAIN("a")
#define LABEL (image.bytes + 512) /* of image_open */
#define AREA (image.bytes + IMAGE_AREA)

static enum result read_label(void)
{
	why.text[0] = '\0';
	return pv_read(&image.source, &pv, &why);
}

static bool is_damaged(const char *problem)
{
	bool is = read_label() == RESULT_DAMAGED && strstr(why.text, problem);

	if (!is)
		printf("# %s, not %s\n", why.text, problem);
	return is;
}

/* ---- labels ---- */

static void a_label_is_in_one_of_four_sectors(void)
{
	for (unsigned int sector = 0; sector < 6; sector++) {
		image_open(&image, ID);
		memset(LABEL, 0, 512);
		image_label(&image, sector, ID);
		CHECK(read_label() == RESULT_OK);
		CHECK(pv.found == (sector < 4));
		CHECK(pv.found || (pv.id[0] == 0 && pv.area_count == 0));
		CHECK(!pv.found || pv.label_offset == sector * 512ull);
		image_close(&image);
	}
}

static void a_label_is_read(void)
{
	image_open(&image, ID);
	CHECK(read_label() == RESULT_OK);
	CHECK(pv.found && strcmp(pv.id, ID) == 0 && pv.in_use);
	CHECK(pv.area_count == 1 && pv.areas[0].offset == IMAGE_AREA &&
	      pv.areas[0].bytes == IMAGE_AREA_BYTES);
	put_le32(LABEL + 140, 2); /* not in use */
	image_seal_label(&image, 1);
	CHECK(read_label() == RESULT_OK && !pv.in_use);
	put_le32(LABEL + 136, 0); /* no extension: its flags are none */
	put_le32(LABEL + 140, 1);
	image_seal_label(&image, 1);
	CHECK(read_label() == RESULT_OK && pv.found && !pv.in_use);
	image.failing = 2047;
	CHECK(read_label() == RESULT_IO);
	image_close(&image);
}

static void what_does_not_begin_as_a_label_is_none(void)
{
	const unsigned int places[] = {0, 24};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		image_open(&image, ID);
		LABEL[places[i]] ^= 1;
		image_seal_label(&image, 1);
		CHECK(read_label() == RESULT_OK && !pv.found);
		image_close(&image);
	}
}

static void a_bad_label_is_passed_over_where_there_is_a_good_one_and_else_told(void)
{
	const unsigned int places[] = {8, 16, 20, 40, 511};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		image_open(&image, ID);
		LABEL[places[i]] ^= 1;
		CHECK(is_damaged("has a wrong checksum, or is in another sector than it says"));
		CHECK(!pv.found);
		image_label(&image, 3, ID);
		CHECK(read_label() == RESULT_OK && pv.found && pv.label_offset == 1536);
		image_close(&image);
	}
}

static void the_first_of_two_labels_counts(void)
{
	image_open(&image, ID);
	image_label(&image, 2, ID_PLAIN("b"));
	CHECK(read_label() == RESULT_OK && strcmp(pv.id, ID) == 0);
	image_label(&image, 0, ID_PLAIN("c"));
	CHECK(read_label() == RESULT_OK && strcmp(pv.id, ID_PLAIN("c")) == 0);
	image_close(&image);
}

static void a_source_may_be_of_any_length(void)
{
	const uint64_t lengths[] = {0, 1, 512, 1023, 1024, 2047, 2048, 2049};

	image_open(&image, ID);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		image.source.bytes = lengths[i];
		CHECK(read_label() == RESULT_OK);
		CHECK(pv.found == (lengths[i] >= 1024) && pv.area_count == 0);
	}
	image_close(&image);
}

/* ---- the label's lists ---- */

static void seal(void)
{
	image_seal_label(&image, 1);
}

static void a_header_in_another_place_is_damage(void)
{
	const uint32_t places[] = {0, 31, 33, 472, 473, 512, UINT32_MAX};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		image_open(&image, ID);
		put_le32(LABEL + 20, places[i]);
		seal();
		CHECK(is_damaged("its header is at another place"));
		image_close(&image);
	}
	image_open(&image, ID);
	LABEL[63] = '-';
	seal();
	CHECK(is_damaged("its id is not one of LVM's"));
	LABEL[63] = 0;
	seal();
	CHECK(is_damaged("its id is not one of LVM's"));
	LABEL[63] = '#';
	seal();
	CHECK(read_label() == RESULT_OK && pv.found);
	image_close(&image);
}

/* From `place` on, all entries of the list have this offset. */
static void fill_list(unsigned int place, uint64_t offset)
{
	for (; place + 16 <= 512; place += 16) {
		put_le64(LABEL + place, offset);
		put_le64(LABEL + place + 8, 4096);
	}
	seal();
}

static void a_list_without_an_end_is_damage(void)
{
	image_open(&image, ID);
	fill_list(72, 4096);
	CHECK(is_damaged("the list of its data areas has no end"));
	image_close(&image);
	image_open(&image, ID);
	fill_list(104, 4096);
	CHECK(is_damaged("the list of its metadata areas makes no sense"));
	put_le64(LABEL + 488, 0); /* the last entry that fits ends it; 8 bytes are left */
	memset(LABEL + 504, 0, 8);
	seal();
	CHECK(read_label() == RESULT_OK && pv.area_count == 2 && !pv.in_use);
	put_le32(LABEL + 504, 2); /* an extension, whose list does not fit */
	seal();
	CHECK(is_damaged("the list of its boot loader areas has no end"));
	image_close(&image);
	image_open(&image, ID);
	fill_list(144, 8192);
	CHECK(is_damaged("the list of its boot loader areas has no end"));
	put_le64(LABEL + 496 - 16, 0);
	seal();
	CHECK(read_label() == RESULT_OK && pv.in_use);
	image_close(&image);
}

static void set_area(uint64_t offset, uint64_t bytes)
{
	put_le64(LABEL + 104, offset);
	put_le64(LABEL + 112, bytes);
	seal();
}

static void an_area_outside_the_source_is_left_out(void)
{
	image_open(&image, ID);
	set_area(IMAGE_BYTES - 4096, 4096);
	CHECK(read_label() == RESULT_OK && pv.area_count == 1);
	set_area(IMAGE_BYTES - 4096, 4608);
	CHECK(read_label() == RESULT_OK && pv.found && pv.area_count == 0);
	set_area(IMAGE_BYTES, 512);
	CHECK(read_label() == RESULT_OK && pv.area_count == 0);
	set_area(0xfffffffffffffe00, 1024);
	CHECK(read_label() == RESULT_OK && pv.area_count == 0);
	set_area(4096, 0xfffffffffffffe00);
	CHECK(read_label() == RESULT_OK && pv.area_count == 0);
	set_area(4096, 0);
	CHECK(read_label() == RESULT_OK && pv.area_count == 0);
	set_area(4097, 4096);
	CHECK(is_damaged("the list of its metadata areas makes no sense"));
	set_area(4096, 4097);
	CHECK(is_damaged("the list of its metadata areas makes no sense"));
	image_close(&image);
}

static void of_many_areas_the_first_two_count(void)
{
	image_open(&image, ID);
	for (unsigned int i = 0; i < 3; i++) {
		put_le64(LABEL + 104 + i * 16, 4096 * (i + 1));
		put_le64(LABEL + 112 + i * 16, 4096);
	}
	memset(LABEL + 152, 0, 512 - 152);
	seal();
	CHECK(read_label() == RESULT_OK && pv.area_count == 2 && pv.areas[1].offset == 8192);
	put_le64(LABEL + 104, IMAGE_BYTES); /* of them, one is not there */
	seal();
	CHECK(read_label() == RESULT_OK && pv.area_count == 1 && pv.areas[0].offset == 8192);
	image_close(&image);
}

/* ---- texts ---- */

static struct pv_text text;

static enum pv_text_state state(void)
{
	pv_text_free(&text);
	CHECK(pv_read(&image.source, &pv, &why) == RESULT_OK);
	CHECK(pv_read_text(&image.source, &pv, 0, &text, &why) == RESULT_OK);
	CHECK((text.state == PV_TEXT_FOUND) == (text.text != NULL));
	CHECK((text.state == PV_TEXT_DAMAGED) == (text.problem[0] != 0));
	return text.state;
}

static bool has_problem(const char *problem)
{
	bool has = state() == PV_TEXT_DAMAGED && strstr(text.problem, problem);

	if (!has)
		printf("# \"%s\", not \"%s\"\n", text.problem, problem);
	return has;
}

static void close_text(void)
{
	pv_text_free(&text);
	image_close(&image);
}

static void a_text_is_read(void)
{
	image_open(&image, ID);
	CHECK(state() == PV_TEXT_NONE);
	image_text(&image, IMAGE_AREA, IMAGE_AREA_BYTES, 1024, "group {\n}\n");
	CHECK(state() == PV_TEXT_FOUND && text.bytes == 11 &&
	      strcmp(text.text, "group {\n}\n") == 0);
	CHECK(text.checksum == image_checksum("group {\n}\n", 11));
	put_le64(AREA + 48, 9); /* without its NUL, and shorter than what is there */
	put_le32(AREA + 56, image_checksum("group {\n}\n", 9));
	image_seal_area(&image, IMAGE_AREA);
	CHECK(state() == PV_TEXT_FOUND && text.bytes == 9 && strcmp(text.text, "group {\n}") == 0);
	close_text();
}

static void a_text_goes_on_after_the_header(void)
{
	const char *words = "group { and more of it, enough to be in both parts }";

	for (uint64_t before = 1; before <= strlen(words) + 2; before++) {
		image_open(&image, ID);
		image_text(&image, IMAGE_AREA, IMAGE_AREA_BYTES, IMAGE_AREA_BYTES - before, words);
		CHECK(state() == PV_TEXT_FOUND && strcmp(text.text, words) == 0);
		close_text();
	}
	image_open(&image, ID);
	image_text(&image, IMAGE_AREA, IMAGE_AREA_BYTES, 512, words);
	CHECK(state() == PV_TEXT_FOUND && strcmp(text.text, words) == 0);
	close_text();
}

static void a_text_may_fill_its_area(void)
{
	char *words = malloc(IMAGE_AREA_BYTES - 512);

	memset(words, 'x', IMAGE_AREA_BYTES - 513);
	words[IMAGE_AREA_BYTES - 513] = '\0';
	image_open(&image, ID);
	image_text(&image, IMAGE_AREA, IMAGE_AREA_BYTES, 4096, words);
	CHECK(state() == PV_TEXT_FOUND && strcmp(text.text, words) == 0);
	put_le64(AREA + 48, IMAGE_AREA_BYTES - 511);
	image_seal_area(&image, IMAGE_AREA);
	CHECK(has_problem("its text is longer than the area"));
	close_text();
	free(words);
}

static void an_ignored_area_has_none(void)
{
	image_open(&image, ID);
	image_text(&image, IMAGE_AREA, IMAGE_AREA_BYTES, 512, "group {\n}\n");
	put_le32(AREA + 60, 1);
	image_seal_area(&image, IMAGE_AREA);
	CHECK(state() == PV_TEXT_NONE);
	put_le32(AREA + 60, 2);
	image_seal_area(&image, IMAGE_AREA);
	CHECK(has_problem("flags that are not known"));
	close_text();
}

static void the_second_slot_is_not_looked_at(void)
{
	image_open(&image, ID);
	image_text(&image, IMAGE_AREA, IMAGE_AREA_BYTES, 512, "group {\n}\n");
	memcpy(AREA + 64, AREA + 40, 24);
	put_le64(AREA + 40, 0);
	image_seal_area(&image, IMAGE_AREA);
	CHECK(state() == PV_TEXT_NONE);
	put_le64(AREA + 40, 512);
	memset(AREA + 64, 0xff, 24);
	image_seal_area(&image, IMAGE_AREA);
	CHECK(state() == PV_TEXT_FOUND);
	close_text();
}

static void set_slot(unsigned int place, uint64_t value)
{
	put_le64(AREA + place, value);
	image_seal_area(&image, IMAGE_AREA);
}

static void a_header_that_is_wrong_is_damage(void)
{
	const struct {
		unsigned int place;
		uint8_t value;
		const char *problem;
	} rows[] = {
		{4, 'x', "its header is not one of LVM's"},
		{20, 2, "the version of its header is not known"},
		{24, 1, "its header is that of another area"},
		{32, 1, "its header is that of another area"},
		{39, 1, "its header is that of another area"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		image_open(&image, ID);
		image_text(&image, IMAGE_AREA, IMAGE_AREA_BYTES, 512, "group {\n}\n");
		AREA[rows[i].place] = rows[i].value;
		CHECK(has_problem("the checksum of its header is wrong"));
		image_seal_area(&image, IMAGE_AREA);
		CHECK(has_problem(rows[i].problem));
		close_text();
	}
}

static void a_text_in_the_wrong_place_is_damage(void)
{
	image_open(&image, ID);
	image_text(&image, IMAGE_AREA, IMAGE_AREA_BYTES, 512, "group {\n}\n");
	set_slot(40, 511);
	CHECK(has_problem("its text begins outside of it"));
	set_slot(40, 1);
	CHECK(has_problem("its text begins outside of it"));
	set_slot(40, IMAGE_AREA_BYTES);
	CHECK(has_problem("its text begins outside of it"));
	set_slot(40, UINT64_MAX);
	CHECK(has_problem("its text begins outside of it"));
	set_slot(40, 512);
	CHECK(state() == PV_TEXT_FOUND);
	set_slot(48, 0);
	CHECK(has_problem("its text is empty"));
	set_slot(48, UINT64_MAX);
	CHECK(has_problem("its text is longer than the area"));
	set_slot(48, 1ull << 32);
	CHECK(has_problem("its text is longer than the area"));
	set_slot(48, 10);
	CHECK(has_problem("the checksum of its text is wrong"));
	close_text();
}

static void an_area_is_as_long_as_its_header(void)
{
	image_open(&image, ID);
	set_area(IMAGE_AREA, 512);
	image_area(&image, IMAGE_AREA, 512);
	CHECK(state() == PV_TEXT_NONE);
	set_slot(40, 512);
	CHECK(has_problem("its text begins outside of it"));
	close_text();
}

/* 64 MiB and one byte of it are asked for in an area that is long enough. */
static enum result read_large(void *context, uint64_t offset, void *buffer, size_t count,
			      struct failure *problem)
{
	(void)problem;
	memset(buffer, 0, count);
	if (offset < IMAGE_BYTES)
		memcpy(buffer, (uint8_t *)context + offset, min_u64(count, IMAGE_BYTES - offset));
	return RESULT_OK;
}

static void a_text_has_at_most_64_mib(void)
{
	struct pv_source source = {1ull << 40, NULL, read_large};
	uint64_t area_bytes = 1ull << 32;

	image_open(&image, ID);
	set_area(IMAGE_AREA, area_bytes);
	image_area(&image, IMAGE_AREA, area_bytes);
	source.context = image.bytes;
	set_slot(40, 512);
	set_slot(48, PV_TEXT_BYTES_MAX + 1ull);
	CHECK(pv_read(&source, &pv, &why) == RESULT_OK && pv.area_count == 1);
	CHECK(pv_read_text(&source, &pv, 0, &text, &why) == RESULT_OK);
	CHECK(strcmp(text.problem, "its text is longer than 64 MiB") == 0);
	close_text();
}

static void what_cannot_be_read_is_told(void)
{
	image_open(&image, ID);
	image_text(&image, IMAGE_AREA, IMAGE_AREA_BYTES, IMAGE_AREA_BYTES - 4, "group {\n}\n");
	CHECK(pv_read(&image.source, &pv, &why) == RESULT_OK);
	for (unsigned int i = 0; i < 3; i++) {
		image.failing = (uint64_t[]){IMAGE_AREA + 511, IMAGE_AREA + IMAGE_AREA_BYTES - 1,
					     IMAGE_AREA + 512}[i];
		CHECK(pv_read_text(&image.source, &pv, 0, &text, &why) == RESULT_IO);
		CHECK(text.text == NULL);
	}
	close_text();
}

/* ---- ids ---- */

static void ids_are_written_and_read(void)
{
	char written[PV_ID_TEXT_BYTES], id[PV_ID_BYTES];

	CHECK(strcmp(pv_id_text(ID, written), ID_DASHED("a")) == 0);
	CHECK(pv_id_read(ID_DASHED("a"), id) && strcmp(id, ID) == 0);
	CHECK(!pv_id_read(ID, id) && !pv_id_read("", id));
	CHECK(!pv_id_read(ID_DASHED(""), id) && !pv_id_read(ID_DASHED("ab"), id));
	CHECK(!pv_id_read(ID_DASHED("-"), id) && !pv_id_read(ID_DASHED(" "), id));
	CHECK(!pv_id_read("abcde-fghij-klmn-opqr-stuv-wxyz-01234a", id));
}

int main(void)
{
	unit_run("pv: a label is in one of the first four sectors",
		 a_label_is_in_one_of_four_sectors);
	unit_run("pv: a label is read: id, areas, extension", a_label_is_read);
	unit_run("pv: what does not begin as a label is none",
		 what_does_not_begin_as_a_label_is_none);
	unit_run(
		"pv: a label with another sector or checksum is passed over, and told where there is no other",
		a_bad_label_is_passed_over_where_there_is_a_good_one_and_else_told);
	unit_run("pv: the first of two labels counts", the_first_of_two_labels_counts);
	unit_run("pv: a source may be shorter than the labels", a_source_may_be_of_any_length);
	unit_run("pv: a header in another place, or with another id, is damage",
		 a_header_in_another_place_is_damage);
	unit_run("pv: a list without an end is damage", a_list_without_an_end_is_damage);
	unit_run("pv: a metadata area outside of the source is left out",
		 an_area_outside_the_source_is_left_out);
	unit_run("pv: of many metadata areas the first two count",
		 of_many_areas_the_first_two_count);
	unit_run("pv: a text is read, with or without its NUL", a_text_is_read);
	unit_run("pv: a text that reaches the area's end goes on after the header",
		 a_text_goes_on_after_the_header);
	unit_run("pv: a text may be as long as its area, not longer", a_text_may_fill_its_area);
	unit_run("pv: an ignored area has no text", an_ignored_area_has_none);
	unit_run("pv: only the committed text is looked at", the_second_slot_is_not_looked_at);
	unit_run("pv: an area whose header is wrong is damaged", a_header_that_is_wrong_is_damage);
	unit_run("pv: a text outside of its area is damage", a_text_in_the_wrong_place_is_damage);
	unit_run("pv: an area may be as short as its header", an_area_is_as_long_as_its_header);
	unit_run("pv: a text of more than 64 MiB is not read", a_text_has_at_most_64_mib);
	unit_run("pv: what cannot be read is told", what_cannot_be_read_is_told);
	unit_run("pv: ids are written with dashes, and read so", ids_are_written_and_read);
	return unit_end();
}
