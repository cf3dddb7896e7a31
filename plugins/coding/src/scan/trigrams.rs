//! A cheap trigram filter in front of the expensive matches. Rule: every rule that searches the middle of a line names
//! a trigram of its words and only looks at lines that contain it; so an ordinary line costs next to nothing.

/// Trigrams of the words that identify faults. Only the lower five bits of a character count, so upper case and some
/// punctuation equal letters.
const TRIGRAMS: [&[u8; 3]; 48] = [
    b"err", b"fai", b"fat", b"war", b"exc", b"cri", b"sev", b"kil", b"can", b"den", b"und", b"med", b"non", b"too",
    b"ote", b"xit", b"exe", b"ogn", b"fou", b"go:", b"py:", b"eou", b"rru", b"mem", b"hea", b"_al", b"oom", b"spa",
    b"seg", b"san", b"ove", b"dum", b"eco", b"efu", b"set", b"eno", b"eai", b"hos", b"olu", b"nre", b"tls", b"eti",
    b"dea", b"ann", b"suc", b"pas", b"rb:", b"wst",
];

/// The bit for characters beyond ASCII.
pub const NON_ASCII: u64 = 1 << 63;

/// A bit set of the indexes of all trigrams.
const TABLE: [u32; 1024] = {
    let mut table = [0; 1024];
    let mut at = 0;
    while at < TRIGRAMS.len() {
        let index = index_of(TRIGRAMS[at]);
        table[index >> 5] |= 1 << (index & 31);
        at += 1;
    }
    table
};

const fn index_of(trigram: &[u8; 3]) -> usize {
    ((trigram[0] as usize & 31) << 10) | ((trigram[1] as usize & 31) << 5) | (trigram[2] as usize & 31)
}

/// The bit of one trigram.
///
/// # Panics
/// If it is not in the list; in constants, where this is used, that is a compile error.
pub const fn trigram(name: &[u8; 3]) -> u64 {
    let mut at = 0;
    while at < TRIGRAMS.len() {
        if index_of(TRIGRAMS[at]) == index_of(name) {
            return 1 << at;
        }
        at += 1;
    }
    panic!("no such trigram");
}

/// A bit that every line with these words has.
///
/// # Panics
/// If there is none; in constants, where this is used, that is a compile error.
pub const fn trigram_in(words: &str) -> u64 {
    let bytes = words.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] > 127 {
            return NON_ASCII;
        }
        if at + 3 <= bytes.len() {
            let index = index_of(&[bytes[at], bytes[at + 1], bytes[at + 2]]);
            if TABLE[index >> 5] >> (index & 31) & 1 == 1 {
                return bit_at(index);
            }
        }
        at += 1;
    }
    panic!("none of the trigrams is in these words");
}

const fn bit_at(index: usize) -> u64 {
    let mut at = 0;
    while at < TRIGRAMS.len() {
        if index_of(TRIGRAMS[at]) == index {
            return 1 << at;
        }
        at += 1;
    }
    0
}

/// The bits of all trigrams in a line.
pub fn bits(line: &str) -> u64 {
    let mut index = 0;
    let mut bits = 0;
    for byte in line.bytes() {
        index = (index << 5 | usize::from(byte & 31)) & 0x7fff;
        if byte > 127 {
            bits |= NON_ASCII;
        } else if TABLE[index >> 5] >> (index & 31) & 1 == 1 {
            bits |= bit_at(index);
        }
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_faults_are_seen_in_any_case() {
        for line in ["an Error", "FATAL", "a Warning:", "java.lang.OutOfMemoryError", "x.go:12: y", "没有", "REFUSED"]
        {
            assert_ne!(bits(line), 0, "{line}");
        }
        for line in ["   Compiling serde v1.0.204", "Progress 41 of 97", "", "ab"] {
            assert_eq!(bits(line), 0, "{line}");
        }
        assert_eq!(bits("an Error") & trigram(b"err"), trigram(b"err"));
        assert_ne!(bits("that connection refused us") & trigram_in("connection refused"), 0);
    }
}
