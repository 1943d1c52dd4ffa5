/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What would help after a failure. The library says which remedy it is (fail_remedy in status.h); the command
 * line has the words, with its options and commands: a new value here is a row in store/cli/remedies.c.
 */
#ifndef STORE_BASE_REMEDY_H
#define STORE_BASE_REMEDY_H

enum remedy {
	REMEDY_NONE,
	REMEDY_FORCE,	      /* consent to what the sentence says */
	REMEDY_FORCE_LOSES,   /* consent, and what is there is lost then */
	REMEDY_RIGHT_ORIGIN,  /* name it, or consent */
	REMEDY_ACCEPT_ORIGIN, /* name the right one, or consent to this one */
	REMEDY_VERIFY,	      /* a check of the named store lists everything */
	REMEDY_COUNT
};

#endif
