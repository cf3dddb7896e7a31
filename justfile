# Everyday tasks. `just` lists them; each is a plain command that works without just as well.

_list:
    @just --list --unsorted

# A server with the bundled modes, which follow your edits
dev *arguments:
    cargo run --release -- dev {{arguments}}

# The example client: `just client dev-1`
client device *arguments:
    cargo run --release -p modehost-examples --bin client -- --device {{device}} {{arguments}}

# Everything that is tested
test:
    cargo test --workspace

# The tests whose names contain a word: `just only c16_`
only word:
    cargo test --workspace -- {{word}}

# The shape of the tree, and what pages say of it
structure:
    cargo test -p modehost-tests

# Formatting and lints, as in CI
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# All that CI runs; needs root for programs of the system that are missing
ci:
    .ci/run

# The attacks of an hour and every property with 20,000 cases
long:
    .ci/long

# The pages and schemas that are made from the code
generate:
    cargo run -- check --schema > config/schema.json
    cargo run -- check --reference plugins/*/config.schema.json > config/REFERENCE.md
    UPDATE_METRICS=1 cargo test -p modehost --test metrics
    UPDATE_LICENSES=1 cargo test -p modehost --test dependencies
    UPDATE_REQUIREMENTS=1 cargo test -p modehost-tests --test requirements

# The console's files, made from its source; needs Node
console:
    cd host/console/ui && npm ci && npm test && npm run build

# The server as it is handed out
dist:
    cargo build --locked --profile dist -p modehost
    target/dist/modehost plugin build
