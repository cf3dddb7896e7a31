//! The configuration file, for operators who edit it in a browser. Rule: secrets never leave the server; a text is written as a
//! whole, only if it is valid, and only over the text that it was made from, so that of two operators the second is told.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use modehost_config::{Diagnostics, Loaded};
use modehost_contract::Catalog;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::view::{BadConfiguration, Refusal};
use super::{AdminState, Shared, error_response, order_response};
use crate::app::diagnostics;
use crate::app::sections::Owners;
use crate::limits;
use crate::settings::shown::text::{HiddenText, differences};
use crate::settings::{COLD, Settings, schema};

/// The routes of this module.
pub(super) fn routes() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new()
        .routes(routes!(show, replace))
        .routes(routes!(check))
        .routes(routes!(show_schema))
        // JSON escapes can double a text.
        .layer(DefaultBodyLimit::max(2 * limits::CONFIG_BYTES))
}

/// The configuration file.
#[derive(Debug, Serialize, ToSchema)]
struct ConfigFileView {
    /// Its path; null: the server runs with built-in settings.
    file: Option<String>,
    /// Its text, with `<hidden:1>` and so on in place of secrets. Sent back, they stand for the secrets.
    text: String,
    /// Stands for this text.
    version: String,
    /// Whether the server can write it.
    writable: bool,
    /// Why it cannot be shown or written.
    why: Option<String>,
}

/// The configuration file without its secrets.
#[utoipa::path(
    get, path = "/api/v1/config/file", security(("admin_token" = [])),
    responses(
        (status = 200, description = "The file", body = ConfigFileView),
        (status = 409, description = "It cannot be read", body = Refusal),
        (status = "4XX", description = "Not allowed", body = Refusal),
        (status = 503, description = "The server is stopping", body = Refusal),
    )
)]
async fn show(State(admin): Shared) -> Response {
    let shown = admin.clone().run_order(move || {
        let Some(path) = &admin.live.source().file else {
            let why = Some("the server was started without a file; start it with `--config FILE`".to_owned());
            return Ok::<_, Refused>(ConfigFileView {
                file: None,
                text: String::new(),
                version: String::new(),
                writable: false,
                why,
            });
        };
        let current = Current::read(path, &admin)?;
        let (text, hidden_why) = match current.hidden {
            Ok(hidden) => (hidden.text, None),
            Err(why) => (String::new(), Some(why)),
        };
        let why = hidden_why.or_else(|| read_only(path));
        let (file, version) = (Some(path.display().to_string()), current.version);
        Ok(ConfigFileView { file, text, version, writable: why.is_none(), why })
    });
    match shown.await {
        Some(Ok(view)) => Json(view).into_response(),
        Some(Err(refused)) => refused.into_response(),
        None => order_response(None),
    }
}

/// A text for the configuration file.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Candidate {
    /// YAML; `<hidden:1>` and so on stand for the secrets of the text that it was made from.
    text: String,
    /// The version of that text.
    version: String,
}

/// What a text would change.
#[derive(Debug, Serialize, ToSchema)]
struct CheckedView {
    /// Settings that differ from the file; the first 500 of very many.
    changed: Vec<String>,
    /// Those of them that take effect after a restart.
    needs_restart: Vec<String>,
}

/// Checks a text for the configuration file; changes nothing.
#[utoipa::path(
    post, path = "/api/v1/config/file/check", security(("admin_token" = [])),
    request_body = Candidate,
    responses(
        (status = 200, description = "It is valid", body = CheckedView),
        (status = 409, description = "The file is another one meanwhile, or cannot be read", body = Refusal),
        (status = 422, description = "It is not valid", body = BadConfiguration),
        (status = "4XX", description = "Not allowed, or no text", body = Refusal),
        (status = 503, description = "The server is stopping", body = Refusal),
    )
)]
async fn check(State(admin): Shared, candidate: Result<Json<Candidate>, JsonRejection>) -> Response {
    let Ok(Json(candidate)) = candidate else { return error_response(StatusCode::BAD_REQUEST, NO_CANDIDATE) };
    let checked = admin.clone().run_order(move || {
        let path = file_of(&admin)?;
        Ok(Current::read(&path, &admin)?.check(&candidate, &admin)?.0)
    });
    match checked.await {
        Some(Ok(checked)) => Json(checked).into_response(),
        Some(Err(refused)) => Refused::into_response(refused),
        None => order_response(None),
    }
}

