//! Corpus of plugin files and mutations of them. Rule: any bytes are either a package whose every part is usable, or an
//! error of one sentence.

use modehost_corpus::Corpus;
use modehost_plugin::package::read;

#[test]
fn bytes_are_a_sound_package_or_one_sentence() {
    Corpus::open(env!("CARGO_MANIFEST_DIR"), "package").keeps(|bytes| match read(bytes) {
        Ok(package) => {
            assert!((1..=64).contains(&package.id.len()));
            assert!(package.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
            assert_eq!((package.size, package.sha256.len()), (bytes.len(), 64));
            assert!(package.imports.len() + package.exports.len() <= bytes.len());
        }
        Err(error) => {
            let sentence = error.to_string();
            // At most as many lines as the parser's own message has: it lists the eight bytes that it expected and
            // those that it found.
            assert!(!sentence.is_empty() && sentence.lines().count() <= 24, "{sentence}");
            // An error in plugin.toml quotes the line and marks the position below it.
            assert!(sentence.len() <= 4 * bytes.len() + 512, "{} bytes about {} bytes", sentence.len(), bytes.len());
        }
    });
}

#[test]
fn the_good_ones_are_read() {
    let corpus = Corpus::open(env!("CARGO_MANIFEST_DIR"), "package");
    let good: Vec<&str> = corpus.inputs().filter(|(_, bytes)| read(bytes).is_ok()).map(|(name, _)| name).collect();
    // Reading does not compile: whatever surrounds the package is not checked here.
    let expected = [
        "abyss_of_components",
        "good",
        "good_in_a_module",
        "good_padded",
        "grants_that_are_many",
        "modules_in_modules",
        "two_sections_alike",
        "unknown_section",
        "version_without_end",
    ];
    assert_eq!(good, expected);
}
