/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where every byte of a snapshot's view lives, from the first to the last: the exceptions of a
 * store, sorted by old chunk, in bounded memory.
 *
 * Of two exceptions for one chunk the first counts, as for the kernel (5.2 and later). As many
 * exceptions as the memory holds are sorted at a time, those of the lowest old chunks; what lies
 * after them costs another stream of the metadata.
 *
 * Order of calls: view_map_open; view_map_extent any number of times; view_map_close. Or
 * view_map_walk alone, which tells of all extents.
 */
#ifndef STORE_COW_VIEW_MAP_H
#define STORE_COW_VIEW_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "store/cow/store.h"

#define VIEW_MAP_MEMORY_BYTES (256u << 20)

enum view_source {
	VIEW_ORIGIN,
	VIEW_STORE,
	VIEW_LOST, /* its exception is lost (exception_is_lost) */
};

/* A part of the view that comes from one place. */
struct view_extent {
	enum view_source source;
	uint64_t offset, bytes; /* in the view */
	uint64_t source_offset; /* in the origin or the store; not of VIEW_LOST */
	uint64_t new_chunk;	/* of the chunk in which it begins; not of VIEW_ORIGIN */
};

struct view_map {
	const struct store *store; /* the caller's */
	uint64_t view_bytes;	   /* the origin's size */
	/* of the metadata, whole */
	uint64_t exceptions;
	uint64_t outside;	 /* of these, outside the origin, and so outside the view */
	bool area_missing;	 /* see struct store_scan */
	uint32_t metadata_crc32; /* of all live exceptions in their order */
	/* the map's own */
	size_t most;			  /* exceptions at a time */
	struct exception *sorted, *spare; /* by old chunk, each one once */
	size_t count, capacity, cursor;
	uint64_t from_chunk, to_chunk; /* of the view: the chunks that `sorted` is about */
	uint32_t running_crc32;
};

/* Streams the metadata of a store with a good header once. memory_bytes: the limit for the
 * exceptions, 32 bytes each. Close it also after an error. */
enum result view_map_open(struct view_map *map, const struct store *store, uint64_t origin_bytes,
			  uint64_t memory_bytes, struct failure *why);

/*
 * The extent that begins at byte `offset` of the view (below view_bytes). Neighbours in the store
 * are joined, up to VIEW_JOINED_BYTES. Cheap where offsets rise. RESULT_REFUSED: the metadata is
 * read once more, and is not what it was. After an error it may be asked again.
 */
#define VIEW_JOINED_BYTES (64u << 20)
enum result view_map_extent(struct view_map *map, uint64_t offset, struct view_extent *extent,
			    struct failure *why);

/* Harmless on a zeroed struct. */
void view_map_close(struct view_map *map);

/* The whole view as a list of extents, in its order and without a gap, neighbours joined. */
struct view_map_walk {
	const struct store *store;
	uint64_t origin_bytes;
	/* Called for every extent, which is as long as it can be. What it returns ends the walk
	 * unless it is RESULT_OK. */
	enum result (*found)(void *context, const struct view_extent *extent, struct failure *why);
	void *context;
	/* results */
	uint64_t outside;  /* exceptions that lie outside the origin, and so outside the view */
	bool area_missing; /* see struct store_scan */
};

/* Needs a good header. Memory: VIEW_MAP_MEMORY_BYTES, however large the store is. */
enum result view_map_walk(struct view_map_walk *walk, struct failure *why);

#endif