/// What has been changed.
#[derive(Debug, Serialize, ToSchema)]
struct WrittenView {
    /// Whether settings in force are others now.
    changed: bool,
    /// Settings whose new values take effect after a restart.
    needs_restart: Vec<String>,
    /// Stands for the new text.
    version: String,
}

/// Writes the configuration file and applies it. Nothing is written unless it is valid.
#[utoipa::path(
    put, path = "/api/v1/config/file", security(("admin_token" = [])),
    request_body = Candidate,
    responses(
        (status = 200, description = "It holds", body = WrittenView),
        (status = 409, description = "The file is another one meanwhile, or cannot be read or written", body = Refusal),
        (status = 422, description = "It is not valid; nothing has changed", body = BadConfiguration),
        (status = "4XX", description = "Not allowed, or no text", body = Refusal),
        (status = 503, description = "The server is stopping", body = Refusal),
    )
)]
async fn replace(State(admin): Shared, candidate: Result<Json<Candidate>, JsonRejection>) -> Response {
    let Ok(Json(candidate)) = candidate else { return error_response(StatusCode::BAD_REQUEST, NO_CANDIDATE) };
    let written = admin.clone().run_order(move || {
        let path = file_of(&admin)?;
        // Held until the file is replaced: of two operators at the same time, the second is told. Nobody is waited for, since a
        // program may hold a lock of the file for ever.
        let lock = File::open(&path).map_err(|error| Refused::conflict(format!("{}: {error}", path.display())))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => Refused::conflict(CHANGED),
            TryLockError::Error(error) => Refused::conflict(format!("{}: {error}", path.display())),
        })?;
        let current = Current::read(&path, &admin)?;
        let text = current.check(&candidate, &admin)?.1;
        write(&path, &text).map_err(|error| {
            Refused::conflict(format!("{} cannot be written: {error}; nothing has changed", path.display()))
        })?;
        let reloaded = admin.live.refresh().map_err(|diagnostics| {
            // A plugin may refuse what no schema forbids. The file is as it was, as everywhere where nothing is applied.
            if let Err(error) = write(&path, &current.text) {
                tracing::error!(file = %path.display(), %error, "a configuration that is not in force could not be taken back");
            }
            Refused::Invalid(diagnostics)
        })?;
        let (changed, needs_restart) = (reloaded.changed, reloaded.needs_restart);
        Ok(WrittenView { changed, needs_restart, version: version_of(&text) })
    });
    match written.await {
        Some(Ok(written)) => Json(written).into_response(),
        Some(Err(refused)) => Refused::into_response(refused),
        None => order_response(None),
    }
}

/// JSON Schema of the configuration file, with the sections of the loaded plugins.
#[utoipa::path(
    get, path = "/api/v1/config/schema", security(("admin_token" = [])),
    responses(
        (status = 200, description = "A schema", body = Object),
        (status = "4XX", description = "Not allowed", body = Refusal),
    )
)]
async fn show_schema(State(admin): Shared) -> Response {
    let sections = Owners::loaded(&admin.catalog.table()).schemas;
    ([(header::CONTENT_TYPE, "application/json")], schema::with_sections(sections)).into_response()
}

/// Why a text is not taken.
enum Refused {
    Conflict(String),
    Invalid(Diagnostics),
    /// A sentence about the text as a whole.
    Unfit(String),
}

impl Refused {
    fn conflict(why: impl Into<String>) -> Self {
        Self::Conflict(why.into())
    }

    fn into_response(self) -> Response {
        match self {
            Self::Conflict(why) => error_response(StatusCode::CONFLICT, why),
            Self::Unfit(why) => {
                (StatusCode::UNPROCESSABLE_ENTITY, Json(BadConfiguration::of_sentence(why))).into_response()
            }
            Self::Invalid(diagnostics) => {
                (StatusCode::UNPROCESSABLE_ENTITY, Json(BadConfiguration::from(&diagnostics))).into_response()
            }
        }
    }
}

/// The file as it is now.
struct Current {
    text: String,
    version: String,
    /// None while the file is not valid.
    loaded: Option<Loaded<Settings>>,
    hidden: Result<HiddenText, String>,
}

