//! stub
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownlinkCodec {
    Opus,
    Pcm,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Downlink {
    pub codec: DownlinkCodec,
    pub sample_rate: u32,
    pub frame_ms: u32,
    pub bitrate: u32,
}
