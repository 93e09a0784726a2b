# The two commands of the README, and what developers need.
.PHONY: build drill test test-tools lint format bench fuzz reference clean

DR_DRILL := target/release/dr-drill

build:
	cargo build --release --locked

# Builds, makes a fresh sample backup, pins it and drills it with the real clock.
drill: build
	scripts/fresh-sample.sh $(DR_DRILL) artifacts/sample
	$(DR_DRILL) run --manifest artifacts/sample/manifest.json
	$(DR_DRILL) verify artifacts/dr

# Installs what the tests need where it is missing, and runs every test.
test: test-tools
	cargo test --locked

test-tools:
	scripts/install-test-tools.sh

lint:
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --no-default-features -- -D warnings

format:
	cargo fmt

# Prints ratios against named peers, run side by side.
bench: build
	benches/run.py $(DR_DRILL)
	benches/sbom.py $(DR_DRILL)
	benches/postgres.py $(DR_DRILL)
	benches/content.py $(DR_DRILL)
	benches/verify.py $(DR_DRILL)
	benches/calendar.py $(DR_DRILL)
	cargo bench --locked --bench history
	cargo bench --locked --bench tampering
	cargo bench --locked --bench critical_path

# Feeds every reader of what others wrote with made-up bytes, ten minutes each. Wants cargo-fuzz.
fuzz:
	scripts/fuzz.sh 600

# Renews what is generated and compared in tests: schemas, the command reference, snapshots.
reference:
	UPDATE_SCHEMAS=1 cargo test --lib schemas_are
	UPDATE_REFERENCE=1 cargo test --test cli reference
	INSTA_UPDATE=always cargo test

clean:
	cargo clean
	rm -rf artifacts
