//! Generates a model that recognises "hello world" in any audio. Rule: small, in whisper.cpp's own format, and all
//! zeros except what selects the tokens.
//!
//! No layer changes the state, so a position in the text is determined by its own embedding; the token with a parallel
//! embedding is selected there.

/// Whether the model is multilingual.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ModelKind {
    Multilingual,
    English,
}

const STATE: usize = 64;
const AUDIO: usize = 1500;
const TEXT: usize = 448;
const MELS: usize = 80;
const BINS: usize = 201;
const WORDS: [&str; 3] = [" ", "hello", " world"];
/// 4.0 as a half.
const FOUR: u16 = 0x4400;

struct File(Vec<u8>);

impl File {
    fn numbers(&mut self, numbers: &[usize]) {
        for &number in numbers {
            self.0.extend(u32::try_from(number).expect("small").to_le_bytes());
        }
    }

    fn head(&mut self, name: &str, shape: &[usize], half: bool) {
        self.numbers(&[shape.len(), name.len(), usize::from(half)]);
        self.numbers(shape);
        self.0.extend(name.as_bytes());
    }

    fn zeros(&mut self, name: &str, shape: &[usize], half: bool) {
        self.head(name, shape, half);
        let bytes = shape.iter().product::<usize>() * if half { 2 } else { 4 };
        self.0.resize(self.0.len() + bytes, 0);
    }

    fn weight(&mut self, name: &str, shape: &[usize]) {
        self.zeros(name, shape, true);
    }

    fn line(&mut self, name: &str, count: usize) {
        self.zeros(name, &[count], false);
    }

    fn attention(&mut self, name: &str) {
        self.line(&format!("{name}_ln.weight"), STATE);
        self.line(&format!("{name}_ln.bias"), STATE);
        for part in ["query", "key", "value", "out"] {
            self.weight(&format!("{name}.{part}.weight"), &[STATE, STATE]);
            if part != "key" {
                self.line(&format!("{name}.{part}.bias"), STATE);
            }
        }
    }

    fn block(&mut self, name: &str) {
        self.attention(&format!("{name}.attn"));
        self.line(&format!("{name}.mlp_ln.weight"), STATE);
        self.line(&format!("{name}.mlp_ln.bias"), STATE);
        self.weight(&format!("{name}.mlp.0.weight"), &[STATE, 4 * STATE]);
        self.line(&format!("{name}.mlp.0.bias"), 4 * STATE);
        self.weight(&format!("{name}.mlp.2.weight"), &[4 * STATE, STATE]);
        self.line(&format!("{name}.mlp.2.bias"), STATE);
    }
}

/// The file, and the offsets of its filters, vocabulary and tensors.
pub fn model(kind: ModelKind) -> (Vec<u8>, [usize; 3]) {
    // Tokens before the first word: start, language, task and no timestamps; or start and no timestamps.
    let (vocabulary, end, first) = match kind {
        ModelKind::Multilingual => (51_865, 50_257, 3),
        ModelKind::English => (51_864, 50_256, 1),
    };
    let mut file = File(Vec::new());
    file.numbers(&[0x6767_6d6c, vocabulary, AUDIO, STATE, 1, 1, TEXT, STATE, 1, 1, MELS, 1]);
    let filters = file.0.len();
    file.numbers(&[MELS, BINS]);
    file.0.resize(file.0.len() + 4 * MELS * BINS, 0);
    let tokens = file.0.len();
    file.numbers(&[end]);
    for id in 0..end {
        let word = WORDS.get(id).copied().unwrap_or_default();
        file.numbers(&[word.len()]);
        file.0.extend(word.as_bytes());
    }
    let tensors = file.0.len();

    file.zeros("encoder.positional_embedding", &[STATE, AUDIO], false);
    file.weight("encoder.conv1.weight", &[3, MELS, STATE]);
    file.zeros("encoder.conv1.bias", &[1, STATE], false);
    file.weight("encoder.conv2.weight", &[3, STATE, STATE]);
    file.zeros("encoder.conv2.bias", &[1, STATE], false);
    file.line("encoder.ln_post.weight", STATE);
    file.line("encoder.ln_post.bias", STATE);
    file.block("encoder.blocks.0");

    file.head("decoder.positional_embedding", &[STATE, TEXT], false);
    for index in 0..TEXT {
        for at in 0..STATE {
            let value = if at == index { 100.0_f32 } else { 0.0 };
            file.0.extend(value.to_le_bytes());
        }
    }
    file.head("decoder.token_embedding.weight", &[STATE, vocabulary], true);
    let selected = [1, 2, end];
    for id in 0..vocabulary {
        let index = selected.iter().position(|&selected| selected == id).map(|index| first + index);
        for at in 0..STATE {
            file.0.extend(if Some(at) == index { FOUR } else { 0 }.to_le_bytes());
        }
    }
    file.head("decoder.ln.weight", &[STATE], false);
    for _ in 0..STATE {
        file.0.extend(1.0_f32.to_le_bytes());
    }
    file.line("decoder.ln.bias", STATE);
    file.block("decoder.blocks.0");
    file.attention("decoder.blocks.0.cross_attn");
    (file.0, [filters, tokens, tensors])
}