impl Current {
    fn read(path: &Path, admin: &AdminState) -> Result<Self, Refused> {
        let text = modehost_follow::read_text(path, limits::CONFIG_BYTES)
            .map_err(|error| Refused::conflict(format!("{} cannot be read: {error}", path.display())))?;
        let loaded = admin.live.source().load_text::<Settings>("configuration", &text).ok();
        let hidden = hide(&text, loaded.as_ref(), admin);
        Ok(Self { version: version_of(&text), text, loaded, hidden })
    }

    /// What a text would change, and the text itself with its secrets.
    fn check(&self, candidate: &Candidate, admin: &AdminState) -> Result<(CheckedView, String), Refused> {
        if candidate.version != self.version {
            return Err(Refused::conflict(CHANGED));
        }
        let hidden = self.hidden.as_ref().map_err(|why| Refused::conflict(why.clone()))?;
        let text = hidden.restore(&candidate.text).map_err(|error| Refused::Unfit(error.to_string()))?;
        let source = admin.live.source();
        let loaded = source.load_text::<Settings>("configuration", &text).map_err(Refused::Invalid)?;
        let diagnostics = diagnostics::of(&loaded, &admin.catalog);
        if !diagnostics.is_empty() {
            return Err(Refused::Invalid(Diagnostics::sorted(diagnostics)));
        }
        let is_hidden = hide(&text, Some(&loaded), admin).is_ok_and(|shown| !hidden.is_shown_in(&shown));
        if !is_hidden {
            return Err(Refused::Unfit("a <hidden:…> may only stand where secrets stand".to_owned()));
        }
        let before = self.loaded.clone().unwrap_or_else(|| (*admin.live.current()).clone());
        let changed = differences(&before, &loaded);
        let is_changed = |cold: &&&str| {
            changed.iter().any(|name| format!("/{}/", name.replace('.', "/")).starts_with(&format!("{cold}/")))
        };
        // By the names that a reload tells.
        let needs_restart =
            COLD.iter().filter(is_changed).map(|cold| cold.trim_start_matches('/').replace('/', ".")).collect();
        Ok((CheckedView { changed, needs_restart }, text))
    }
}

fn hide(text: &str, loaded: Option<&Loaded<Settings>>, admin: &AdminState) -> Result<HiddenText, String> {
    let schemas = Owners::loaded(&admin.catalog.table()).schemas;
    HiddenText::of(text, loaded, &schemas).map_err(|error| format!("the file cannot be shown: {error}"))
}

fn file_of(admin: &AdminState) -> Result<PathBuf, Refused> {
    let file = admin.live.source().file.clone();
    file.ok_or_else(|| Refused::conflict("the server was started without a file; start it with `--config FILE`"))
}

fn version_of(text: &str) -> String {
    modehost_install::digest::of(text.as_bytes())
}

/// Why the file cannot be written; none if it can.
fn read_only(path: &Path) -> Option<String> {
    let real = path.canonicalize().ok()?;
    let directory = real.parent()?;
    let file = OpenOptions::new().write(true).open(&real).map(drop);
    let access = rustix::fs::access(directory, rustix::fs::Access::WRITE_OK).map_err(io::Error::from);
    let error = file.and(access).err()?;
    Some(format!("the server may not write {}: {error}; edit it on its machine and reload", real.display()))
}

/// Writes the file as a whole, with the owner and the permissions that it has.
fn write(path: &Path, text: &str) -> io::Result<()> {
    // A symbolic link stays one.
    let real = path.canonicalize()?;
    let directory = real.parent().unwrap_or(Path::new("."));
    let before = std::fs::metadata(&real)?;
    let mut part = tempfile::Builder::new().prefix(".").suffix(".part").tempfile_in(directory)?;
    part.write_all(text.as_bytes())?;
    let made = part.as_file().metadata()?;
    if (made.uid(), made.gid()) != (before.uid(), before.gid()) {
        fchown(part.as_file(), Some(before.uid()), Some(before.gid()))?;
    }
    part.as_file().set_permissions(before.permissions())?;
    part.as_file().sync_all()?;
    part.persist(&real).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()
}

const CHANGED: &str = "somebody has changed the file since you opened it; look at it again";
const NO_CANDIDATE: &str =
    "send {\"text\": \"…\", \"version\": \"…\"} as JSON, with the version of the text that yours is made from";
