//! TLS of all ports. Rule: a valid certificate stays in use until its replacement has been read and validated; where
//! TLS is configured no connection is served without it.

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

use crate::config::tls::{Digests, PemFiles, TlsConfig};
use crate::connection_metrics::count_rejected;
use crate::settings::GatewaySettings;

/// The certificate in use; none as long as no valid one has been read.
#[derive(Default)]
pub(crate) struct CertificateStore {
    current: ArcSwapOption<ServerConfig>,
}

impl CertificateStore {
    /// Reads the configured files, and re-reads them whenever they or the settings change, until the task is dropped.
    pub(crate) fn watch(settings: watch::Receiver<Arc<GatewaySettings>>) -> (Arc<Self>, IoTask<()>) {
        let certificates = Arc::new(Self::default());
        let mut loaded = LoadedFiles::default();
        loaded.reload(settings.borrow().tls.as_ref(), &certificates);
        loaded.warn(unix_seconds());
        let task = spawn_io(watch_files(certificates.clone(), settings, loaded));
        (certificates, task)
    }

    /// Performs the TLS handshake. `None` if it failed or took longer than `limit`.
    pub(crate) async fn accept(&self, stream: TcpStream, limit: Duration) -> Option<TlsStream<TcpStream>> {
        let config = self.current.load_full()?;
        match timeout(limit, TlsAcceptor::from(config).accept(stream)).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(%error, "TLS handshake failed");
                count_rejected("tls");
                None
            }
            Err(_) => {
                count_rejected("timeout");
                None
            }
        }
    }
}

/// The files as of the last read.
#[derive(Default)]
struct LoadedFiles {
    files: Option<TlsConfig>,
    digests: Digests,
    /// Expiry of the certificate in use, in Unix s.
    expiry: Option<i64>,
    /// The number of days left in the last expiry warning.
    last_warning: Option<i64>,
}

/// The days left and the text of an expiry warning; `None` while the expiry is far off. `now` and `expiry` in Unix s.
fn warning(expiry: i64, now: i64) -> Option<(i64, String)> {
    let remaining = expiry - now;
    let days = remaining.div_euclid(limits::DAY.as_secs() as i64);
    match remaining {
        ..=0 => Some((-1, "has expired: devices refuse it; renew it now".to_owned())),
        _ if days < limits::CERTIFICATE_WARNING_DAYS => {
            Some((days, format!("expires in {days} days; has its renewal failed?")))
        }
        _ => None,
    }
}

impl LoadedFiles {
    /// Warns of the expiry of the certificate in use, once a day.
    fn warn(&mut self, now: i64) {
        let Some((days, text)) = self.expiry.and_then(|expiry| warning(expiry, now)) else { return };
        if self.last_warning != Some(days) {
            self.last_warning = Some(days);
            let certificate = self.files.as_ref().map(|files| files.certificate.display().to_string());
            tracing::warn!(certificate = certificate.unwrap_or_default(), "the certificate {text}");
        }
    }

    /// Reloads the files if they differ from those of the last read.
    fn reload(&mut self, files: Option<&TlsConfig>, certificates: &CertificateStore) {
        let Some(files) = files else { return };
        let pem = PemFiles::read(&files.certificate, &files.key);
        let digests = pem.digests();
        if self.files.as_ref() == Some(files) && self.digests == digests {
            return;
        }
        let is_first = self.files.is_none();
        (self.files, self.digests) = (Some(files.clone()), digests);
        match pem.load(&files.certificate, &files.key) {
            Ok(config) => {
                certificates.current.store(Some(config));
                (self.expiry, self.last_warning) = (pem.expiry(), None);
                if let Some(expiry) = self.expiry {
                    metrics::gauge!("modehost_tls_certificate_expiry_seconds").set(expiry as f64);
                }
                if !is_first {
                    tracing::info!(certificate = %files.certificate.display(), "a new certificate is in use");
                }
            }
            Err(error) => tracing::error!(%error, "reload failed; the previous certificate stays in use"),
        }
    }
}

async fn watch_files(
    certificates: Arc<CertificateStore>,
    mut settings: watch::Receiver<Arc<GatewaySettings>>,
    mut loaded: LoadedFiles,
) {
    loop {
        tokio::select! {
            () = sleep(limits::TLS_POLL) => {}
            changed = settings.changed() => {
                if changed.is_err() {
                    return;
                }
            }
        }
        let (files, certificates) = (settings.borrow_and_update().tls.clone(), certificates.clone());
        let reloaded = run_blocking(move || {
            loaded.reload(files.as_ref(), &certificates);
            loaded.warn(unix_seconds());
            loaded
        });
        match reloaded.await {
            Some(reloaded) => loaded = reloaded,
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
        let text_of = |remaining: i64| warning(1_000 * DAY + remaining, 1_000 * DAY).map(|(_, text)| text);
        assert_eq!(text_of(15 * DAY), None);
        assert_eq!(text_of(13 * DAY + 5).as_deref(), Some("expires in 13 days; has its renewal failed?"));
        for past in [0, -1, -400 * DAY] {
            assert!(text_of(past).is_some_and(|text| text.starts_with("has expired")), "{past}");
        }
    }
}
