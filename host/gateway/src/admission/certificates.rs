//! TLS on both ports. Rule: a certificate that has been good stays in use until a better one has
//! been read whole; with TLS configured nobody is ever served without it.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::limits;
use arc_swap::ArcSwapOption;
use modehost_task::{IoTask, run_blocking, spawn_io};
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::tls::{Sums, Texts, TlsConfig};
use crate::connection_metrics::refused;
use crate::settings::GatewaySettings;

/// The certificate in use; none while there has been no good one.
#[derive(Default)]
pub(crate) struct Certificates {
    current: ArcSwapOption<ServerConfig>,
}

impl Certificates {
    /// Reads the files of the settings, and again whenever they or the settings change, until the
    /// task is dropped.
    pub(crate) fn keep(settings: watch::Receiver<Arc<GatewaySettings>>) -> (Arc<Self>, IoTask<()>) {
        let certificates = Arc::new(Self::default());
        let mut known = Known::default();
        known.renew(settings.borrow().tls.as_ref(), &certificates);
        known.warn(unix_seconds());
        let task = spawn_io(watch_files(certificates.clone(), settings, known));
        (certificates, task)
    }

    /// Speaks TLS with a caller. `None`: it could not, or took longer than `limit`.
    pub(crate) async fn accept(&self, stream: TcpStream, limit: Duration) -> Option<TlsStream<TcpStream>> {
        let config = self.current.load_full()?;
        match timeout(limit, TlsAcceptor::from(config).accept(stream)).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a caller did not speak TLS");
                refused("tls");
                None
            }
            Err(_) => {
                refused("timeout");
                None
            }
        }
    }
}

/// The files as they were last read.
#[derive(Default)]
struct Known {
    files: Option<TlsConfig>,
    sums: Sums,
    /// When the certificate in use ends, in Unix s.
    end: Option<i64>,
    /// The days that its owner was warned of last.
    warned: Option<i64>,
}

/// What a certificate in use says of its end to whoever should renew it; none while there is time.
fn warning(end: i64, now: i64) -> Option<(i64, String)> {
    let left = end - now;
    let days = left.div_euclid(limits::DAY.as_secs() as i64);
    match left {
        ..=0 => Some((-1, "has expired: devices refuse it; renew it now".to_owned())),
        _ if days < limits::CERTIFICATE_WARNING_DAYS => {
            Some((days, format!("expires in {days} days; has its renewal failed?")))
        }
        _ => None,
    }
}

impl Known {
    /// Warns of the end of the certificate in use, once a day.
    fn warn(&mut self, now: i64) {
        let Some((days, words)) = self.end.and_then(|end| warning(end, now)) else { return };
        if self.warned != Some(days) {
            self.warned = Some(days);
            let certificate = self.files.as_ref().map(|files| files.certificate.display().to_string());
            tracing::warn!(certificate = certificate.unwrap_or_default(), "the certificate {words}");
        }
    }

    /// Reads the files if they are not those that were read last.
    fn renew(&mut self, files: Option<&TlsConfig>, certificates: &Certificates) {
        let Some(files) = files else { return };
        let texts = Texts::read(&files.certificate, &files.key);
        let seen = texts.sums();
        if self.files.as_ref() == Some(files) && self.sums == seen {
            return;
        }
        let first = self.files.is_none();
        (self.files, self.sums) = (Some(files.clone()), seen);
        match texts.load(&files.certificate, &files.key) {
            Ok(config) => {
                certificates.current.store(Some(config));
                (self.end, self.warned) = (texts.end(), None);
                if let Some(end) = self.end {
                    metrics::gauge!("modehost_tls_certificate_expiry_seconds").set(end as f64);
                }
                if !first {
                    tracing::info!(certificate = %files.certificate.display(), "a new certificate is in use");
                }
            }
            Err(error) => tracing::error!(%error, "the certificate before stays in use"),
        }
    }
}

async fn watch_files(
    certificates: Arc<Certificates>,
    mut settings: watch::Receiver<Arc<GatewaySettings>>,
    mut known: Known,
) {
    loop {
        tokio::select! {
            () = sleep(limits::TLS_LOOK) => {}
            changed = settings.changed() => {
                if changed.is_err() {
                    return;
                }
            }
        }
        let (files, certificates) = (settings.borrow_and_update().tls.clone(), certificates.clone());
        let renewed = run_blocking(move || {
            known.renew(files.as_ref(), &certificates);
            known.warn(unix_seconds());
            known
        });
        match renewed.await {
            Some(renewed) => known = renewed,
            None => return,
        }
    }
}

fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_warned_of_in_time() {
        const DAY: i64 = 86_400;
        let told = |left: i64| warning(1_000 * DAY + left, 1_000 * DAY).map(|(_, words)| words);
        assert_eq!(told(15 * DAY), None);
        assert_eq!(told(13 * DAY + 5).as_deref(), Some("expires in 13 days; has its renewal failed?"));
        for past in [0, -1, -400 * DAY] {
            assert!(told(past).is_some_and(|words| words.starts_with("has expired")), "{past}");
        }
    }
}
