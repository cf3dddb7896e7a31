//! Plugins that an operator sends to a running server. Rule: every check of a start and of `plugin install` first, and nothing
//! is written before; then the server takes the file as any that appears in its folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{self, DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use modehost_config::Loaded;
use modehost_contract::{Catalog, Generation};
use modehost_install::{Lock, digest, signature};
use modehost_plugin::package::{self, Package};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::view::{BadConfiguration, Refusal};
use super::{AdminState, Shared, error_response, order_response};
use crate::limits;
use crate::plugin_file::{self, file_of};
use crate::settings::Settings;

/// The routes of this module.
pub(super) fn routes() -> OpenApiRouter<Arc<AdminState>> {
    let most = limits::PLUGIN_FILE_BYTES as usize;
    OpenApiRouter::new().routes(routes!(check)).routes(routes!(install)).layer(DefaultBodyLimit::max(most))
}

/// A plugin that could be installed.
#[derive(Debug, Serialize, ToSchema)]
struct UploadView {
    id: String,
    version: String,
    /// Contract version that it was built against.
    contract: String,
    /// Of the file.
    sha256: String,
    bytes: usize,
    /// The modes that it offers.
    modes: Vec<String>,
    /// The grants that it requires.
    grants: Vec<String>,
    /// Those of them that it does not have: `plugins.grants` gives them. Until then it cannot be installed.
    missing_grants: Vec<String>,
    /// The version that serves now; null if there is none.
    replaces: Option<String>,
    /// Where it would be written.
    file: String,
    /// `valid`: signed by one of `plugins.signing_keys`; null: no signature is asked for.
    signature: Option<&'static str>,
    /// What else an operator should know, such as a pin that keeps it from serving.
    note: Option<String>,
}

/// Checks a plugin with the settings in force: its format, its contract, its section, its grants. Changes nothing.
#[utoipa::path(
    post, path = "/api/v1/plugins/check", security(("admin_token" = [])),
    params(("modehost-signature" = Option<String>, Header, description = "Its `.minisig` file, in base64")),
    request_body(content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "It is a plugin", body = UploadView),
        (status = 422, description = "It cannot be loaded, or its signature does not fit", body = BadConfiguration),
        (status = "4XX", description = "Not allowed, or too large", body = Refusal),
        (status = 503, description = "The server is stopping", body = Refusal),
    )
)]
async fn check(State(admin): Shared, headers: HeaderMap, file: Result<Bytes, BytesRejection>) -> Response {
    let upload = match Upload::of(&headers, file) {
        Ok(upload) => upload,
        Err((status, why)) => return error_response(status, why),
    };
    match admin.clone().run_order(move || upload.check(&admin)).await {
        Some(Ok(view)) => Json(view).into_response(),
        Some(Err(why)) => unfit(why),
        None => order_response(None),
    }
}

/// What has become of it.
#[derive(Debug, Serialize, ToSchema)]
struct Installed {
    /// `installed`: it is in the plugin folder; the server loads it now, and its trial begins.
    outcome: &'static str,
    file: String,
}

/// Installs a plugin: checks it and writes it into the plugin folder.
#[utoipa::path(
    put, path = "/api/v1/plugins/{id}", security(("admin_token" = [])),
    params(
        ("id" = String, Path, description = "Id of the plugin, as in its plugin.toml"),
        ("modehost-signature" = Option<String>, Header, description = "Its `.minisig` file, in base64")
    ),
    request_body(content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "It is in the plugin folder", body = Installed),
        (status = 409, description = "The folder cannot be written", body = Refusal),
        (status = 422, description = "It cannot be loaded, lacks a grant, or is another plugin", body = BadConfiguration),
        (status = "4XX", description = "Not allowed, or too large", body = Refusal),
        (status = 503, description = "The server is stopping", body = Refusal),
    )
)]
async fn install(
    State(admin): Shared,
    id: Result<extract::Path<String>, PathRejection>,
    headers: HeaderMap,
    file: Result<Bytes, BytesRejection>,
) -> Response {
    let Ok(extract::Path(id)) = id else { return error_response(StatusCode::BAD_REQUEST, super::NO_ID) };
    let upload = match Upload::of(&headers, file) {
        Ok(upload) => upload,
        Err((status, why)) => return error_response(status, why),
    };
    match admin.clone().run_order(move || upload.install(&id, &admin)).await {
        Some(Ok(file)) => Json(Installed { outcome: "installed", file: file.display().to_string() }).into_response(),
        Some(Err(Refused::Unfit(why))) => unfit(why),
        Some(Err(Refused::Unwritable(why))) => error_response(StatusCode::CONFLICT, why),
        None => order_response(None),
    }
}

/// Why a plugin is not installed.
enum Refused {
    Unfit(String),
    Unwritable(String),
}

