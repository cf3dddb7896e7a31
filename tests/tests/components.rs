//! Components that were built once, in three languages and for each released contract. Rule: they load, run, and carry
//! their state over for ever; a file that differs from its checksum is not the one that was handed out.

use std::path::{Path, PathBuf};

use modehost_testkit::Kit;
use modehost_testkit::script::Script;
use sha2::{Digest, Sha256};

const COMPONENTS: [&str; 6] =
    ["count-rust-01", "count-c-01", "count-js-01", "count-rust-02", "count-c-02", "count-js-02"];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("components")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(directory().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn kit(name: &str) -> Kit {
    Kit::file(&directory().join(format!("{name}.wasm")), "{}").unwrap_or_else(|refusal| panic!("{name}: {refusal}"))
}

fn play(kit: &Kit, name: &str, text: &str) -> Result<usize, String> {
    let script = Script::read(name, text, &directory()).map_err(|error| error.to_string())?;
    script.play_with_swaps(kit).map(|played| played.swaps).map_err(|mismatch| mismatch.to_string())
}

#[test]
fn the_files_are_those_that_were_handed_out() {
    let page = read("README.md");
    for name in COMPONENTS {
        let bytes = std::fs::read(directory().join(format!("{name}.wasm"))).expect(name);
        let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(
            page.contains(&format!("`{sha256}`")),
            "{name}.wasm has the SHA-256 {sha256}, which README.md does not"
        );
    }
}

#[test]
fn every_component_runs_and_is_swapped_behind_each_event() {
    for name in COMPONENTS {
        let kit = kit(name);
        assert_eq!(kit.manifest().id.as_str(), name);
        let swaps = play(&kit, name, &read("count.script")).unwrap_or_else(|error| panic!("{error}"));
        assert!(swaps > 8, "{name}: {swaps} swaps");
    }
}

#[test]
fn a_rejection_names_its_time_from_contract_0_2_on() {
    let asked = "> {\"type\": \"count\", \"fault\": true}\n< {\"type\": \"error\", \"code\": \"ASKED\", \"retry_after_ms\": 1500}\n";
    for name in COMPONENTS {
        assert_eq!(play(&kit(name), name, asked).is_ok(), name.ends_with("02"), "{name}");
    }
}

#[test]
fn a_trap_is_told_in_the_words_of_the_mode_where_its_language_has_them() {
    for name in COMPONENTS {
        let told = play(&kit(name), name, "> {\"type\": \"count\", \"panic\": true}\n").expect_err(name);
        assert!(told.contains("message: the mode trapped: "), "{name}: {told}");
        assert!(told.contains("asked to panic"), "{name}: {told}");
    }
}

#[test]
fn each_takes_over_the_state_of_every_other() {
    for old in COMPONENTS {
        let script =
            format!("plugin {old}.wasm\n> one\n< 1: one\nswap\n> two\n< 2: two\nkill\n= state {{\"heard\": 2}}\n");
        for new in COMPONENTS {
            play(&kit(new), new, &script).unwrap_or_else(|error| panic!("{old} to {new}: {error}"));
        }
    }
}
