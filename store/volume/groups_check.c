// SPDX-License-Identifier: GPL-2.0-or-later
/* May a volume, and each of the places that it is on, be read or written? */
#include "store/volume/groups.h"

#include "store/base/bytes.h"

enum result groups_check_volume(const struct groups_one *one, unsigned int volume, bool writes,
				const char *name, struct failure *why)
{
	const struct group_volume *asked = &one->group.volumes[volume];

	if (one->obstacle[0] && (one->is_uncertain || writes))
		return fail(why, RESULT_REFUSED, "%s: the volume group %s %s", name,
			    one->group.name, one->obstacle);
	if (asked->moving)
		return fail(
			why, RESULT_REFUSED,
			"%s: is being moved; finish that with 'pvmove', or end it with 'pvmove --abort'",
			name);
	/* Virtual origins are hidden, and no others that LVM makes. */
	if (asked->is_origin && !asked->visible && writes)
		return fail(
			why, RESULT_REFUSED,
			"%s: is a hidden origin, which LVM takes for one that has no bytes of its own",
			name);
	if (asked->unknown && writes)
		return fail(why, RESULT_REFUSED, "%s: has the flag %s, which is not known", name,
			    asked->unknown);
	return RESULT_OK;
}

enum result groups_check_place(const struct groups *groups, const struct groups_one *one,
			       const struct groups_place *place, bool writes, const char *name,
			       struct failure *why)
{
	const struct groups_pv *found = &groups->pvs[one->pvs[place->pv]];
	uint64_t end;

	if (one->group.pvs[place->pv].missing && writes)
		return fail(
			why, RESULT_REFUSED,
			"%s: the group was changed while its physical volume %s was missing: what is there may be old; 'vgextend --restoremissing' takes it back",
			name, found->name);
	if (!checked_add(place->offset, place->bytes, &end) || end > found->bytes)
		return fail(why, RESULT_REFUSED,
			    "%s: ends after the end of %s: was that device made smaller?", name,
			    found->name);
	return RESULT_OK;
}