impl From<String> for Refused {
    fn from(why: String) -> Self {
        Self::Unfit(why)
    }
}

/// What has been sent.
struct Upload {
    bytes: Bytes,
    /// Text of the `.minisig` file.
    signature: Option<String>,
}

impl Upload {
    fn of(headers: &HeaderMap, file: Result<Bytes, BytesRejection>) -> Result<Self, (StatusCode, String)> {
        let bytes = file.map_err(|rejected| (rejected.status(), rejected.body_text()))?;
        let signature = match headers.get("modehost-signature") {
            None => None,
            Some(value) => {
                let text = STANDARD.decode(value.as_bytes()).ok().and_then(|text| String::from_utf8(text).ok());
                let why = "modehost-signature must be the .minisig file in base64";
                Some(text.ok_or_else(|| (StatusCode::BAD_REQUEST, why.to_owned()))?)
            }
        };
        Ok(Self { bytes, signature })
    }

    fn check(&self, admin: &AdminState) -> Result<UploadView, String> {
        let live = admin.live.current();
        let settings = &live.document;
        let package = package::read(&self.bytes).map_err(|error| format!("this file {error}"))?;
        let signature = self.check_signature(settings)?;
        let missing: Vec<String> = settings.plugins.missing_grants(&package).iter().map(ToString::to_string).collect();
        // With what it lacks, so that everything else is known before somebody grants it.
        let generation = self.load(&live, &missing)?;
        let manifest = generation.manifest();
        let serving =
            admin.catalog.table().plugins.get(&*package.id).map(|entry| entry.active.manifest().version.to_string());
        let sha256 = digest::of(&self.bytes);
        let pin = settings.plugins.pins.get(&package.id).filter(|pin| **pin != sha256);
        let note = pin.map(|pin| {
            format!("plugins.pins.{} allows {pin} only: the version before serves until it fits", package.id)
        });
        Ok(UploadView {
            version: package.version.clone(),
            contract: generation.contract_version().version().to_owned(),
            sha256,
            bytes: self.bytes.len(),
            modes: manifest.modes.iter().map(|mode| mode.name.clone()).collect(),
            grants: package.grants.iter().map(ToString::to_string).collect(),
            missing_grants: missing,
            replaces: serving,
            file: file_of(&settings.plugins.dir, &package.id).display().to_string(),
            id: package.id,
            signature,
            note,
        })
    }

    fn install(&self, id: &str, admin: &AdminState) -> Result<PathBuf, Refused> {
        let live = admin.live.current();
        let settings = &live.document;
        let package = package::read(&self.bytes).map_err(|error| format!("this file {error}"))?;
        if package.id != id {
            return Err(Refused::Unfit(format!("this is the plugin {}, not {id}", package.id)));
        }
        self.check_signature(settings)?;
        self.load(&live, &[])?;
        let directory = &settings.plugins.dir;
        let file = file_of(directory, id);
        let unwritable = |error: &dyn std::fmt::Display| {
            Refused::Unwritable(format!("{} cannot be written: {error}", directory.display()))
        };
        forget_source(directory, &package).map_err(|error| unwritable(&error))?;
        modehost_install::write(&file, &self.bytes).map_err(|error| unwritable(&error))?;
        Ok(file)
    }

    fn check_signature(&self, settings: &Settings) -> Result<Option<&'static str>, String> {
        if settings.plugins.signing_keys.is_empty() {
            return Ok(None);
        }
        let keys: Result<Vec<_>, String> =
            settings.plugins.signing_keys.iter().map(|key| signature::parse_key(key)).collect();
        let keys = keys.map_err(|why| format!("plugins.signing_keys: a key {why}"))?;
        let signature = self.signature.as_ref();
        let text = signature.ok_or("it is not signed, which plugins.signing_keys asks for; add its .minisig file")?;
        signature::check(&self.bytes, text, &keys).map_err(|error| format!("the signature {error}"))?;
        Ok(Some("valid"))
    }

    /// Loads it as the server would, with these grants in addition.
    fn load(&self, live: &Loaded<Settings>, more: &[String]) -> Result<Arc<modehost_plugin::WasmGeneration>, String> {
        let (settings, sections) = (&live.document, &live.sections);
        plugin_file::probe_bytes_with(settings, sections, &self.bytes, "this file", more)
            .map_err(|error| error.to_string())
    }
}

/// What was sent cannot be fetched again: the lock file does not name it.
fn forget_source(directory: &Path, package: &Package) -> Result<(), modehost_install::LockError> {
    let mut lock = Lock::read(directory)?;
    if lock.remove(&package.id) { lock.write(directory) } else { Ok(()) }
}

fn unfit(why: String) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, Json(BadConfiguration::of_sentence(why))).into_response()
}
