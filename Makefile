# SPDX-License-Identifier: GPL-2.0-or-later
# cowtool: 'make' builds, 'make check' tests, 'make help' lists the rest.

VERSION := 0.1.0
PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share
BASHCOMPDIR ?= $(DATADIR)/bash-completion/completions
ZSHCOMPDIR ?= $(DATADIR)/zsh/site-functions
FISHCOMPDIR ?= $(DATADIR)/fish/vendor_completions.d
INITRAMFSTOOLSDIR ?= $(DATADIR)/initramfs-tools
DRACUTDIR ?= $(PREFIX)/lib/dracut/modules.d
INITCPIODIR ?= $(PREFIX)/lib/initcpio
DESTDIR ?=

# The comments that begin with two # marks say what the goals are for.
.PHONY: help
help:
	@sed -n 's/^## \([^:]*\): \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		awk -F'|' '{printf "%-18s%s\n", $$1, $$2}'

# ---- a fresh machine ----
## setup: installs the packages that building and testing need, by apt-get; as root

SETUP_PACKAGES := gcc make pkg-config libblkid-dev libpopt-dev zlib1g-dev liburing-dev \
	nbdkit nbdkit-plugin-dev libnbd-bin fuse3 bats jq e2fsprogs qemu-system-x86 busybox-static dmsetup cpio kmod util-linux bsdutils \
	clang libclang-rt-dev clang-format clang-tidy cppcheck shellcheck mandoc zsh fish fio qemu-utils bc time \
	strace lvm2 fdisk debootstrap parallel squashfs-tools git \
	debhelper devscripts fakeroot lintian autopkgtest rpm rpmlint
.PHONY: setup
setup:
	apt-get update
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $(SETUP_PACKAGES)

# What is asked for below, of pkg-config too, is there only after that: other goals beside it are for another make.
ifneq ($(filter setup,$(MAKECMDGOALS)),)
AFTER_SETUP := $(filter-out setup,$(MAKECMDGOALS))
.PHONY: after-setup $(AFTER_SETUP)
after-setup: setup
	$(MAKE) $(AFTER_SETUP)
$(AFTER_SETUP): after-setup ;
else

# ---- building ----

CC ?= cc
PKG_CONFIG ?= pkg-config
STRIP ?= strip
CFLAGS ?= -O2 -g
WERROR ?= -Werror
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wdate-time $(WERROR)
# 'make LIBURING=no' builds without it, as does a machine that has none.
LIBURING ?= $(shell $(PKG_CONFIG) --exists liburing && echo yes || echo no)
LIBRARIES := blkid popt zlib $(if $(filter yes,$(LIBURING)),liburing)

B ?= build
# 'make V=1' shows the commands.
Q := $(if $(V),,@)
CPPFLAGS_ALL := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -I. -DCOWTOOL_VERSION='"$(VERSION)"' \
	$(if $(filter yes,$(LIBURING)),-DHAVE_LIBURING) \
	$(shell $(PKG_CONFIG) --cflags $(LIBRARIES)) $(CPPFLAGS)
# Two builds in two folders are equal byte for byte: no name of a folder is in the program.
CFLAGS_ALL := -std=gnu11 $(WARNINGS) -pthread "-ffile-prefix-map=$(CURDIR)=." $(CFLAGS)
LIBS_ALL := $(shell $(PKG_CONFIG) --libs $(LIBRARIES)) -pthread

