//! Bytes that the peer has not acknowledged. Rule: a stream never claims more than the kernel knows; where the kernel
//! cannot tell, written bytes count as acknowledged.

use tokio::io::DuplexStream;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// A stream that reports how many written bytes may still be lost.
pub(crate) trait Unacknowledged {
    /// Bytes that the kernel has accepted and the peer has not acknowledged; a broken connection loses them.
    fn unacknowledged(&self) -> u64;
}

impl Unacknowledged for TcpStream {
    #[cfg(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "arm", target_arch = "riscv64")
    ))]
    #[allow(unsafe_code, reason = "no library names this request; without it a lost Wi-Fi loses whole queues")]
    fn unacknowledged(&self) -> u64 {
        use rustix::ioctl::{Getter, Opcode, ioctl};

        /// `TIOCOUTQ`, named `SIOCOUTQ` for sockets: bytes in the send queue, as an `int`.
        const SEND_QUEUE: Opcode = 0x5411;
        // SAFETY: on these systems the request with this number writes one `int` to the given address and has no other
        // effect; other kinds of files reject it with an error.
        let bytes = unsafe { ioctl(self, Getter::<SEND_QUEUE, i32>::new()) };
        bytes.map_or(0, |bytes| u64::try_from(bytes).unwrap_or(0))
    }

    #[cfg(not(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "arm", target_arch = "riscv64")
    )))]
    fn unacknowledged(&self) -> u64 {
        0
    }
}

impl Unacknowledged for TlsStream<TcpStream> {
    /// In encrypted bytes, which are never fewer than the plain ones.
    fn unacknowledged(&self) -> u64 {
        self.get_ref().0.unacknowledged()
    }
}

impl Unacknowledged for DuplexStream {
    fn unacknowledged(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn p4_what_the_other_side_has_no_room_for_is_not_acknowledged() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mut far = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
        let (mut near, _) = listener.accept().await.expect("a connection");
        assert_eq!(near.unacknowledged(), 0);
        let mut written = 0_usize;
        let full = std::time::Duration::from_millis(500);
        while let Ok(count) = tokio::time::timeout(full, near.write(&[7; 64 * 1024])).await {
            written += count.expect("open");
        }
        let open = near.unacknowledged();
        assert!(open > 0 && open <= written as u64, "{open} of {written}");
        let mut discarded = vec![0; written];
        far.read_exact(&mut discarded).await.expect("all of it");
        let end = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
        while near.unacknowledged() > 0 {
            assert!(tokio::time::Instant::now() < end, "never acknowledged");
            tokio::task::yield_now().await;
        }
    }
}
