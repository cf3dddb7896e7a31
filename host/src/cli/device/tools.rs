//! Tools of a device and sounds for it. Rule: what the device answers is printed as it came; a tool that has failed is a failed
//! command.

use std::path::Path;

use serde_json::{Value, json};

use super::super::Failure;
use super::super::client::{Body, ServerArguments, segment};
use crate::limits;
use crate::terminal::print_line;

/// Prints the tools of a device.
pub fn list(device: &str, as_json: bool, server: ServerArguments) -> Result<(), Failure> {
    let response = server.server()?.get(&format!("/api/v1/devices/{}/tools", segment(device)))?;
    if as_json {
        print_line(serde_json::to_string_pretty(&response["tools"]).map_err(Failure::other)?);
        return Ok(());
    }
    let tools: Vec<&Value> = response["tools"].as_array().into_iter().flatten().collect();
    if tools.is_empty() {
        print_line(format_args!("{device} offers no tools"));
    }
    for tool in tools {
        let text = |key: &str| tool[key].as_str().unwrap_or_default();
        let first = text("description").lines().next().unwrap_or_default();
        print_line(format_args!("{}  {first}", text("name")));
    }
    Ok(())
}

/// Calls a tool of a device.
pub fn call(device: &str, tool: &str, arguments: &str, server: ServerArguments) -> Result<(), Failure> {
    let arguments: Value = serde_json::from_str(arguments).map_err(|error| {
        Failure::Other(format!("the arguments are no JSON: {error}; write an object such as '{{\"volume\": 40}}'"))
    })?;
    let path = format!("/api/v1/devices/{}/tools/call", segment(device));
    let response = server.server()?.post_json(&path, &json!({ "name": tool, "arguments": arguments }))?;
    let text = response["text"].as_str().unwrap_or_default();
    if response["is_error"] == true {
        return Err(Failure::Other(format!("{tool} has failed: {text}")));
    }
    print_line(text);
    Ok(())
}

/// Has a device play a file.
pub fn play(device: &str, file: &Path, server: ServerArguments) -> Result<(), Failure> {
    let body = sound(file)?;
    server.server()?.send_file("POST", &format!("/api/v1/devices/{}/play", segment(device)), body)?;
    print_line(format_args!("{device} plays it now"));
    Ok(())
}

/// A sound file as a body.
pub fn sound(file: &Path) -> Result<Body, Failure> {
    let bytes = modehost_follow::read(file, limits::SOUND_FILE_BYTES)
        .map_err(|error| Failure::Other(format!("cannot read {}: {error}", file.display())))?;
    Ok(Body { kind: "audio/wav", bytes, signature: None })
}
