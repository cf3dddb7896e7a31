//! A cheap look at a line before the dear ones. Rule: every rule that looks into the middle of a line
//! names a stem that its words have, and looks only at lines with that stem; so a line costs what it
//! tells, and a plain one next to nothing.

/// Three characters each, out of the words by which faults are found. Only the lower five bits of a
/// character count, so capitals and some signs look the same as letters.
const STEMS: [&[u8; 3]; 48] = [
    b"err", b"fai", b"fat", b"war", b"exc", b"cri", b"sev", b"kil", b"can", b"den", b"und", b"med", b"non", b"too",
    b"ote", b"xit", b"exe", b"ogn", b"fou", b"go:", b"py:", b"eou", b"rru", b"mem", b"hea", b"_al", b"oom", b"spa",
    b"seg", b"san", b"ove", b"dum", b"eco", b"efu", b"set", b"eno", b"eai", b"hos", b"olu", b"nre", b"tls", b"eti",
    b"dea", b"ann", b"suc", b"pas", b"rb:", b"wst",
];

/// Stands for characters beyond ASCII.
pub const FOREIGN: u64 = 1 << 63;

/// One bit for each three characters.
const TABLE: [u32; 1024] = {
    let mut table = [0; 1024];
    let mut at = 0;
    while at < STEMS.len() {
        let index = index_of(STEMS[at]);
        table[index >> 5] |= 1 << (index & 31);
        at += 1;
    }
    table
};

const fn index_of(stem: &[u8; 3]) -> usize {
    ((stem[0] as usize & 31) << 10) | ((stem[1] as usize & 31) << 5) | (stem[2] as usize & 31)
}

/// The sign of one stem.
///
/// # Panics
/// If it is not in the list; in constants, where this is used, that does not compile.
pub const fn stem(name: &[u8; 3]) -> u64 {
    let mut at = 0;
    while at < STEMS.len() {
        if index_of(STEMS[at]) == index_of(name) {
            return 1 << at;
        }
        at += 1;
    }
    panic!("no such stem");
}

/// A sign that every line with these words has.
///
/// # Panics
/// If there is none; in constants, where this is used, that does not compile.
pub const fn sign_of(words: &str) -> u64 {
    let bytes = words.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] > 127 {
            return FOREIGN;
        }
        if at + 3 <= bytes.len() {
            let index = index_of(&[bytes[at], bytes[at + 1], bytes[at + 2]]);
            if TABLE[index >> 5] >> (index & 31) & 1 == 1 {
                return sign_at(index);
            }
        }
        at += 1;
    }
    panic!("none of the stems is in these words");
}

const fn sign_at(index: usize) -> u64 {
    let mut at = 0;
    while at < STEMS.len() {
        if index_of(STEMS[at]) == index {
            return 1 << at;
        }
        at += 1;
    }
    0
}

/// The signs of a line.
pub fn signs(line: &str) -> u64 {
    let mut index = 0;
    let mut signs = 0;
    for byte in line.bytes() {
        index = (index << 5 | usize::from(byte & 31)) & 0x7fff;
        if byte > 127 {
            signs |= FOREIGN;
        } else if TABLE[index >> 5] >> (index & 31) & 1 == 1 {
            signs |= sign_at(index);
        }
    }
    signs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_faults_are_seen_in_any_case() {
        for line in ["an Error", "FATAL", "a Warning:", "java.lang.OutOfMemoryError", "x.go:12: y", "没有", "REFUSED"]
        {
            assert_ne!(signs(line), 0, "{line}");
        }
        for line in ["   Compiling serde v1.0.204", "Progress 41 of 97", "", "ab"] {
            assert_eq!(signs(line), 0, "{line}");
        }
        assert_eq!(signs("an Error") & stem(b"err"), stem(b"err"));
        assert_ne!(signs("that connection refused us") & sign_of("connection refused"), 0);
    }
}