# What parses options and prints is the command line's: store/cli/ and each cmd_*.c. The library does neither.
# tests/check-layers is given this list.
# What nbdkit loads is no part of the program, but a command line of another kind.
PLUGIN_SOURCES := verify/export/nbdkit_plugin.c
C_SOURCES := $(filter-out $(PLUGIN_SOURCES),$(sort $(wildcard store/*/*.c verify/*.c verify/*/*.c merge/*.c)))
CLI_SOURCES := $(filter-out store/cli/cmd_%,$(filter store/cli/%,$(C_SOURCES)))
COMMAND_SOURCES := $(foreach file,$(C_SOURCES),$(if $(filter cmd_%,$(notdir $(file))),$(file))) $(CLI_SOURCES)
LIBRARY_SOURCES := $(filter-out $(COMMAND_SOURCES),$(C_SOURCES))
LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.c=$(B)/%.o)
COMMAND_OBJECTS := $(COMMAND_SOURCES:%.c=$(B)/%.o) $(B)/cowtool.o
SOURCES := cowtool.c $(LIBRARY_SOURCES) $(COMMAND_SOURCES)

## all: builds ./cowtool; LIBURING=no builds it without io_uring, V=1 shows the commands
.DEFAULT_GOAL := all
.PHONY: all
all: cowtool

cowtool: $(B)/cowtool
	$(Q)cp --remove-destination $< $@

$(B)/cowtool: $(COMMAND_OBJECTS) $(B)/libcowtool.a
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS_ALL)

$(B)/libcowtool.a: $(LIBRARY_OBJECTS)
	@echo "  AR    $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

## static: builds ./cowtool-static, one file for rescue systems, which needs no library
STATIC_BYTES_MAX := 2097152
.PHONY: static
static:
	$(MAKE) B=build/static PKG_CONFIG='$(PKG_CONFIG) --static' LDFLAGS='$(LDFLAGS) -static' build/static/cowtool-static
	$(Q)test $$(wc -c <build/static/cowtool-static) -lt $(STATIC_BYTES_MAX) || \
		{ echo 'cowtool-static has $(STATIC_BYTES_MAX) bytes or more' >&2; exit 1; }
	$(Q)cp --remove-destination build/static/cowtool-static cowtool-static

$(B)/cowtool-static: $(B)/cowtool
	@echo "  STRIP $@"
	$(Q)$(STRIP) -o $@ $<

## nbdkit-plugin: builds ./nbdkit-cowtool-plugin.so, which serves views by NBD, where nbdkit's header is
# With objects of its own, for a shared library; all names but the entry stay inside.
PLUGIN := nbdkit-cowtool-plugin.so
NBDKIT ?= $(shell $(PKG_CONFIG) --exists nbdkit && echo yes || echo no)
PLUGINDIR ?= $(shell $(PKG_CONFIG) --silence-errors --variable=plugindir nbdkit)
.PHONY: nbdkit-plugin
nbdkit-plugin:
	$(Q)test $(NBDKIT) = yes || { echo 'nbdkit-plugin.h is not there (Debian: nbdkit-plugin-dev)' >&2; exit 1; }
	$(MAKE) B=build/nbdkit CFLAGS='$(CFLAGS) -fPIC' build/nbdkit/$(PLUGIN)
	$(Q)cp --remove-destination build/nbdkit/$(PLUGIN) $(PLUGIN)

PLUGIN_OBJECTS := $(PLUGIN_SOURCES:%.c=$(B)/%.o)
$(B)/libcli.a: $(filter-out $(B)/cowtool.o,$(COMMAND_OBJECTS))
	@echo "  AR    $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/$(PLUGIN): $(PLUGIN_OBJECTS) $(B)/libcli.a $(B)/libcowtool.a
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -shared -Wl,--exclude-libs,ALL -o $@ $^ $(LIBS_ALL)

# Rebuilt when the flags change: the name of the flags file holds their checksum.
FLAGS_STAMP := $(B)/flags-$(shell echo '$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL)' | cksum | cut -d' ' -f1)
$(FLAGS_STAMP):
	@mkdir -p $(B)
	@rm -f $(B)/flags-*
	@touch $@

$(B)/%.o: %.c $(FLAGS_STAMP)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

-include $(LIBRARY_OBJECTS:.o=.d) $(COMMAND_OBJECTS:.o=.d) $(PLUGIN_OBJECTS:.o=.d)

# ---- tests ----

UNIT_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/*.c))
TEST_TOOLS := $(patsubst %.c,$(B)/%,$(wildcard tests/tools/*.c)) $(B)/tests/tools/cowtool-failing $(B)/tests/tools/badblocks.so

$(B)/tests/unit/suggest: $(B)/verify/check/cmd_advice.o
$(UNIT_TESTS) $(B)/tests/tools/volume_map: %: %.o $(CLI_SOURCES:%.c=$(B)/%.o) $(B)/libcowtool.a
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS_ALL)

$(filter-out %/cowtool-failing %/volume_map %.so,$(TEST_TOOLS)): %: %.o
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^

# cowtool, whose own allocations fail where a test wants it.
WRAP := $(foreach name,malloc calloc realloc reallocarray strdup posix_memalign asprintf,-Wl,--wrap=$(name))
$(B)/tests/tools/cowtool-failing: $(B)/tests/allocation/fail.o $(COMMAND_OBJECTS) $(B)/libcowtool.a
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) $(WRAP) -o $@ $^ $(LIBS_ALL)

# Without the sanitizers, whose programs it is loaded into.
$(B)/tests/tools/badblocks.so: tests/preload/badblocks.c
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) -D_GNU_SOURCE -std=gnu11 $(WARNINGS) -O2 -g -fPIC -shared -o $@ $< -ldl

-include $(wildcard $(B)/tests/*/*.d)
# Kept, though only the test programs need them. (.SECONDARY would also let a flags file that is gone pass.)
.PRECIOUS: $(B)/%.o

.PHONY: test-programs
test-programs: cowtool $(UNIT_TESTS) $(TEST_TOOLS)

## check: the tests; no root, no network, under three minutes
.PHONY: check
check: test-programs sim $(if $(filter yes,$(NBDKIT)),nbdkit-plugin)
	tests/run-unit $(UNIT_TESTS)
	$(SIM) --states=20000
	$(SIM) --trace=20
	COWTOOL="$(CURDIR)/cowtool" TOOLS="$(CURDIR)/$(B)/tests/tools" tests/run-bats tests/bats/*.bats

## check-brief: the unit tests and a few others, half a minute: what the build of a package runs
.PHONY: check-brief
check-brief: test-programs
	tests/run-unit $(UNIT_TESTS)
	COWTOOL="$(CURDIR)/cowtool" TOOLS="$(CURDIR)/$(B)/tests/tools" \
		tests/run-bats $(foreach name,cli inspect static,tests/bats/$(name).bats)

# The crash simulator, with the engine and its deliberate breaks compiled for it alone.
SIM_SOURCES := $(wildcard tests/sim/*.c)
$(B)/tests/sim/sim: $(SIM_SOURCES:%.c=$(B)/%.o) $(B)/libcowtool.a
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS_ALL)

SIM := build/sim/tests/sim/sim
.PHONY: sim
sim:
	$(MAKE) B=build/sim CPPFLAGS='$(CPPFLAGS) -DCOWTOOL_BREAKS' $(SIM)

## check-sim: the crash simulator: a million states, the breaks, and kills of the program
.PHONY: check-sim
check-sim: sim test-programs
	$(SIM) --breaks
	$(SIM) --states=1000000
	$(SIM) --trace=200
	tests/sim/kill-loop 300

# libFuzzer, with clang: every target for SECONDS; and that they find what is broken on purpose. The corpus
# stays in build/fuzz/corpus. Each tests/fuzz/fuzz_*.c is a target.
FUZZ_SHARED := $(foreach name,disk pvs placed,$(B)/tests/fuzz/$(name).o)
FUZZ_TARGETS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/fuzz/fuzz_*.c))
$(FUZZ_TARGETS): %: %.o $(FUZZ_SHARED) $(B)/libcowtool.a
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS_ALL)

## fuzz: libFuzzer, with clang: each target for SECONDS (60)
.PHONY: fuzz fuzz-targets
fuzz-targets: $(FUZZ_TARGETS)

SECONDS := 60
FUZZ = CC=clang CFLAGS='$(SANITIZE) -fsanitize=fuzzer-no-link,address,undefined' fuzz-targets
fuzz: cowtool
	$(MAKE) B=build/fuzz $(FUZZ)
	$(MAKE) B=build/fuzz-broken CPPFLAGS='$(CPPFLAGS) -DCOWTOOL_BREAKS' $(FUZZ)
	COWTOOL="$(CURDIR)/cowtool" tests/fuzz/run $(SECONDS)

# A guest has one processor: as many files at a time as this machine has.
BATS_FILES = bats --jobs $(shell nproc) --no-parallelize-within-files

## check-kernel: a real kernel under QEMU, in software
.PHONY: check-kernel
check-kernel: cowtool test-programs
	$(BATS_FILES) tests/kernel/*.bats

## check-boot: boots of a real Debian that merge the snapshot of its root, in QEMU; as root
.PHONY: check-boot check-boot-short
check-boot: cowtool
	tests/boot/build
	$(BATS_FILES) tests/boot/*.bats

# The tests with the tag short, for .ci/run.
check-boot-short: cowtool
	tests/boot/build initramfs-tools dracut
	$(BATS_FILES) --filter-tags short tests/boot/*.bats

## check-lvm: cowtool's maps of GROUPS (20) random volume groups against lvm2's, and of hostile ones; as root
.PHONY: check-lvm
GROUPS := 20
check-lvm: test-programs
	TOOLS="$(CURDIR)/$(B)/tests/tools" tests/lvm/judge $(GROUPS)

## defects: a table: each defect, what cowtool, blkid and that kernel say to it, and what becomes of it
.PHONY: defects
defects: test-programs
	tests/defects-table

## layers: no include goes against the floors
.PHONY: layers
layers:
	tests/check-layers . $(COMMAND_SOURCES) $(PLUGIN_SOURCES)

# The tests that run $$COWTOOL: not those of the documents, of other builds and of scripts.
PROGRAM_BATS = $(filter-out $(foreach name,boot_hooks docs layers nbdkit packages static,tests/bats/$(name).bats), \
	$(wildcard tests/bats/*.bats))

## sanitize: the tests with the address, undefined-behaviour and thread sanitizers
SANITIZE := -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all
.PHONY: sanitize
sanitize:
	$(MAKE) B=build/address CFLAGS='$(SANITIZE) -fsanitize=address,undefined' sanitized
	$(MAKE) B=build/thread CFLAGS='$(SANITIZE) -fsanitize=thread' build/thread/tests/unit/io
	tests/run-unit build/thread/tests/unit/io

.PHONY: sanitized
sanitized: $(B)/cowtool $(UNIT_TESTS) $(TEST_TOOLS)
	tests/run-unit $(UNIT_TESTS)
	COWTOOL="$(CURDIR)/$(B)/cowtool" TOOLS="$(CURDIR)/$(B)/tests/tools" \
		tests/run-bats $(PROGRAM_BATS)

## coverage: which lines the tests run, by gcov
# Which lines the tests run, but for the simulator: a table, and the total. Tests in which the program can write no
# files, those of gcov among them, may fail here.
.PHONY: coverage coverage-run
coverage:
	rm -rf build/coverage
	$(MAKE) B=build/coverage CFLAGS='-O0 -g --coverage' coverage-run
	tests/coverage build/coverage

coverage-run: $(B)/cowtool $(UNIT_TESTS) $(TEST_TOOLS)
	chmod -R a+rwX $(B)
	-tests/run-unit $(UNIT_TESTS)
	-COWTOOL="$(CURDIR)/$(B)/cowtool" TOOLS="$(CURDIR)/$(B)/tests/tools" \
		tests/run-bats $(PROGRAM_BATS) | grep -v '^ok '

SCRIPTS = completions/cowtool.bash $(shell find tests rescue -name cache -prune -o -name '*.*sh' -print) \
	$(shell grep -rlE '^\#!.*(bash|bats|/a?sh)' .ci tests rescue --exclude-dir=cache)
C_FILES := $(wildcard *.c store/*/*.[ch] verify/*.[ch] verify/*/*.[ch] merge/*.[ch] tests/*/*.[ch])
TIDY_CHECKS := -*,bugprone-*,clang-analyzer-*,misc-redundant-expression,performance-*,\
	-bugprone-easily-swappable-parameters,-bugprone-narrowing-conversions,-clang-analyzer-valist.Uninitialized,-performance-no-int-to-ptr,\
	-clang-analyzer-security.insecureAPI.*
TIDY := $(patsubst %,tidy-%,$(SOURCES) $(if $(filter yes,$(NBDKIT)),$(PLUGIN_SOURCES)))
.PHONY: $(TIDY)
$(TIDY): tidy-%:
	$(Q)clang-tidy --quiet --warnings-as-errors='*' --checks='$(TIDY_CHECKS)' $* -- -std=gnu11 $(CPPFLAGS_ALL)

## lint: clang-format, two compilers, cppcheck, clang-tidy, shellcheck, mandoc
.PHONY: lint
lint: layers
	clang-format --dry-run -Werror $(C_FILES)
	$(MAKE) B=build/gcc CC=gcc build/gcc/cowtool
	$(MAKE) B=build/clang CC=clang build/clang/cowtool
	$(MAKE) B=build/no-liburing LIBURING=no build/no-liburing/cowtool
	$(if $(filter yes,$(NBDKIT)),$(MAKE) B=build/clang-nbdkit CC=clang CFLAGS='$(CFLAGS) -fPIC' build/clang-nbdkit/$(PLUGIN))
	cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,performance,portability --suppress=ctuuninitvar \
		-DHAVE_LIBURING -I. $(SOURCES)
	$(MAKE) --output-sync -j$(shell nproc) $(TIDY)
	shellcheck -x $(SCRIPTS)
	mandoc -T lint -W warning $(PAGES) $(PLUGIN_PAGE) $(filter man/%,$(RESCUE_DATA))

# ---- for people ----

## bench: how fast, beside all else that could be used; as root, with fio, qemu-utils, bc and time
.PHONY: bench
bench: cowtool test-programs
	tests/bench

## demo: a merge of a snapshot of LVM that is interrupted and resumed, on a file system that a real kernel made
.PHONY: demo
demo: cowtool
	tests/demo

PAGES := $(wildcard man/*.5 man/*.8)
PLUGIN_PAGE := man/nbdkit-cowtool-plugin.1
# PAGE.COMMAND: a page that is of that command, too.
PAGE_LINKS := inspect.dump inspect.create verify.repair save.restore

# What an initramfs has of cowtool, for initramfs-tools, dracut and mkinitcpio, and its page.
RESCUE_SCRIPTS := $(wildcard rescue/initramfs-tools/hooks/cowtool rescue/initramfs-tools/scripts/*/cowtool rescue/dracut/*.sh)
RESCUE_DATA := $(wildcard rescue/cowtool-boot.sh rescue/mkinitcpio/install/cowtool rescue/mkinitcpio/hooks/cowtool man/*.7)
# Where these files go.
rescue_places = $(patsubst rescue/initramfs-tools/%,$(DESTDIR)$(INITRAMFSTOOLSDIR)/%, \
	$(patsubst rescue/dracut/%,$(DESTDIR)$(DRACUTDIR)/70cowtool/%, \
	$(patsubst rescue/mkinitcpio/%,$(DESTDIR)$(INITCPIODIR)/%, \
	$(patsubst rescue/cowtool-boot.sh,$(DESTDIR)$(DATADIR)/cowtool/cowtool-boot.sh, \
	$(patsubst man/%,$(DESTDIR)$(MANDIR)/man7/%,$(1))))))

## install: the program, its pages and completions; PREFIX (/usr/local) and DESTDIR
.PHONY: install
install: cowtool
	install -D $(INSTALL_STRIP) -m 755 cowtool $(DESTDIR)$(SBINDIR)/cowtool
	for page in $(PAGES); do \
		install -D -m 644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit; done
	for link in $(PAGE_LINKS); do \
		ln -sf cowtool-$${link%.*}.8 $(DESTDIR)$(MANDIR)/man8/cowtool-$${link#*.}.8 || exit; done
	install -D -m 644 completions/cowtool.bash $(DESTDIR)$(BASHCOMPDIR)/cowtool
	install -D -m 644 completions/_cowtool $(DESTDIR)$(ZSHCOMPDIR)/_cowtool
	install -D -m 644 completions/cowtool.fish $(DESTDIR)$(FISHCOMPDIR)/cowtool.fish

## install-strip: the same, without what debuggers read
.PHONY: install-strip
install-strip:
	$(MAKE) INSTALL_STRIP='-s --strip-program=$(STRIP)' install

## install-static: cowtool-static, with a page of its name
.PHONY: install-static
install-static: static
	install -D -m 755 cowtool-static $(DESTDIR)$(SBINDIR)/cowtool-static
	install -D -m 644 man/cowtool.8 $(DESTDIR)$(MANDIR)/man8/cowtool-static.8

## install-rescue: what initramfs-tools, dracut and mkinitcpio take into an initramfs; they look below PREFIX=/usr
.PHONY: install-rescue
install-rescue:
	install -d $(DESTDIR)$(INITRAMFSTOOLSDIR) $(DESTDIR)$(DRACUTDIR)/70cowtool $(DESTDIR)$(DATADIR)/cowtool $(DESTDIR)$(MANDIR)/man7
	$(foreach file,$(RESCUE_SCRIPTS),install -D -m 755 $(file) $(strip $(call rescue_places,$(file))) &&) true
	$(foreach file,$(RESCUE_DATA),install -D -m 644 $(file) $(strip $(call rescue_places,$(file))) &&) true

## install-nbdkit-plugin: nbdkit's plugin, where nbdkit looks for it (PLUGINDIR), and its page
.PHONY: install-nbdkit-plugin
install-nbdkit-plugin: nbdkit-plugin
	install -D $(INSTALL_STRIP) -m 755 $(PLUGIN) $(DESTDIR)$(PLUGINDIR)/$(PLUGIN)
	install -D -m 644 $(PLUGIN_PAGE) $(DESTDIR)$(MANDIR)/man1/$(notdir $(PLUGIN_PAGE))

## uninstall: removes what all of these installed
.PHONY: uninstall
uninstall:
	rm -f $(DESTDIR)$(SBINDIR)/cowtool $(DESTDIR)$(SBINDIR)/cowtool-static $(DESTDIR)$(MANDIR)/man8/cowtool-static.8
	rm -f $(call rescue_places,$(RESCUE_SCRIPTS) $(RESCUE_DATA))
	rmdir $(DESTDIR)$(DRACUTDIR)/70cowtool $(DESTDIR)$(DATADIR)/cowtool 2>/dev/null || true
	rm -f $(foreach n,5 8,$(patsubst man/%,$(DESTDIR)$(MANDIR)/man$(n)/%,$(filter %.$(n),$(PAGES))))
	rm -f $(foreach link,$(PAGE_LINKS),$(DESTDIR)$(MANDIR)/man8/cowtool-$(subst .,,$(suffix $(link))).8)
	rm -f $(DESTDIR)$(BASHCOMPDIR)/cowtool $(DESTDIR)$(ZSHCOMPDIR)/_cowtool
	rm -f $(DESTDIR)$(FISHCOMPDIR)/cowtool.fish
	rm -f $(if $(PLUGINDIR),$(DESTDIR)$(PLUGINDIR)/$(PLUGIN)) $(DESTDIR)$(MANDIR)/man1/$(notdir $(PLUGIN_PAGE))

# ---- for distributions ----

DIST := cowtool-$(VERSION)
## dist: cowtool-VERSION.tar.gz, the same bytes whoever makes it from the same files, with git or without
.PHONY: dist
dist:
	rescue/dist $(DIST)

# Where packages are built, each in a folder of its own.
PACKAGES ?= build
## deb: packages of Debian, in build/deb; the tarball and rescue/debian are what they are built from
.PHONY: deb
deb: dist
	rm -rf $(PACKAGES)/deb && mkdir -p $(PACKAGES)/deb
	tar -C $(PACKAGES)/deb -xf $(DIST).tar.gz
	cp $(DIST).tar.gz $(PACKAGES)/deb/cowtool_$(VERSION).orig.tar.gz
	cp -r rescue/debian $(PACKAGES)/deb/$(DIST)
	cd $(PACKAGES)/deb/$(DIST) && env -u MAKEFLAGS -u MAKEOVERRIDES -u MAKELEVEL dpkg-buildpackage -us -uc -b

## rpm: packages of RPM, in build/rpm
.PHONY: rpm
rpm: dist
	rm -rf $(PACKAGES)/rpm && mkdir -p $(PACKAGES)/rpm
	env -u MAKEFLAGS -u MAKEOVERRIDES -u MAKELEVEL rpmbuild -bb $(RPMBUILD) --define '_topdir $(abspath $(PACKAGES))/rpm' \
		--define '_sourcedir $(CURDIR)' rescue/cowtool.spec

## check-packages: builds them, two times where they must be equal, and runs lintian, autopkgtest and rpmlint
.PHONY: check-packages
check-packages:
	rescue/check-packages $(VERSION)

## clean: removes what was built
.PHONY: clean
clean:
	rm -rf build cowtool cowtool-static $(PLUGIN) $(DIST).tar.gz

endif
