/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What would help after a failure. The library says which remedy it is (fail_remedy in fail.h);
 * the command line has the words, with its options and commands: a new value here is a row in
 * store/cli/remedies.c.
 */
#ifndef STORE_BASE_REMEDY_H
#define STORE_BASE_REMEDY_H

enum remedy {
	REMEDY_NONE,
	REMEDY_OR_FORCE, /* consent, after another way out */
	REMEDY_FREE,	 /* its user lets it go: the sentence says how */
	REMEDY_NAME_RIGHT_ORIGIN,
	REMEDY_RIGHT_ORIGIN,   /* name it, or consent */
	REMEDY_COPIED_ORIGIN,  /* the same, if it was copied to a larger disk */
	REMEDY_USAGE,	       /* the arguments in their order */
	REMEDY_ACCEPT_ORIGIN,  /* name the right one, or consent to this one */
	REMEDY_VERIFY,	       /* a check of the named store lists everything */
	REMEDY_RIGHT_DEVICE,   /* name it, or consent */
	REMEDY_OTHER_DEVICE,   /* name another one, or consent, and what is there is lost then */
	REMEDY_OTHER_FILE,     /* the same of a file */
	REMEDY_WIPE,	       /* the same as of another device, or remove what is there */
	REMEDY_NEW_STORE,      /* consent to a new store in the place of the one that is there */
	REMEDY_SHOW_LOOPS,     /* let loop devices be seen, or consent */
	REMEDY_REBUILD_HEADER, /* a repair makes it */
	REMEDY_REBUILD_COPY,   /* a repair makes that of a copy on a sound device */
	REMEDY_RESTORE_FILE,   /* a restore writes the saved file to a device */
	/* Finish the unfinished merge, with the stores that it keeps; or with the version of
	 * cowtool that began it; or consent, and it is forgotten. */
	REMEDY_FINISH_OR_FORGET,
	REMEDY_FINISH_ELSEWHERE,
	REMEDY_NEW_UNDO, /* name a file that is not there, or go on with the merge that it is of */
	REMEDY_FILE_ON_DISK, /* name one, or consent to this one */
	/* of a merge */
	REMEDY_VERIFY_FIRST_COUNTS, /* the same; or consent: of two exceptions the first counts */
	REMEDY_VERIFY_LEAVE_OUT,    /* the same; or leave out what is lost */
	REMEDY_SEE_VERIFY,	    /* a check of the named store tells more */
	REMEDY_RESUME,		    /* go on with the unfinished merge */
	REMEDY_RESUME_KEPT,	    /* the same, and name the stores that it keeps */
	REMEDY_RESUME_TOLD,  /* the same; which stores it keeps is told, but for its undo store */
	REMEDY_FINISH_FIRST, /* the unfinished merge of the named store */
	REMEDY_FINISH_OTHER_OF_KEPT, /* the merge that keeps the named store; or give that up */
	REMEDY_FINISH_OTHER_OF_UNDO, /* the same, where it is the undo store */
	REMEDY_FORGET_KEPT, /* finish the merge that keeps it; or forget that there was one */
	REMEDY_UNCOMPARED,  /* consent to what cannot be compared */
	REMEDY_NAME_KEPT,   /* the stores that are kept, each; or give one up */
	REMEDY_NAME_KEPT_OR_FORCE,    /* the same; or consent: it is one of them */
	REMEDY_DROP_KEPT,	      /* give up a store that an unfinished merge keeps */
	REMEDY_ENLARGE_OR_DROP,	      /* a kept store; or give it up */
	REMEDY_ENLARGE_OR_INVALIDATE, /* the same, before the merge */
	REMEDY_LEAVE_OUT_KEPT,	      /* do not keep it; or give it up */
	REMEDY_LEAVE_OUT_UNREADABLE,
	/* of an export */
	REMEDY_EXPORT_ALL,	  /* consent: what there is */
	REMEDY_VERIFY_EXPORT_ALL, /* a check of the named store; or the same */
	REMEDY_FILL,		  /* the places of what is lost */
	REMEDY_FILL_UNREADABLE,	  /* those of what cannot be read */
	REMEDY_EXPORT_IN_USE,	  /* consent: what is read may be changing */
	REMEDY_BEGIN_ANEW,
	REMEDY_BEGIN_ANEW_OR_MIX, /* or go on: a part is of another moment */
	REMEDY_GO_ON_OR_ANEW,
	REMEDY_OVERWRITE_INCOMPLETE, /* consent, if the image is not complete */
	REMEDY_COUNT
};

#endif
