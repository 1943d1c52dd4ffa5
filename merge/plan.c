// SPDX-License-Identifier: GPL-2.0-or-later
#include "merge/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "merge/left_out.h"
#include "store/base/breaks.h"
#include "store/base/bytes.h"

/* Data chunks on both sides of a metadata area are read in one go, the area with them, up to this
 * size. */
#define BRIDGE_BYTES (64u << 10)

/* This many bridges may be built for that many exceptions; the buffer has room for them. */
static size_t bridges_allowed(const struct geometry *geometry, uint64_t exceptions)
{
	if (geometry->chunk_bytes > BRIDGE_BYTES)
		return 0;
	return (size_t)(exceptions / geometry->exceptions_per_area + 1);
}

uint64_t plan_buffer_bytes(const struct geometry *geometry, uint64_t exceptions,
			   uint64_t slice_bytes)
{
	return (exceptions + bridges_allowed(geometry, exceptions)) * slice_bytes;
}

bool plan_allocate(struct plan *plan, size_t capacity)
{
	memset(plan, 0, sizeof(*plan));
	plan->capacity = capacity;
	plan->items = calloc(capacity, sizeof(*plan->items));
	plan->reads = calloc(capacity, sizeof(*plan->reads));
	plan->writes = calloc(capacity, sizeof(*plan->writes));
	plan->buffers = calloc(capacity, sizeof(*plan->buffers));
	return plan->items && plan->reads && plan->writes && plan->buffers;
}

void plan_free(struct plan *plan)
{
	free(plan->items);
	free(plan->reads);
	free(plan->writes);
	free(plan->buffers);
	memset(plan, 0, sizeof(*plan));
}

static int by_new_chunk(const void *a, const void *b)
{
	const struct plan_item *left = a, *right = b;

	return compare_u64(left->new_chunk, right->new_chunk);
}

static int by_old_chunk(const void *a, const void *b)
{
	const struct plan_item *left = a, *right = b;
	int order = compare_u64(left->old_chunk, right->old_chunk);

	if (BROKEN(LAST_DUPLICATE) && order == 0)
		return compare_u64(right->number, left->number);
	return order ? order : compare_u64(left->number, right->number);
}

/* Most stores are in order already. */
static void sort_items(struct plan *plan, int (*order)(const void *, const void *))
{
	for (size_t i = 1; i < plan->item_count; i++)
		if (order(&plan->items[i - 1], &plan->items[i]) > 0) {
			qsort(plan->items, plan->item_count, sizeof(*plan->items), order);
			return;
		}
}

static bool take_items(struct plan *plan, const struct geometry *geometry, uint64_t origin_bytes,
		       const struct exception *exceptions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		plan->items[i] = (struct plan_item){.old_chunk = exceptions[i].old_chunk,
						    .new_chunk = exceptions[i].new_chunk,
						    .number = (uint32_t)i};
		if (left_out_must(geometry, origin_bytes, &exceptions[i]))
			return false;
	}
	plan->item_count = count;
	return true;
}

/* How many chunks `item` is ahead of the last one read: 1 a neighbour, 2 one beyond a metadata
 * area. */
static uint64_t step_to(const struct plan *plan, const struct geometry *geometry, size_t i,
			size_t bridges_left)
{
	uint64_t last = plan->items[i - 1].new_chunk, here = plan->items[i].new_chunk;

	if (here == last + 1)
		return 1;
	if (here == last + 2 && geometry_is_metadata(geometry, last + 1) && bridges_left > 0)
		return 2;
	return 0;
}

static void plan_reads(struct plan *plan, const struct geometry *geometry, struct plan_slice slice)
{
	size_t bridges_left = bridges_allowed(geometry, plan->item_count);
	bool whole = slice.bytes == geometry->chunk_bytes;
	struct plan_read *read = NULL;

	for (size_t i = 0; i < plan->item_count; i++) {
		uint64_t step = whole && i > 0 ? step_to(plan, geometry, i, bridges_left) : 0;

		if (step > 0 && read->bytes + step * slice.bytes <= PLAN_TRANSFER_BYTES) {
			bridges_left -= step == 2;
			plan->data_bytes += (step - 1) * slice.bytes;
			read->bytes += (uint32_t)(step * slice.bytes);
		} else {
			read = &plan->reads[plan->read_count++];
			read->offset =
				plan->items[i].new_chunk * geometry->chunk_bytes + slice.offset;
			read->position = plan->data_bytes;
			read->bytes = (uint32_t)slice.bytes;
		}
		plan->items[i].position = plan->data_bytes;
		plan->data_bytes += slice.bytes;
	}
}

static void add_buffer(struct plan *plan, uint8_t *base, uint64_t bytes)
{
	struct plan_write *write = &plan->writes[plan->write_count - 1];
	struct iovec *last = plan->buffers + plan->buffer_count - (write->buffer_count > 0);

	if (write->buffer_count > 0 && (uint8_t *)last->iov_base + last->iov_len == base) {
		last->iov_len += bytes;
		return;
	}
	plan->buffers[plan->buffer_count++] = (struct iovec){.iov_base = base, .iov_len = bytes};
	write->buffer_count++;
}

uint64_t plan_item_bytes(const struct plan *plan, size_t i, const struct geometry *geometry,
			 uint64_t origin_bytes, struct plan_slice slice)
{
	uint64_t old_chunk = plan->items[i].old_chunk;
	uint64_t clip = geometry_clip(geometry, old_chunk, origin_bytes);

	if ((i > 0 && old_chunk == plan->items[i - 1].old_chunk) || clip <= slice.offset)
		return 0;
	return BROKEN(NO_CLIP) ? slice.bytes : min_u64(clip - slice.offset, slice.bytes);
}

static void plan_writes(struct plan *plan, const struct geometry *geometry, uint64_t origin_bytes,
			struct plan_slice slice, uint8_t *buffer)
{
	uint64_t end = UINT64_MAX, length = 0; /* of the write in hand */

	for (size_t i = 0; i < plan->item_count; i++) {
		const struct plan_item *item = &plan->items[i];
		uint64_t offset = item->old_chunk * geometry->chunk_bytes + slice.offset;
		uint64_t bytes = plan_item_bytes(plan, i, geometry, origin_bytes, slice);

		if (bytes == 0)
			continue;
		if (offset != end || length + bytes > PLAN_TRANSFER_BYTES ||
		    plan->writes[plan->write_count - 1].buffer_count >= PLAN_TRANSFER_BUFFERS) {
			plan->writes[plan->write_count++] = (struct plan_write){
				.offset = offset, .first_buffer = (uint32_t)plan->buffer_count};
			length = 0;
		}
		add_buffer(plan, buffer + item->position, bytes);
		plan->merged_bytes += bytes;
		length += bytes;
		end = offset + bytes;
	}
}

bool plan_make(struct plan *plan, const struct geometry *geometry, uint64_t origin_bytes,
	       const struct exception *exceptions, size_t count, struct plan_slice slice,
	       uint8_t *buffer)
{
	assert(count <= plan->capacity);
	assert(slice.bytes > 0 && slice.offset + slice.bytes <= geometry->chunk_bytes);
	plan->item_count = plan->read_count = plan->write_count = plan->buffer_count = 0;
	plan->data_bytes = plan->merged_bytes = 0;
	if (!take_items(plan, geometry, origin_bytes, exceptions, count))
		return false;
	sort_items(plan, by_new_chunk);
	plan_reads(plan, geometry, slice);
	sort_items(plan, by_old_chunk);
	plan_writes(plan, geometry, origin_bytes, slice, buffer);
	return true;
}
