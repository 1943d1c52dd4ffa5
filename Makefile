# SPDX-License-Identifier: GPL-2.0-or-later
# cowtool: 'make' builds, 'make check' tests; README has the rest.

VERSION := 0.1.0
PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share
BASHCOMPDIR ?= $(DATADIR)/bash-completion/completions
ZSHCOMPDIR ?= $(DATADIR)/zsh/site-functions
FISHCOMPDIR ?= $(DATADIR)/fish/vendor_completions.d
DESTDIR ?=

CC ?= cc
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
WERROR ?= -Werror
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla $(WERROR)
# 'make LIBURING=no' builds without it, as does a machine that has none.
LIBURING ?= $(shell $(PKG_CONFIG) --exists liburing && echo yes || echo no)
LIBRARIES := blkid popt zlib $(if $(filter yes,$(LIBURING)),liburing)

B ?= build
CPPFLAGS_ALL = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -I. -DCOWTOOL_VERSION='"$(VERSION)"' \
	$(if $(filter yes,$(LIBURING)),-DHAVE_LIBURING) \
	$(shell $(PKG_CONFIG) --cflags $(LIBRARIES)) $(CPPFLAGS)
CFLAGS_ALL = -std=gnu11 $(WARNINGS) -pthread $(CFLAGS)
LIBS_ALL = $(shell $(PKG_CONFIG) --libs $(LIBRARIES)) -pthread

COMMAND_SOURCES := $(wildcard store/cmd_*.c verify/cmd_*.c merge/cmd_*.c)
LIBRARY_SOURCES := $(filter-out $(COMMAND_SOURCES),$(wildcard store/*.c verify/*.c merge/*.c))
LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.c=$(B)/%.o)
COMMAND_OBJECTS := $(COMMAND_SOURCES:%.c=$(B)/%.o) $(B)/cowtool.o
SOURCES := cowtool.c $(LIBRARY_SOURCES) $(COMMAND_SOURCES)

.DEFAULT_GOAL := all
.PHONY: all
all: cowtool

cowtool: $(B)/cowtool
	cp $< $@

$(B)/cowtool: $(COMMAND_OBJECTS) $(B)/libcowtool.a
	$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS_ALL)

$(B)/libcowtool.a: $(LIBRARY_OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

# Rebuilt when the flags change: the name of the flags file holds their checksum.
FLAGS_STAMP := $(B)/flags-$(shell echo '$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL)' | cksum | cut -d' ' -f1)
$(FLAGS_STAMP):
	@mkdir -p $(B)
	@rm -f $(B)/flags-*
	@touch $@

$(B)/%.o: %.c $(FLAGS_STAMP)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

-include $(LIBRARY_OBJECTS:.o=.d) $(COMMAND_OBJECTS:.o=.d)

.PHONY: clean
clean:
	rm -rf build cowtool
