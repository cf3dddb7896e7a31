//! Recordings as files. Rule: any file that a speech service may send is understood, and becomes one channel at one rate;
//! nothing is longer than its limit.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use hound::{SampleFormat, WavSpec, WavWriter};

use crate::tts::decode_file;

const NOT_SOUND: &str = "it is no sound that can be read; send WAV, MP3 or Opus in Ogg";

/// A recording: mono, 16 bit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Its samples.
    pub pcm: Arc<[i16]>,
    /// In Hz.
    pub sample_rate: u32,
}

impl Sound {
    /// Reads a file: WAV, MP3 or Opus in Ogg, and resamples it to this rate. Blocks while it decodes.
    ///
    /// # Errors
    /// A sentence, if it is not such a file, holds no sound, or is longer than `most`.
    pub fn read(file: &[u8], sample_rate: u32, most: Duration) -> Result<Self, String> {
        let pcm = decode_file(file, sample_rate).map_err(|_| NOT_SOUND.to_owned())?;
        let sound = Self { pcm: pcm.into(), sample_rate };
        let length = sound.duration();
        if length > most {
            return Err(format!("it is {} s long, and at most {} s are taken", length.as_secs(), most.as_secs()));
        }
        Ok(sound)
    }

    /// How long it is.
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.pcm.len() as f64 / f64::from(self.sample_rate.max(1)))
    }

    /// As a WAV file.
    ///
    /// # Errors
    /// If it would have 4 GiB or more.
    pub fn to_wav(&self) -> Result<Vec<u8>, hound::Error> {
        wav(&self.pcm, self.sample_rate)
    }
}

/// A WAV file: mono, signed 16 bit.
///
/// # Errors
/// If it would have 4 GiB or more.
pub(crate) fn wav(pcm: &[i16], sample_rate: u32) -> Result<Vec<u8>, hound::Error> {
    let spec = WavSpec { channels: 1, sample_rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut file = Cursor::new(Vec::with_capacity(44 + pcm.len() * 2));
    let mut writer = WavWriter::new(&mut file, spec)?;
    let mut samples = writer.get_i16_writer(u32::try_from(pcm.len()).map_err(|_| hound::Error::TooWide)?);
    for sample in pcm {
        samples.write_sample(*sample);
    }
    samples.flush()?;
    writer.finalize()?;
    Ok(file.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(seconds: usize, sample_rate: u32) -> Sound {
        let samples = seconds * sample_rate as usize;
        let pcm: Vec<i16> = (0..samples).map(|at| ((at as f64 / 20.0).sin() * 9_000.0) as i16).collect();
        Sound { pcm: pcm.into(), sample_rate }
    }

    #[test]
    fn a_written_file_is_read_again() {
        let sound = tone(1, 24_000);
        let file = sound.to_wav().expect("a file");
        assert_eq!(Sound::read(&file, 24_000, Duration::from_secs(1)), Ok(sound.clone()));
        let reader = hound::WavReader::new(&*file).expect("a WAV file");
        assert_eq!((reader.spec().channels, reader.spec().sample_rate, reader.len()), (1, 24_000, 24_000));
        let resampled = Sound::read(&file, 16_000, Duration::from_secs(2)).expect("the file");
        assert!((15_900..=16_100).contains(&resampled.pcm.len()), "{}", resampled.pcm.len());
    }

    #[test]
    fn what_is_too_long_or_no_sound_is_refused() {
        let file = tone(3, 16_000).to_wav().expect("a file");
        let why = Sound::read(&file, 16_000, Duration::from_secs(2)).expect_err("three seconds");
        assert_eq!(why, "it is 3 s long, and at most 2 s are taken");
        for wrong in [&b""[..], b"hello", b"{\"error\": 1}", &file[..20], &file[..44]] {
            assert!(Sound::read(wrong, 16_000, Duration::from_secs(2)).is_err(), "{wrong:?}");
        }
    }
}
