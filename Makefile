# Meson and Ninja do the work (meson.build); this file is the short way to them. `make help` lists the targets.
.PHONY: all run test bench lint fuzz reference install clean help
.DEFAULT_GOAL := all

BUILD := build
DATA  := var

$(BUILD)/build.ninja:
	@tools/setup.sh build
	@meson setup $(BUILD) -Dtests=false

all: $(BUILD)/build.ninja    ## build build/doorward and build/libdoorward.so
	@tools/setup.sh build
	@ninja -C $(BUILD) --quiet

run: all                     ## start the server on http://127.0.0.1:8080 (its data: ./var)
	@mkdir -p -m 700 $(DATA)
	@cd $(DATA) && exec ../$(BUILD)/doorward serve

test:                        ## everything: three builds, unit tests, checks, stories over a real connection
	@tools/test.sh

bench: all                   ## speed and size, as ratios, on this machine
	@tools/setup.sh bench
	@bench/run.sh

lint:                        ## clang-tidy, style limits, and the repository's own checks
	@tools/setup.sh test
	@tools/lint.sh

fuzz:                        ## run each fuzzer for FUZZ_SECONDS (60)
	@tools/setup.sh test
	@tools/fuzz.sh

reference:                   ## make the reference of the library's headers: build/doxygen/html/index.html
	@tools/setup.sh test
	@tools/check_reference.py

install: all                 ## install the program, the library and its headers (DESTDIR is honoured)
	@meson install -C $(BUILD) --no-rebuild
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" -ne 0 ] || ldconfig

clean:                       ## remove what was built (./var and node_modules stay)
	@rm -rf build build-*

help:                        ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 10
