# make demo   installs what is missing, builds, runs four real studies and a synthetic one, serves it
# make test   installs what is missing, builds, passes the tests
.PHONY: demo build python-module test test-soak test-types test-python check-asan check-tsan fuzz bench format tidy setup clean
MAKEFLAGS += --no-print-directory

setup:
	@tools/setup

build: setup
	@cmake --preset release >build/configure.log || (cat build/configure.log; exit 1)
	@cmake --build --preset release

# What `pip install ./python` packs.
python-module: build
	@cmake --build --preset release --target cangong_python

demo: build
	@tools/fetch-data
	@tools/demo

# But for `pip install` nothing of it needs more than loopback. Most of these wait more than they
# compute, so two go side by side, the longest first.
SUITES = python learner postgres service soak web contract pages hostile onnx cli interop
test: build tidy
	@tools/fetch-data
	@tests/venv interop onnx service contract python
	tests/offline tests/halves build/cangong_tests
	@$(MAKE) -j2 --output-sync=target $(SUITES:%=test-%) test-types

test-soak:
	tests/offline tests/service/soak.py build/cangong 120
test-types:
	web/node_modules/.bin/tsc --noEmit -p web
test-python:
	tests/python/run
test-%:
	tests/offline tests/$*/run

# The part without torch under the address, undefined-behaviour and thread sanitizers.
check-asan: export UBSAN_OPTIONS = halt_on_error=1
check-asan: export LSAN_OPTIONS = suppressions=$(CURDIR)/tests/sanitizers/leaks.supp:print_suppressions=0
check-asan: setup
	@cmake --preset asan >build/configure-asan.log && cmake --build --preset asan
	tests/halves build-asan/cangong_tests
	CANGONG_KILLS=5 tests/service/run build-asan/cangong

check-tsan: setup
	@cmake --preset tsan >build/configure-tsan.log && cmake --build --preset tsan
	build-tsan/cangong_tests --gtest_brief=1 --gtest_filter='Store*:Parallel*:Encoder*:Database*:LiveRecord*:Audit*:Accounts*:Tallies*:SecondFactor*:Pretrain*:Token*'

fuzz: setup
	tests/fuzz/run 60

bench: build
	@bench/run --all

format:
	@git ls-files '*.h' '*.cpp' | xargs clang-format -i

tidy:
	@python3 tools/tidy

clean:
	rm -rf build build-asan build-tsan build-dev build-fuzz reports
